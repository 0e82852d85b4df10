// SPDX-License-Identifier: MIT
// Holds processes still so that something can be changed under them: a process freezes between two of its
// messages and handles none until it is let go; what is sent to it waits in its mailbox. Links, monitors,
// names and timers go on as ever, exit signals are obeyed, and a frozen process may be killed. One that is
// inside a callback freezes when that returns; if it waits there for the answer of a frozen one, or for room
// in its mailbox, that one handles its messages up to the last of it, so that a group that calls itself never
// deadlocks; nor does one whose calls go through other processes here, or through one other node. One freezer
// to a process at a time. The owner's thread, which is no worker's, waits here; the work runs on the workers.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

class process;
class system;
struct freeze_group;

class freezer {
 public:
  // In a process's turn, on its worker, between two messages; `member` is its place in the order of add().
  // May not wait; what it refers to may be used later than the freezer lives: a worker that is stuck runs it
  // when it comes back.
  using work = std::function<void(process&, std::size_t member)>;

  // `quit` ends every wait early. The system outlives it.
  explicit freezer(system& host, std::stop_token quit = {});
  // Lets go of all that are left.
  ~freezer();
  freezer(const freezer&) = delete;
  freezer& operator=(const freezer&) = delete;

  // Makes these members, none of which is one yet, and returns at once. Before hold() they go on as ever, but
  // stay on their workers; after it they freeze.
  void add(std::span<const pid> who);
  // Every member freezes, does the work and stays frozen. Returns at once; once. One that has to handle a
  // message for another's sake does the work again afterwards.
  void hold(work what);
  // Until all members are made, or have frozen and done their work, or are gone. False: some are not at the
  // deadline (monotonic); they do it later all the same, unless they are let go.
  bool wait(base::nanos deadline);
  // Every member does the work and is let go; those that have messages waiting first. False: see wait().
  bool release(work what, base::nanos deadline);

  // Members that have not frozen, and those that have and do not come out of their work.
  std::vector<pid> not_frozen() const;
  std::vector<pid> at_work() const;
  // Members that live.
  std::vector<pid> members() const;

  // After release(): how long members stood still, from hold() to when none was kept from its messages.
  base::nanos stood_still() const;
  // How much of it went by until the last callback that was under way at hold() had ended; 0: there was none.
  base::nanos longest_handler() const;

  // Without freezing: runs `what` once in each, when it is between two messages. False: see wait().
  static bool visit(system& host, std::span<const pid> who, work what, base::nanos deadline,
                    std::vector<pid>& late, std::stop_token quit = {});

 private:
  system& host_;
  std::stop_token quit_;
  std::shared_ptr<freeze_group> group_;
};

} // namespace coppice::runtime
