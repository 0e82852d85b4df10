// SPDX-License-Identifier: MIT
// The one owning type for libuv handles. Closing a handle is asynchronous, so the wrapper owns a heap
// cell (the handle and its callback) that the close callback frees: destroying a wrapper stops its
// callback at once and releases the cell on the loop's next turn. Destroying a wrapper inside its own
// callback is allowed. All on the loop's thread, but for async::send.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::base::uv {

// A uv_loop_t, and at most one part of another room's. Destruction runs close callbacks that are due, for two
// seconds also streams that close by themselves; a handle whose owner outlives it is named in the log and its
// memory left to that owner. What another room keeps with a loop; gone before the loop is closed.
class loop_part {
 public:
  virtual ~loop_part() = default;
};

class loop {
 public:
  static result<loop> make();
  ~loop() { drain(); }
  loop(loop&&) noexcept = default;
  loop& operator=(loop&& other) noexcept;

  uv_loop_t* raw() const { return loop_.get(); }
  // Until stop(), or until nothing active is left. False when nothing is.
  bool run() { return uv_run(raw(), UV_RUN_DEFAULT) != 0; }
  // One turn; waits for an event when `wait`. Timers that are due run before the wait, which is not cut
  // short by what they did.
  bool turn(bool wait) { return uv_run(raw(), wait ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0; }
  // Makes run() return after the turn that is under way. Same thread.
  void stop() { uv_stop(raw()); }

  // The part of a loop that was made here.
  static std::unique_ptr<loop_part>& part(uv_loop_t* of) {
    return *static_cast<std::unique_ptr<loop_part>*>(uv_loop_get_data(of));
  }

 private:
  loop(std::unique_ptr<uv_loop_t> raw, std::unique_ptr<std::unique_ptr<loop_part>> part)
      : part_(std::move(part)), loop_(std::move(raw)) {}
  void drain();

  std::unique_ptr<std::unique_ptr<loop_part>> part_;
  std::unique_ptr<uv_loop_t> loop_;
};

// What all handles share. `Raw` is libuv's struct, `Payload` what its callbacks need beside it; both
// live until the close callback, so pending requests of a stream may still point at them.
template <class Raw, class Payload>
class handle {
 public:
  // Empty: owns nothing, raw() is null.
  handle() = default;

  explicit operator bool() const { return cell_ != nullptr; }
  Raw* raw() const { return cell_ ? &cell_->raw : nullptr; }
  uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(raw()); }
  uv_loop_t* loop_raw() const { return base()->loop; }
  Payload& payload() const { return cell_->payload; }
  bool active() const { return cell_ && uv_is_active(base()) != 0; }
  // An unreferenced handle does not keep loop::run going.
  void unref() { uv_unref(base()); }
  void ref() { uv_ref(base()); }
  // Closes; the wrapper is empty afterwards.
  void close() { cell_.reset(); }

  static Payload& payload_of(void* raw_handle) {
    return static_cast<cell*>(static_cast<uv_handle_t*>(raw_handle)->data)->payload;
  }

 protected:
  struct cell {
    Raw raw;
    Payload payload;
  };

  // `initialise(Raw*)` is libuv's init call; when it fails the handle stays empty and its result comes back.
  template <class Initialise>
  int open(Payload payload, Initialise&& initialise) {
    auto fresh = std::make_unique<cell>(cell{Raw{}, std::move(payload)});
    const int code = initialise(&fresh->raw);
    if (code != 0) return code;
    uv_handle_set_data(reinterpret_cast<uv_handle_t*>(&fresh->raw), fresh.get());
    cell_.reset(fresh.release());
    return 0;
  }

 private:
  struct close_later {
    void operator()(cell* closing) const {
      uv_close(reinterpret_cast<uv_handle_t*>(&closing->raw),
               [](uv_handle_t* closed) { std::unique_ptr<cell>(static_cast<cell*>(closed->data)).reset(); });
    }
  };
  std::unique_ptr<cell, close_later> cell_;
};

using callback = std::function<void()>;

// Calls back on the loop's thread after send(); several sends may become one call.
class async : public handle<uv_async_t, callback> {
 public:
  static result<async> make(const loop& on, callback function);
  // Any thread, as long as the owner keeps the wrapper.
  void send() const { uv_async_send(raw()); }
};

class timer : public handle<uv_timer_t, callback> {
 public:
  timer() = default;
  timer(const loop& on, callback function) : timer(on.raw(), std::move(function)) {}
  timer(uv_loop_t* on, callback function);
  // Restarts when it runs already. `repeat` 0 fires once. Counted from now, not from the turn's start. Work
  // that goes on from turn to turn needs an `idle`: a timer that is due when its callback ends, as one of 0
  // or of less than the work took, runs again and again before libuv looks at the sockets.
  void start(std::chrono::milliseconds after,
             std::chrono::milliseconds repeat = std::chrono::milliseconds(0));
  void stop() { uv_timer_stop(raw()); }
};

// Runs right before the loop waits for events.
class prepare : public handle<uv_prepare_t, callback> {
 public:
  prepare() = default;
  prepare(uv_loop_t* on, callback function);
  void start();
  void stop() { uv_prepare_stop(raw()); }
};

// Runs right after the loop waited for events.
class check : public handle<uv_check_t, callback> {
 public:
  check() = default;
  check(uv_loop_t* on, callback function);
  void start();
  void stop() { uv_check_stop(raw()); }
};

// While started the loop does not wait for events.
class idle : public handle<uv_idle_t, callback> {
 public:
  idle() = default;
  idle(uv_loop_t* on, callback function);
  void start();
  void stop() { uv_idle_stop(raw()); }
};

class signal : public handle<uv_signal_t, std::function<void(int signal_number)>> {
 public:
  static result<signal> make(const loop& on, int signal_number, std::function<void(int)> function);
};

// Readiness of a descriptor the caller owns and keeps open for as long as this lives.
class poll : public handle<uv_poll_t, std::function<void(int status, int events)>> {
 public:
  static result<poll> make(uv_loop_t* on, int fd, std::function<void(int, int)> function);
  // A mask of UV_READABLE, UV_WRITABLE, UV_DISCONNECT; 0 stops.
  status start(int events);
};

union any_socket {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

// A TCP or Unix-domain socket whose callbacks find `Payload` by payload_of(handle).
template <class Payload>
class socket : public handle<any_socket, Payload> {
 public:
  static result<socket> make_tcp(uv_loop_t* on, Payload payload = {}) {
    socket made;
    const int code =
        made.open(std::move(payload), [on](any_socket* raw) { return uv_tcp_init(on, &raw->tcp); });
    if (code != 0) return fail_uv("open a TCP socket", code);
    return made;
  }
  static result<socket> make_pipe(uv_loop_t* on, Payload payload = {}) {
    socket made;
    const int code =
        made.open(std::move(payload), [on](any_socket* raw) { return uv_pipe_init(on, &raw->pipe, 0); });
    if (code != 0) return fail_uv("open a Unix-domain socket", code);
    return made;
  }
  uv_stream_t* stream() const { return &this->raw()->stream; }
};

} // namespace coppice::base::uv
