// SPDX-License-Identifier: MIT
// Opens and starts the libuv wrappers, and drains a loop. For the loop's thread.
#include "base/uv.hpp"

#include <poll.h>

#include <algorithm>

#include "base/border.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"

namespace coppice::base::uv {
namespace {

constexpr nanos streams_patience = 2 * nanos_per_second;

// The callback of all handles. The cell with the function outlives the call, whatever the call does.
template <class Handle, class Raw, class... Arguments>
void run_callback(Raw* raw, Arguments... arguments) {
  contained_call("a callback of the loop", Handle::payload_of(raw), arguments...);
}

bool closing_handles(uv_loop_t* loop) {
  bool found = false;
  uv_walk(
      loop,
      [](uv_handle_t* handle, void* seen) {
        if (uv_is_closing(handle) != 0) *static_cast<bool*>(seen) = true;
      },
      &found);
  return found;
}

// Streams may own themselves until their last bytes are written.
bool has_streams(uv_loop_t* loop) {
  bool found = false;
  uv_walk(
      loop,
      [](uv_handle_t* handle, void* seen) {
        const uv_handle_type type = uv_handle_get_type(handle);
        if (type == UV_TCP || type == UV_NAMED_PIPE) *static_cast<bool*>(seen) = true;
      },
      &found);
  return found;
}

// A timer without a reference is for something that its loop need not wait for, such as the peer's end of a
// connection that is over here. Makes such timers due now. True: there are some.
bool hasten_timers(uv_loop_t* loop) {
  bool found = false;
  uv_walk(
      loop,
      [](uv_handle_t* handle, void* seen) {
        if (uv_handle_get_type(handle) != UV_TIMER || uv_has_ref(handle) != 0 || uv_is_active(handle) == 0)
          return;
        *static_cast<bool*>(seen) = true;
        auto* const timer = reinterpret_cast<uv_timer_t*>(handle);
        uv_ref(handle); // a loop without references runs no timers
        uv_timer_start(timer, timer->timer_cb, 0, 0);
      },
      &found);
  return found;
}

// One turn of the loop that waits at most `most` ns for an event. libuv's own wait has no such limit.
void turn_within(uv_loop_t* loop, nanos most) {
  const auto bound = static_cast<int>(to_milliseconds(most).count());
  const int due = uv_backend_timeout(loop);
  pollfd ready{uv_backend_fd(loop), POLLIN, 0};
  ::poll(&ready, 1, due < 0 ? bound : std::min(due, bound));
  uv_run(loop, UV_RUN_NOWAIT);
}

void name_open_handle(uv_handle_t* handle, void*) {
  const char* type = uv_handle_type_name(uv_handle_get_type(handle));
  log::error("base", "a {} handle outlives its loop", type != nullptr ? type : "libuv");
}

} // namespace

result<loop> loop::make() {
  auto raw = std::make_unique<uv_loop_t>();
  if (const int code = uv_loop_init(raw.get()); code != 0) return fail_uv("make an event loop", code);
  auto part = std::make_unique<std::unique_ptr<loop_part>>();
  uv_loop_set_data(raw.get(), part.get());
  return loop(std::move(raw), std::move(part));
}

loop& loop::operator=(loop&& other) noexcept {
  if (this != &other) {
    drain();
    loop_ = std::move(other.loop_);
    part_ = std::move(other.part_);
  }
  return *this;
}

void loop::drain() {
  if (!loop_) return;
  part_->reset();
  const nanos until = mono_now() + streams_patience;
  while (uv_loop_close(loop_.get()) == UV_EBUSY) {
    const nanos left = until - mono_now();
    if (hasten_timers(loop_.get()) || closing_handles(loop_.get())) {
      uv_run(loop_.get(), UV_RUN_NOWAIT);
    } else if (left > 0 && has_streams(loop_.get())) {
      turn_within(loop_.get(), left);
    } else if (loop_->active_reqs.count > 0) {
      uv_run(loop_.get(), UV_RUN_ONCE);
    } else {
      uv_walk(loop_.get(), name_open_handle, nullptr);
      static_cast<void>(loop_.release());
      return;
    }
  }
  loop_.reset();
}

result<async> async::make(const loop& on, callback function) {
  async made;
  const int code = made.open(std::move(function), [&on](uv_async_t* raw) {
    return uv_async_init(on.raw(), raw, run_callback<async, uv_async_t>);
  });
  if (code != 0) return fail_uv("open a wake-up handle", code);
  return made;
}

timer::timer(uv_loop_t* on, callback function) {
  open(std::move(function), [on](uv_timer_t* raw) { return uv_timer_init(on, raw); });
}

void timer::start(std::chrono::milliseconds after, std::chrono::milliseconds repeat) {
  // The loop's time is that of the turn's beginning: without this call, a timer set late in a turn fires
  // early.
  uv_update_time(loop_raw());
  uv_timer_start(raw(), run_callback<timer, uv_timer_t>, static_cast<std::uint64_t>(after.count()),
                 static_cast<std::uint64_t>(repeat.count()));
}

prepare::prepare(uv_loop_t* on, callback function) {
  open(std::move(function), [on](uv_prepare_t* raw) { return uv_prepare_init(on, raw); });
}

void prepare::start() {
  uv_prepare_start(raw(), run_callback<prepare, uv_prepare_t>);
}

check::check(uv_loop_t* on, callback function) {
  open(std::move(function), [on](uv_check_t* raw) { return uv_check_init(on, raw); });
}

void check::start() {
  uv_check_start(raw(), run_callback<check, uv_check_t>);
}

idle::idle(uv_loop_t* on, callback function) {
  open(std::move(function), [on](uv_idle_t* raw) { return uv_idle_init(on, raw); });
}

void idle::start() {
  uv_idle_start(raw(), run_callback<idle, uv_idle_t>);
}

result<signal> signal::make(const loop& on, int signal_number, std::function<void(int)> function) {
  signal made;
  int code =
      made.open(std::move(function), [&on](uv_signal_t* raw) { return uv_signal_init(on.raw(), raw); });
  if (code == 0) {
    code = uv_signal_start(made.raw(), run_callback<signal, uv_signal_t, int>, signal_number);
  }
  if (code != 0) return fail_uv("watch signal " + std::to_string(signal_number), code);
  return made;
}

result<poll> poll::make(uv_loop_t* on, int fd, std::function<void(int, int)> function) {
  poll made;
  const int code =
      made.open(std::move(function), [on, fd](uv_poll_t* raw) { return uv_poll_init(on, raw, fd); });
  if (code != 0) return fail_uv("watch a descriptor", code);
  return made;
}

status poll::start(int events) {
  const int code = events == 0 ? uv_poll_stop(raw())
                               : uv_poll_start(raw(), events, run_callback<poll, uv_poll_t, int, int>);
  if (code != 0) return fail_uv("watch a descriptor", code);
  return {};
}

} // namespace coppice::base::uv
