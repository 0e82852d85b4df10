// SPDX-License-Identifier: MIT
// The request for a reload and its result: for each plugin the old and the new version, and for each of its
// actors whether its state was carried over. Shown to people and sent over the control socket. Plain values;
// any thread.
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
  std::string plugin{}; // empty: all plugins whose file has changed
  bool dry_run = false;
  bool carry_only = false; // refused with errc::refused if an actor would be restarted
  std::string by{};        // the requester, such as "SIGHUP" or "uid 0, pid 17"
  std::int32_t os_pid = 0; // of the client. 0: none
  std::string kind{};      // refused with errc::exists if a request of the same kind waits. Empty: never
};

enum class actor_outcome : std::uint8_t {
  carried,   // goes on with its state in the new code
  restarted, // its state could not be carried over: its supervisor restarted it with the new code
  stays,     // goes on in the old code, which stays loaded for it
};
std::string_view text(actor_outcome outcome);

struct actor_reload {
  runtime::pid pid; // as before the reload
  std::string path; // app/supervisor/child. Empty: it is in no tree
  std::string type;
  actor_outcome outcome = actor_outcome::carried;
  std::string reason; // why it was not carried over. Empty: it was
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
  std::vector<plugin_reload> plugins; // by id. Empty: no file has changed
  // Nanoseconds; 0 in a dry run. `pause`: how long actors stood still. `drain`: the part of it until the last
  // handler had ended. `save`, `restore`: sums over all actors, on all workers.
  base::nanos pause = 0;
  base::nanos drain = 0;
  base::nanos save = 0;
  base::nanos restore = 0;
  std::vector<loader::kept_image> kept; // code of former generations that is still mapped
};

} // namespace coppice::node
