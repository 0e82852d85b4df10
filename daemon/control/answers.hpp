// SPDX-License-Identifier: MIT
// Finished answers on their way to the control thread: any thread puts one in, the control thread takes
// all of them out. Outlives the server for as long as somebody still owes an answer; after close() what
// is put in is dropped.
#pragma once

#include <functional>
#include <mutex>
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
    std::function<std::string()> made = {}; // where it is set, it makes the text
  };

  // `wake` is called after something was put in, until close(); it belongs to the control thread.
  explicit answers(const base::uv::async& wake) : wake_(&wake) {}

  void put(line one) {
    std::lock_guard lock(mutex_);
    if (wake_ == nullptr) return;
    lines_.push_back(std::move(one));
    wake_->send();
  }

  std::vector<line> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

  void close() {
    std::lock_guard lock(mutex_);
    wake_ = nullptr;
    lines_.clear();
  }

 private:
  std::mutex mutex_;
  const base::uv::async* wake_;
  std::vector<line> lines_;
};

} // namespace coppice::control
