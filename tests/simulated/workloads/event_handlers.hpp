// SPDX-License-Identifier: MIT
// Event managers of the workload `managers`, and their handlers: actors `h:h` of a plugin that is a part of
// this program. A handler leaves, asks for another one in its place, crashes or takes its time, as the seed
// chooses, and tells the manager_logs what it gets. In the process's own turn.
// rooms: node
#pragma once

#include <memory>

#include "../cluster.hpp"
#include "handler_log.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::simulated {

// Makes the handlers of one life of a host.
class handler_factory {
 public:
  handler_factory();
  base::result<std::unique_ptr<runtime::behaviour>> make(const manager_log& of,
                                                         const runtime::actor_spec& spec);

 private:
  coppice::host::identity_book identities_;
  coppice::host::plugin_image image_{"h", 1};
};

// The terms that a handler is added with: {Manager, Number, Owner, Old, Way}. `old`: the number of the
// handler that it replaces; 0: none.
struct handler_args {
  enum class way : std::uint8_t { added, swapped, left };
  std::uint64_t number = 0;
  std::uint64_t owner = 0; // 0: the owner of the old handler
  std::uint64_t old = 0;
  way how = way::added;
  std::string shown() const;
};
// {'h:h', Number} as text.
std::string handler_name(std::uint64_t number);
// The number in such a name; 0: it is something else.
std::uint64_t number_of_handler(etf::bytes name);

// An event manager whose options the seed chooses. `at`: the number of its place, for the order of each
// sender's events. The factory outlives it.
std::unique_ptr<runtime::behaviour> make_manager(manager_log& log, unsigned at, handler_factory& factory);

} // namespace coppice::simulated
