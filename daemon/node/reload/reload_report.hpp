// SPDX-License-Identifier: MIT
// What a reload is asked for and what came of it, for people and for the control socket. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "loader/generation.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::node {

struct reload_request {
  std::string plugin{}; // empty: all whose file is not what is loaded
  bool dry_run = false;
  std::string by{};        // who asks: "SIGHUP", "uid 0, pid 17"
  std::int32_t os_pid = 0; // of the client; 0: none
  std::string kind{}; // errc::exists where one of the same kind waits, which does the same; empty: it counts
};

enum class actor_outcome : std::uint8_t {
  carried,   // goes on with its state in the new code
  restarted, // its state can't be carried over: its supervisor started it again, in the new code
  stays,     // goes on in the old code, which stays loaded for it
};
std::string_view text(actor_outcome outcome);

struct actor_reload {
  runtime::pid pid; // as it was before
  std::string path; // app/supervisor/child; empty: it is in no tree
  std::string type;
  actor_outcome outcome = actor_outcome::carried;
  std::string reason; // why it was not carried
};

struct plugin_version {
  std::string version;
  std::string build_id;
  std::uint64_t generation = 0;
};

struct plugin_reload {
  std::string id;
  plugin_version from;
  plugin_version to;
  std::vector<actor_reload> actors; // by pid
};

struct reload_report {
  bool dry_run = false;               // nothing was done; outcomes are what they would be
  std::vector<plugin_reload> plugins; // by id; empty: no file has changed
  // Of the real thing, in ns. While the actors stood still `drain` went by until the last handler under way
  // had ended; `save` and `restore` are the sums over all actors, on all workers.
  base::nanos pause = 0;
  base::nanos drain = 0;
  base::nanos save = 0;
  base::nanos restore = 0;
  std::vector<loader::kept_image> kept; // code of former generations that is still mapped
};

} // namespace coppice::node
