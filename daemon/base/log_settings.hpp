// SPDX-License-Identifier: MIT
// The log settings of a configuration, which a running node may change: levels, how many lines a source may
// write, whether messages are shown, and files and handlers beside the one stream of log.hpp. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/log_queue.hpp"

namespace coppice::base::log {

// A source is a module; for a plugin's lines, the actor that wrote them. It may write `burst` lines at once,
// and `per_second` lines a second in the long run. Further lines are counted, and one line gives their
// number.
struct line_rate {
  std::uint64_t per_second = 100; // 0: no limit
  std::uint64_t burst = 500;      // at least 1
};

// A file to which lines are appended. Before it grows larger than `rotate_bytes` it is renamed (a.log to
// a.1.log, that to a.2.log, …); `keep` renamed files are kept. A file that is moved away or removed, or
// cannot be written, is opened again within a second.
struct file_target {
  std::string path; // absolute
  log::level level = log::level::trace;
  std::uint64_t rotate_bytes = std::uint64_t{64} << 20; // more than 0
  std::uint32_t keep = 10;
  bool operator==(const file_target&) const = default;
};

// Where lines go beside the one stream and the files: to a syslog server, or to an actor, which takes them
// from handler_queue(). Each handler has a queue of its own, so that none delays the log or another handler.
struct handler_target {
  std::string name;   // unique
  std::string syslog; // HOST:PORT, the host a name or an address. Empty: an actor takes the lines
  log::level level = log::level::info;
  std::vector<std::pair<std::string, log::level>>
      modules;                // modules with a level of their own in this handler
  std::size_t limit = 10'000; // most lines that wait, at least 1
  queue_full on_full = queue_full::drop_old;
  bool operator==(const handler_target&) const = default;
};

struct settings {
  log::level level = log::level::info;
  std::vector<std::pair<std::string, log::level>> modules; // modules that have a level of their own
  line_rate rate;
  bool messages = true;
  std::vector<file_target> files;
  std::vector<handler_target> handlers;
};

// Puts the settings into effect. The log's writer thread opens the files once it runs, and logs what fails.
// Errors: as set_level(); everything else is then in effect.
status use(const settings& chosen);

// Whether log lines may show messages between processes. If not, they show no such part of exit reasons
// either.
bool shows_messages();

// A file of the settings that takes no lines at present.
struct unwritable_file {
  std::string path;
  std::string why;
};
std::vector<unwritable_file> unwritable_files();

// The queue of the handler of this name, whose lines an actor takes; null: there is none. Stays the same
// while the settings have a handler of this name to an actor.
std::shared_ptr<log_queue> handler_queue(std::string_view name);

// The present state of a handler.
struct handler_report {
  handler_target target;
  std::size_t waiting = 0;   // lines in its queue
  std::uint64_t dropped = 0; // lines lost since it was made: its queue was full, or its server out of reach
  std::string failing;       // why its lines are not taken; empty: they are
};
// In the order of the settings.
std::vector<handler_report> handler_reports();

// The label of a handler, as log lines about it have it: "log/NAME".
std::string handler_label(std::string_view name);

// Makes the writer check now whether the files are still at their paths.
void look_at_files();

} // namespace coppice::base::log
