// SPDX-License-Identifier: MIT
// Holds processes still so that something can be changed under them, such as their code. A process freezes
// between two messages and handles none until it is released; its messages wait in its mailbox. Links,
// monitors, names and timers work as usual, exit signals act, and a frozen process can be killed. A process
// inside a callback freezes when the callback returns. If that callback waits for a frozen process's answer,
// or for room in its mailbox, the frozen process handles its messages up to that one. So processes that call
// each other do not deadlock, also if their calls go through other processes of this node or through one
// other node. A process can have one freezer at a time. The owner's thread, which may not be a worker's,
// waits here; the work runs on the workers.
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
  // Called in a process's turn, on its worker, between two messages. `member` is its index in the order of
  // add(). May not wait. May run after the freezer's end, on a worker that was stuck, so what it refers to
  // has to live longer.
  using work = std::function<void(process&, std::size_t member)>;

  // `quit` ends every wait early. The system has to outlive the freezer.
  explicit freezer(system& host, std::stop_token quit = {});
  // Releases all members that are left.
  ~freezer();
  freezer(const freezer&) = delete;
  freezer& operator=(const freezer&) = delete;

  // Makes these processes members; none may be one already. Returns at once. Before hold() they run as usual
  // but stay on their workers; after it they freeze.
  void add(std::span<const pid> who);
  // Every member freezes, does the work and stays frozen. Returns at once. May be called once. A member that
  // then has to handle a message for another process does the work again afterwards.
  void hold(work what);
  // Waits until all members are made, or have frozen and done their work, or are gone. False: at the deadline
  // (monotonic) some were not; they still do it later, unless they are released.
  bool wait(base::nanos deadline);
  // Every member does the work and is released, members with waiting messages first. False: see wait().
  bool release(work what, base::nanos deadline);

  // not_frozen(): members that have not frozen. at_work(): members that have frozen and whose work has not
  // ended.
  std::vector<pid> not_frozen() const;
  std::vector<pid> at_work() const;
  // Members that are alive.
  std::vector<pid> members() const;

  // After release(): ns from hold() until no member was kept from its messages any more.
  base::nanos stood_still() const;
  // ns from hold() until the last callback that was then under way had ended; 0: there was none.
  base::nanos longest_handler() const;

  // Runs `what` once in each process, between two of its messages, without freezing it. False: see wait();
  // `late` are the processes in which it has not run.
  static bool visit(system& host, std::span<const pid> who, work what, base::nanos deadline,
                    std::vector<pid>& late, std::stop_token quit = {});

 private:
  system& host_;
  std::stop_token quit_;
  std::shared_ptr<freeze_group> group_;
};

} // namespace coppice::runtime
