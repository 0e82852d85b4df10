// SPDX-License-Identifier: MIT
// The look at the sockets is one turn that does not wait for events: an idle handle keeps it from waiting,
// and a check handle ends it. Both exist for that turn only. The loop's thread.
#include "net/deadline.hpp"

#include <utility>

namespace coppice::net {

struct deadline::state {
  base::uv::timer timer;
  base::uv::idle no_wait;
  base::uv::check after_look;
  base::uv::callback over;

  void due() {
    no_wait = base::uv::idle(timer.loop_raw(), [] {});
    after_look = base::uv::check(timer.loop_raw(), [this] {
      end_look();
      const base::uv::callback call = over; // a copy: `over` may be destroyed by what it calls
      call();
    });
    no_wait.start();
    after_look.start();
  }
  void end_look() {
    no_wait.close();
    after_look.close();
  }
};

deadline::deadline() = default;
deadline::deadline(deadline&& other) noexcept = default;
deadline& deadline::operator=(deadline&& other) noexcept = default;
deadline::~deadline() = default;

deadline::deadline(uv_loop_t* on, base::uv::callback over) : state_(std::make_unique<state>()) {
  state_->over = std::move(over);
  state_->timer = base::uv::timer(on, [its = state_.get()] { its->due(); });
}

uv_loop_t* deadline::loop_raw() const {
  return state_->timer.loop_raw();
}

bool deadline::active() const {
  return state_ != nullptr && (state_->timer.active() || state_->no_wait.active());
}

void deadline::start(std::chrono::milliseconds after) {
  state_->end_look();
  state_->timer.start(after);
}

void deadline::stop() {
  if (!state_) return;
  state_->end_look();
  state_->timer.stop();
}

void deadline::close() {
  state_.reset();
}

void deadline::unref() {
  state_->timer.unref();
}

} // namespace coppice::net
