// SPDX-License-Identifier: MIT
// What of the log a configuration chooses and a running node may change: levels, how many lines a source may
// write, whether messages are shown, files beside the one stream of log.hpp. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"

namespace coppice::base::log {

// A source is a module, and of a plugin's lines the actor that wrote them. It may write `burst` lines at
// once, and in the long run so many a second; what is more is counted, and a line says how many they were.
struct line_rate {
  std::uint64_t per_second = 100; // 0: as many as it likes
  std::uint64_t burst = 500;      // at least 1
};

// A file that lines are appended to. Before it would become larger than `rotate_bytes` it is renamed (a.log:
// a.1.log, that one a.2.log, …), and of the renamed ones `keep` are kept. When it is moved away or removed,
// or could not be written, it is opened anew within a second.
struct file_target {
  std::string path; // absolute
  log::level level = log::level::trace;
  std::uint64_t rotate_bytes = std::uint64_t{64} << 20; // more than 0
  std::uint32_t keep = 10;
  bool operator==(const file_target&) const = default;
};

struct settings {
  log::level level = log::level::info;
  std::vector<std::pair<std::string, log::level>> modules; // those that have a level of their own
  line_rate rate;
  bool messages = true;
  std::vector<file_target> files;
};

// From now on these. Files are opened by the log's writer thread once it runs; what goes wrong with one is
// said in the log. Errors as set_level(); all else is in effect then.
status use(const settings& chosen);

// Whether lines may show what processes have sent each other. Where not, their reasons to end do not either.
bool shows_messages();

// The writer looks now whether the files are still where they were.
void look_at_files();

} // namespace coppice::base::log
