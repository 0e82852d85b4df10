// SPDX-License-Identifier: MIT
// Owning types for libuv handles. A handle closes asynchronously, so the wrapper owns a heap cell with the
// handle and its callback, which the close callback frees. Destroying a wrapper stops its callback at once
// and frees the cell in the loop's next turn. A wrapper may be destroyed inside its own callback. All on the
// loop's thread, except async::send().
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::base::uv {

// Data that another room keeps with a loop. Destroyed before the loop is closed.
class loop_part {
 public:
  virtual ~loop_part() = default;
};

// A uv_loop_t, and at most one loop_part. The destructor runs close callbacks that are due, and for two
// seconds also streams that close by themselves. A handle whose owner outlives the loop is named in the log;
// the loop's memory is then not freed.
class loop {
 public:
  static result<loop> make();
  ~loop() { drain(); }
  loop(loop&&) noexcept = default;
  loop& operator=(loop&& other) noexcept;

  uv_loop_t* raw() const { return loop_.get(); }
  // Runs until stop() or until no active handle is left. False: none is left.
  bool run() { return uv_run(raw(), UV_RUN_DEFAULT) != 0; }
  // One turn; waits for an event if `wait`. Timers that are due run before the wait; what they do does not
  // shorten it.
  bool turn(bool wait) { return uv_run(raw(), wait ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0; }
  // Makes run() return after the present turn. Same thread.
  void stop() { uv_stop(raw()); }

  // The part of a loop, which has to be made by make().
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

// Common to all handles. `Raw` is libuv's struct, `Payload` is what its callbacks need beside it. Both live
// until the close callback, so pending requests of a stream may still point at them.
template <class Raw, class Payload>
class handle {
 public:
  // Empty: owns nothing, and raw() is null.
  handle() = default;

  explicit operator bool() const { return cell_ != nullptr; }
  Raw* raw() const { return cell_ ? &cell_->raw : nullptr; }
  uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(raw()); }
  uv_loop_t* loop_raw() const { return base()->loop; }
  Payload& payload() const { return cell_->payload; }
  bool active() const { return cell_ && uv_is_active(base()) != 0; }
  // An unreferenced handle does not keep loop::run() going.
  void unref() { uv_unref(base()); }
  void ref() { uv_ref(base()); }
  // Closes the handle; the wrapper is empty afterwards.
  void close() { cell_.reset(); }

  static Payload& payload_of(void* raw_handle) {
    return static_cast<cell*>(static_cast<uv_handle_t*>(raw_handle)->data)->payload;
  }

 protected:
  struct cell {
    Raw raw;
    Payload payload;
  };

  // `initialise(Raw*)` is libuv's init call. If it fails, the handle stays empty and its result is returned.
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

// Calls back on the loop's thread after send(). Several sends may lead to one call.
class async : public handle<uv_async_t, callback> {
 public:
  static result<async> make(const loop& on, callback function);
  // Any thread, as long as the wrapper exists.
  void send() const { uv_async_send(raw()); }
};

class timer : public handle<uv_timer_t, callback> {
 public:
  timer() = default;
  timer(const loop& on, callback function) : timer(on.raw(), std::move(function)) {}
  timer(uv_loop_t* on, callback function);
  // Restarts if it is running. `repeat` 0: fires once. Times count from now, not from the beginning of the
  // turn.
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

// While started, the loop does not wait for events.
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

// Readiness of a descriptor. The caller owns it and has to keep it open as long as this object lives.
class poll : public handle<uv_poll_t, std::function<void(int status, int events)>> {
 public:
  static result<poll> make(uv_loop_t* on, int fd, std::function<void(int, int)> function);
  // `events`: a mask of UV_READABLE, UV_WRITABLE, UV_DISCONNECT; 0: stops.
  status start(int events);
};

union any_socket {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

// A TCP or Unix-domain socket. Its callbacks find `Payload` by payload_of(handle).
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
