// SPDX-License-Identifier: MIT
// Runs one blocking function, such as a request to a node, on a thread of its own, so that a loop stays free
// for signals and child processes meanwhile. For the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/uv.hpp"

namespace coppice::cli {

class aside {
 public:
  // Runs work() on the new thread and then done() on the loop, which may destroy this object.
  static base::result<std::unique_ptr<aside>> start(const base::uv::loop& on, std::function<void()> work,
                                                    std::function<void()> done);
  aside(const aside&) = delete;
  aside& operator=(const aside&) = delete;
  // Waits for the end of work(). done() is not called any more.
  ~aside();

 private:
  aside() = default;

  base::uv::async finished_;
  std::thread thread_;
};

} // namespace coppice::cli
