// SPDX-License-Identifier: MIT
// The results of the last apply and the last reload, in words for people, and the function that is told of
// each change that status() shows. Any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>

namespace coppice::node {

class change_notes {
 public:
  struct words {
    std::string apply; // empty: there was none
    std::string reload;
  };

  void note_apply(std::string came_of_it) { note(&words::apply, std::move(came_of_it)); }
  void note_reload(std::string came_of_it) { note(&words::reload, std::move(came_of_it)); }
  words last() const {
    const std::scoped_lock held(lock_);
    return last_;
  }
  // Tells the function that something has changed.
  void tell() const {
    const std::scoped_lock held(lock_);
    if (told_) told_();
  }
  // `told` is called under the lock: it must not call this object. Empty: no function is called any more
  // once this returns.
  void on_change(std::function<void()> told) {
    const std::scoped_lock held(lock_);
    told_ = std::move(told);
  }

 private:
  void note(std::string words::*which, std::string came_of_it) {
    {
      const std::scoped_lock held(lock_);
      last_.*which = std::move(came_of_it);
    }
    tell();
  }

  mutable std::mutex lock_;
  words last_;
  std::function<void()> told_;
};

} // namespace coppice::node
