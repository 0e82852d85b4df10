// SPDX-License-Identifier: MIT
// The stream's inner part lives in the handle's cell and so until libuv's close callback: it may be
// closed by its handler in the middle of its own functions, which then look at `silent_` before they
// touch the handler again. One uv_write is under way at most; it takes over when the socket is full.
// The loop's thread.
#include "net/stream.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>

namespace coppice::net {

class stream::core {
 public:
  // Second half of construction: `raw` is known only once the cell exists.
  void attach(uv_stream_t* raw) {
    raw_ = raw;
    before_wait_ = base::uv::prepare(raw->loop, [this] { end_of_turn(); });
    after_wait_ = base::uv::check(raw->loop, [this] { end_of_turn(); });
  }

  uv_stream_t* raw() const { return raw_; }
  void set_handler(stream_handler& handler) { handler_ = &handler; }
  void keep(connection_slot slot) { slot_ = std::move(slot); }

  void begin_connect(std::string target, std::chrono::milliseconds timeout) {
    target_ = std::move(target);
    connect_.data = this;
    if (timeout.count() == 0) return;
    timeout_ = base::uv::timer(raw_->loop, [this, timeout] {
      fail({base::errc::timeout,
            fmt::format("connect to {}: no answer within {} ms", target_, timeout.count())});
    });
    timeout_.start(timeout);
  }
  uv_connect_t* connect_request() { return &connect_; }
  static void connected(uv_connect_t* request, int code) {
    static_cast<core*>(request->data)->connected(code);
  }

  void open_and_read() {
    open_ = true;
    if (!paused_) read_start();
    if (!queue_.empty()) schedule();
  }

  void write(base::bytes_span bytes) {
    if (dead() || ending_) return;
    queue_.append(bytes);
    wrote();
  }
  void write_owned(base::bytes_span bytes, release_fn release, void* context) {
    if (dead() || ending_) {
      release(context);
      return;
    }
    queue_.append_borrowed(bytes, release, context);
    wrote();
  }
  void flush() {
    if (auto done = try_flush(); !done) fail_later(std::move(done.error()));
  }

  void end() {
    if (dead() || ending_) return;
    ending_ = true;
    schedule();
  }

  void pause() {
    paused_ = true;
    if (reading_) uv_read_stop(raw_);
    reading_ = false;
  }
  void resume() {
    paused_ = false;
    if (open_ && !reading_ && !saw_end_ && !dead()) read_start();
  }

  // No callback to the handler from here on.
  void silence() {
    silent_ = true;
    handler_ = nullptr;
    timeout_.close();
    before_wait_.close();
    after_wait_.close();
  }

  // The cell owns itself from now on and closes when the queue is written, has failed, or `patience` is
  // over. What still arrives is read and dropped: closing with unread bytes would reset the connection
  // and take our last ones with it.
  void outlive(socket self, std::chrono::milliseconds patience) {
    handler_ = nullptr;
    self_ = std::move(self);
    end();
    timeout_ = base::uv::timer(raw_->loop, [this] { close_self(); });
    timeout_.start(patience);
  }

  bool paused() const { return paused_; }
  std::size_t bytes_queued() const { return queue_.bytes(); }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_written() const { return bytes_written_; }
  void set_low_mark(std::size_t bytes) { low_mark_ = bytes; }

 private:
  static constexpr std::size_t read_block = 16 * 1024;
  static constexpr std::size_t gather_at_once = 128;

  bool dead() const { return failed_ || silent_; }

  void connected(int code) {
    if (dead()) return;
    timeout_.close();
    if (code != 0) {
      fail(base::fail_uv("connect to " + target_, code).value());
      return;
    }
    // A stream that was ended while it connected has no handler left to tell.
    if (handler_ != nullptr) handler_->on_connected();
    if (!dead()) open_and_read();
  }

  void read_start() {
    reading_ = true;
    const int code = uv_read_start(
        raw_,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
          socket::payload_of(handle)->give_space(into);
        },
        [](uv_stream_t* from, ssize_t count, const uv_buf_t* into) {
          socket::payload_of(from)->took(count, into);
        });
    if (code != 0) fail_later(base::fail_uv("read", code).value());
  }

  void give_space(uv_buf_t* into) {
    std::span<std::uint8_t> space;
    if (handler_ != nullptr) space = handler_->read_space();
    if (space.empty()) {
      if (!own_space_) own_space_ = std::make_unique_for_overwrite<std::uint8_t[]>(read_block);
      space = {own_space_.get(), read_block};
    }
    into->base = reinterpret_cast<char*>(space.data());
    into->len = space.size();
  }

  void took(ssize_t count, const uv_buf_t* into) {
    if (dead() || count == 0 || handler_ == nullptr) return;
    if (count > 0) {
      bytes_read_ += static_cast<std::uint64_t>(count);
      handler_->on_data({reinterpret_cast<const std::uint8_t*>(into->base), static_cast<std::size_t>(count)});
      return;
    }
    uv_read_stop(raw_);
    reading_ = false;
    if (count == UV_EOF) {
      saw_end_ = true;
      if (handler_->on_end() || dead()) return;
    }
    fail(base::fail_uv("read", static_cast<int>(count)).value());
  }

