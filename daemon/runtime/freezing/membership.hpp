// SPDX-License-Identifier: MIT
// A process's membership in a freezer's group. While it has one it stays on its worker, whose gate is asked
// before each of its messages. For its worker's thread.
#pragma once

#include <memory>
#include <utility>

#include "runtime/freezing/freeze_group.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

struct membership {
  membership(std::shared_ptr<freeze_group> of, freeze_group::cell& at, freeze_group::member& as)
      : group(std::move(of)), here(at), me(as) {}
  std::shared_ptr<freeze_group> group;
  freeze_group::cell& here;
  freeze_group::member& me;
  bool running = false;         // it handles a message for another process's sake
  bool has_mail = false;        // it is in cell::mail
  bool looking = false;         // its last turn did not get through all its messages
  const signal* seen = nullptr; // the last message that was looked at; null: none
  // The last message found that holds up another process; messages up to it are handled.
  const signal* answers = nullptr;

  // Makes it look at all its messages again.
  void look_again() { seen = answers = nullptr; }
  // It may wait for others before it freezes: from now on frozen members look for its messages.
  void enter_callback();
  void leave_callback();
};

} // namespace coppice::runtime
