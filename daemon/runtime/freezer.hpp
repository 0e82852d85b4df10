// SPDX-License-Identifier: MIT
// Holds processes still so that something can be changed under them: a process freezes between two of its
// messages and handles none until it is let go; what is sent to it waits in its mailbox. Links, monitors,
// names and timers go on as ever, exit signals are obeyed, and a frozen process may be killed. One that is
// inside a callback freezes when that returns; if it waits there for the answer of a frozen one, that one
// handles its messages up to this call, so that a group that calls itself never deadlocks. A call that goes
// through a process outside the group is not recognised. One freezer to a process at a time. The owner's
// thread, which is no worker's, waits here; the work runs on the workers.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.hpp"
#include "runtime/ids.hpp"

namespace coppice::runtime {

class process;
class system;
struct freeze_group;

class freezer {
 public:
  // In a process's turn, on its worker, between two messages. May not wait; what it refers to may be used
  // later than the freezer lives: a worker that is stuck runs it when it comes back.
  using work = std::function<void(process&)>;

  // `quit` ends every wait early. The system outlives it.
  explicit freezer(system& host, std::stop_token quit = {});
  // Lets go of all that are left.
  ~freezer();
  freezer(const freezer&) = delete;
  freezer& operator=(const freezer&) = delete;

  // Asks these to freeze; those that are gone, or members already, are passed over.
  void add(std::span<const pid> who);
  // Waits until every member is frozen or gone. False: some are not at the deadline (monotonic).
  bool wait(base::nanos deadline);
  // Once wait() was true: runs `what` in every member and waits until all have, or are gone. False: some
  // have not at the deadline; a member that comes to it later does it all the same, unless it was let go.
  bool each(work what, base::nanos deadline);
  // The same, and lets go of each member as soon as it has.
  bool release(work what, base::nanos deadline);

  // Members that are neither frozen nor gone, or have not done the work of the last each().
  std::vector<pid> late() const;
  // Members that live.
  std::vector<pid> members() const;

  // Without freezing: runs `what` once in each, when it is between two messages. False: see each().
  static bool visit(system& host, std::span<const pid> who, work what, base::nanos deadline,
                    std::vector<pid>& late, std::stop_token quit = {});

 private:
  void ask(std::span<const pid> who);
  bool start(work what, bool let_go, base::nanos deadline);

  system& host_;
  std::stop_token quit_;
  std::shared_ptr<freeze_group> group_;
};

} // namespace coppice::runtime