  void wrote() {
    if (queue_.bytes() > low_mark_) above_mark_ = true;
    schedule();
  }

  // Both ends of the wait: what a turn's callbacks wrote leaves with the turn, and what was written
  // outside the loop leaves before it waits.
  void schedule() {
    if (silent_ || scheduled_) return;
    scheduled_ = true;
    before_wait_.start();
    after_wait_.start();
  }

  void end_of_turn() {
    scheduled_ = false;
    before_wait_.stop();
    after_wait_.stop();
    if (pending_failure_) {
      const base::error why = std::move(*pending_failure_);
      pending_failure_.reset();
      fail(why);
      return;
    }
    if (auto done = try_flush(); !done) fail(std::move(done.error()));
  }

  base::status try_flush() {
    if (dead() || !open_ || writing_) return {};
    std::array<uv_buf_t, gather_at_once> parts;
    while (!queue_.empty()) {
      const auto count = static_cast<unsigned>(queue_.gather(parts));
      const int code = uv_try_write(raw_, parts.data(), count);
      if (code == UV_EAGAIN) return write_when_possible({parts.data(), count});
      if (code < 0) return base::fail_uv("write", code);
      advance(static_cast<std::size_t>(code));
    }
    return all_written();
  }

  base::status write_when_possible(std::span<const uv_buf_t> parts) {
    in_flight_ = 0;
    for (const uv_buf_t& part : parts) in_flight_ += part.len;
    write_.data = this;
    const int code = uv_write(
        &write_, raw_, parts.data(), static_cast<unsigned>(parts.size()),
        [](uv_write_t* request, int result) { static_cast<core*>(request->data)->write_finished(result); });
    if (code != 0) return base::fail_uv("write", code);
    writing_ = true;
    return {};
  }

  void write_finished(int code) {
    writing_ = false;
    if (dead()) return;
    if (code != 0) {
      fail(base::fail_uv("write", code).value());
      return;
    }
    advance(in_flight_);
    if (auto done = try_flush(); !done) fail(std::move(done.error()));
  }

  void advance(std::size_t n) {
    bytes_written_ += n;
    queue_.advance(n);
    if (!above_mark_ || queue_.bytes() > low_mark_) return;
    above_mark_ = false;
    drained_ = true;
    schedule();
  }

  base::status all_written() {
    if (drained_) {
      drained_ = false;
      if (handler_ != nullptr) handler_->on_drained();
      if (dead() || !queue_.empty()) return {};
    }
    if (!ending_ || shut_) return {};
    shut_ = true;
    shutdown_.data = this;
    const int code = uv_shutdown(&shutdown_, raw_, [](uv_shutdown_t* request, int) {
      core& self = *static_cast<core*>(request->data);
      if (self.self_) self.close_self();
    });
    if (code != 0) return base::fail_uv("shut down", code);
    return {};
  }

  void fail_later(base::error why) {
    if (dead()) return;
    pending_failure_ = std::move(why);
    schedule();
  }

  void fail(base::error why) {
    if (dead()) return;
    failed_ = true;
    if (reading_) uv_read_stop(raw_);
    reading_ = false;
    timeout_.close();
    if (self_) {
      close_self();
    } else if (handler_ != nullptr) {
      handler_->on_closed(std::move(why));
    }
  }

  void close_self() {
    silence();
    self_.close();
  }

  uv_stream_t* raw_ = nullptr;
  stream_handler* handler_ = nullptr;
  connection_slot slot_;
  write_queue queue_;
  base::uv::prepare before_wait_;
  base::uv::check after_wait_;
  base::uv::timer timeout_;
  std::unique_ptr<std::uint8_t[]> own_space_;
  std::string target_;
  std::optional<base::error> pending_failure_;
  socket self_;

  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t low_mark_ = 0;
  bool open_ = false; // connected
  bool reading_ = false;
  bool paused_ = false;
  bool saw_end_ = false;
  bool writing_ = false; // write_ is under way
  bool scheduled_ = false;
  bool above_mark_ = false;
  bool drained_ = false; // the mark was passed and on_drained not called yet
  bool ending_ = false;
  bool shut_ = false;
  bool failed_ = false;
  bool silent_ = false;

  uv_connect_t connect_{};
  uv_write_t write_{};
  uv_shutdown_t shutdown_{};
};

stream::stream() = default;
stream::stream(stream&& other) noexcept = default;
stream::stream(socket made) : socket_(std::move(made)) {}
stream::~stream() {
  close();
}

stream& stream::operator=(stream&& other) noexcept {
  if (this != &other) {
    close();
    socket_ = std::move(other.socket_);
  }
  return *this;
}

