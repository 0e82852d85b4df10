// SPDX-License-Identifier: MIT
// A process's part in a freezer's group: while it has one it stays on its worker, and its worker's gate is
// asked before each of its messages. Its worker's thread only.
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
  bool running = false;            // a message that it has to handle
  bool has_mail = false;           // it is in cell::mail
  bool looking = false;            // the last turn did not get through all its messages
  const signal* seen = nullptr;    // the last message looked at for one that holds up; null: none
  const signal* answers = nullptr; // the last one found; messages up to it are handled

  // It looks at all its messages again.
  void look_again() { seen = answers = nullptr; }
  // It may wait for others before it freezes: from now on frozen members look who has sent to them.
  void enter_callback();
  void leave_callback();
};

} // namespace coppice::runtime
