// SPDX-License-Identifier: MIT
// See aside.hpp. The thread touches nothing of this object but the handle that wakes the loop, and that
// handle is closed only after the thread was joined.
#include "cli/aside.hpp"

#include "base/thread.hpp"

namespace coppice::cli {

base::result<std::unique_ptr<aside>> aside::start(const base::uv::loop& on, std::function<void()> work,
                                                  std::function<void()> done) {
  std::unique_ptr<aside> made(new aside);
  auto wake = base::uv::async::make(on, std::move(done));
  if (!wake) return unexpected(wake.error());
  made->finished_ = std::move(*wake);
  auto thread = base::start_thread([work = std::move(work), to = made.get()] {
    work();
    to->finished_.send();
  });
  if (!thread) return unexpected(thread.error());
  made->thread_ = std::move(*thread);
  return made;
}

aside::~aside() {
  if (thread_.joinable()) thread_.join();
}

} // namespace coppice::cli