stream::core& stream::inner() const {
  return *socket_.payload();
}

base::result<stream> stream::make(base::result<socket> made) {
  if (!made) return tl::unexpected(std::move(made.error()));
  made->payload()->attach(made->stream());
  return stream(std::move(*made));
}

base::result<stream> stream::connect(uv_loop_t* on, const base::socket_address& to,
                                     const connect_options& options, stream_handler& handler) {
  auto made = make(socket::make_tcp(on, std::make_unique<core>()));
  if (!made) return made;
  core& inner = made->inner();
  uv_tcp_t* tcp = &made->socket_.raw()->tcp;
  if (options.from) {
    if (const int code = uv_tcp_bind(tcp, options.from->raw(), 0); code != 0) {
      return base::fail_uv("connect from " + options.from->to_string(), code);
    }
  }
  inner.set_handler(handler);
  inner.begin_connect(to.to_string(), options.timeout);
  const int code = uv_tcp_connect(inner.connect_request(), tcp, to.raw(), core::connected);
  if (code != 0) return base::fail_uv("connect to " + to.to_string(), code);
  uv_tcp_nodelay(tcp, 1);
  return made;
}

base::result<stream> stream::connect_unix(uv_loop_t* on, const std::string& path, stream_handler& handler) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return base::fail(base::errc::invalid, "connect to " + path + ": the path is too long for a socket");
  }
  auto made = make(socket::make_pipe(on, std::make_unique<core>()));
  if (!made) return made;
  core& inner = made->inner();
  inner.set_handler(handler);
  inner.begin_connect(path, std::chrono::milliseconds(0));
  uv_pipe_connect(inner.connect_request(), &made->socket_.raw()->pipe, path.c_str(), core::connected);
  return made;
}

base::result<stream> stream::adopt(uv_loop_t* on, accepted_socket from) {
  auto made = make(from.is_tcp ? socket::make_tcp(on, std::make_unique<core>())
                               : socket::make_pipe(on, std::make_unique<core>()));
  if (!made) return made;
  base::uv::any_socket* raw = made->socket_.raw();
  const int code =
      from.is_tcp ? uv_tcp_open(&raw->tcp, from.fd.get()) : uv_pipe_open(&raw->pipe, from.fd.get());
  if (code != 0) return base::fail_uv("adopt a socket", code);
  static_cast<void>(from.fd.release());
  if (from.is_tcp) uv_tcp_nodelay(&raw->tcp, 1);
  made->inner().keep(std::move(from.slot));
  return made;
}

void stream::start(stream_handler& handler) {
  inner().set_handler(handler);
  inner().open_and_read();
}

void stream::set_handler(stream_handler& handler) {
  inner().set_handler(handler);
}
void stream::write(base::bytes_span bytes) {
  inner().write(bytes);
}
void stream::write_owned(base::bytes_span bytes, release_fn release, void* context) {
  inner().write_owned(bytes, release, context);
}
void stream::flush() {
  inner().flush();
}
std::size_t stream::bytes_queued() const {
  return inner().bytes_queued();
}
void stream::set_low_mark(std::size_t bytes) {
  inner().set_low_mark(bytes);
}
std::uint64_t stream::bytes_read() const {
  return inner().bytes_read();
}
std::uint64_t stream::bytes_written() const {
  return inner().bytes_written();
}
void stream::pause() {
  inner().pause();
}
void stream::resume() {
  inner().resume();
}
bool stream::paused() const {
  return inner().paused();
}
void stream::end() {
  inner().end();
}

void stream::close_when_written(std::chrono::milliseconds patience) {
  if (!socket_) return;
  core& inner = *socket_.payload();
  inner.outlive(std::move(socket_), patience);
}

void stream::close() {
  if (!socket_) return;
  inner().silence();
  socket_.close();
}

base::result<base::socket_address> stream::peer_address() const {
  sockaddr_storage raw{};
  int length = sizeof raw;
  const int code = uv_tcp_getpeername(&socket_.raw()->tcp, reinterpret_cast<sockaddr*>(&raw), &length);
  if (code != 0) return base::fail_uv("ask for the peer's address", code);
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), static_cast<socklen_t>(length));
}

base::result<base::socket_address> stream::local_address() const {
  sockaddr_storage raw{};
  int length = sizeof raw;
  const int code = uv_tcp_getsockname(&socket_.raw()->tcp, reinterpret_cast<sockaddr*>(&raw), &length);
  if (code != 0) return base::fail_uv("ask for the local address", code);
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), static_cast<socklen_t>(length));
}

base::result<std::uint32_t> stream::peer_uid() const {
  uv_os_fd_t fd = -1;
  if (const int code = uv_fileno(socket_.base(), &fd); code != 0)
    return base::fail_uv("ask for the peer", code);
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
    return base::fail_errno("ask for the peer", errno);
  }
  return who.uid;
}

} // namespace coppice::net
