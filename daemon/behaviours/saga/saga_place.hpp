// SPDX-License-Identifier: MIT
// The place of a saga: a registered name that follows from the saga's own. A process of the saga has it,
// through a helper process, as long as one of its callbacks may still run. A killed process counts as dead
// at once, but its blocking work goes on to its end. So the next process of the saga runs no callback of a
// step before it has the place. With workers the helper is their keeper (saga_keeper.hpp), without them a
// process that only waits (saga_stay). In the saga's own turn, unless a comment says otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

std::string place_of_saga(std::string_view saga);
// Starts the helper at the place of the process's name. Null: an earlier process has the place, and a notice
// will say that it is free; see says_free().
base::result<runtime::pid> take_place(runtime::process& self, runtime::spawn_options how,
                                      std::unique_ptr<runtime::behaviour> helper);
// The message that is being handled says that the place is free.
bool says_free(const runtime::process& self, const runtime::message& m);

// Has the place for a saga without workers, from begin() to the end of this object. A helper that was killed
// is replaced. The saga's behaviour owns the object, and lives as long as a callback, with its blocking
// work, is on the process's stack. The object may end in any thread.
class saga_stay {
 public:
  explicit saga_stay(runtime::process& self) : self_(self), system_(self.host()) {}
  ~saga_stay() { leave(); }
  saga_stay(const saga_stay&) = delete;
  saga_stay& operator=(const saga_stay&) = delete;

  // Gives up the place before the end of this object: no callback runs any more, though one of them is on
  // the stack. In the saga's process, which is dead.
  void leave();
  // After an error the process is to end.
  base::status begin();
  bool has_place() const { return bool{helper_}; }
  // nullopt: the message is not meant for this object. An error: the process is to end.
  std::optional<base::status> take_info(const runtime::message& m);

 private:
  runtime::process& self_;
  runtime::system& system_;
  runtime::pid helper_; // null: an earlier process has the place
};

} // namespace coppice::behaviours
