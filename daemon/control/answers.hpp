// SPDX-License-Identifier: MIT
// The queue from other threads to the control thread: finished answers, and requests that did not come by
// the socket. Any thread puts them in, the control thread takes all of them out. It outlives the server for
// as long as an answer is owed or a thread may ask; what is put in after close() is dropped.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/uv.hpp"
#include "control/server.hpp"

namespace coppice::control {

class answers {
 public:
  struct line {
    request_id of;
    std::string text;
    std::function<api::reply()> made = {}; // if it is set, it makes the reply
    std::optional<api::reply> whole =
        {}; // the reply to a request that did not come by the socket, in place of the text
  };
  // A request that did not come by the socket. Without `done`: the request of this number is given up.
  struct guest {
    std::uint64_t number = 0;
    api::request asked = {};
    caller from = {};
    done_function done = {};
  };

  // `wake` is called after something was put in, until close(); it belongs to the control thread.
  explicit answers(const base::uv::async& wake) : wake_(&wake) {}

  void put(line one) {
    std::lock_guard lock(mutex_);
    if (wake_ == nullptr) return;
    lines_.push_back(std::move(one));
    wake_->send();
  }

  // Returns the number of the request. 0: closed, and `done` will not be called.
  std::uint64_t ask(api::request what, caller from, done_function done) {
    std::lock_guard lock(mutex_);
    if (wake_ == nullptr) return 0;
    guests_.push_back({++last_guest_, std::move(what), std::move(from), std::move(done)});
    wake_->send();
    return last_guest_;
  }
  void give_up(std::uint64_t number) {
    std::lock_guard lock(mutex_);
    if (wake_ == nullptr) return;
    guests_.push_back({number});
    wake_->send();
  }
  std::vector<guest> take_guests() {
    std::lock_guard lock(mutex_);
    return std::exchange(guests_, {});
  }

  std::vector<line> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

  // Returns the requests that will not be worked on.
  std::vector<guest> close() {
    std::lock_guard lock(mutex_);
    wake_ = nullptr;
    lines_.clear();
    return std::exchange(guests_, {});
  }

 private:
  std::mutex mutex_;
  const base::uv::async* wake_;
  std::vector<line> lines_;
  std::vector<guest> guests_;
  std::uint64_t last_guest_ = 0;
};

} // namespace coppice::control
