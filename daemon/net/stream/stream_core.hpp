// SPDX-License-Identifier: MIT
// The inner part of a stream. What it does is in the states of stream_state.hpp. It lives in the libuv
// handle's cell until the close callback. Its handler may close it in the middle of its own functions, so
// they check life_.is_over() before they touch the handler again. At most one uv_write is under way; it is
// used when the socket is full. With TLS, written bytes wait in queue_ until they are sealed into the
// session's output. Private to the room; the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/border.hpp"
#include "net/deadline.hpp"
#include "net/stream/stream.hpp"
#include "net/stream/stream_state.hpp"
#include "net/tls/tls_pacer.hpp"
#include "net/tls/tls_session.hpp"
#include "net/write_queue.hpp"

namespace coppice::net {

class stream::core final : private tls_pacer::client {
 public:
  ~core() { leave_pacer(); }

  // Second half of construction: `raw` is known only once the cell exists.
  void attach(uv_stream_t* raw);
  // Called before the stream is opened.
  void use_tls(const tls_options& options);

  uv_stream_t* raw() const { return raw_; }
  void set_handler(stream_handler& handler) { handler_ = &handler; }
  // Takes the slot and the place of the admission limit. False: another connection has been given one of
  // them.
  bool keep(accepted_socket from);
  admission_limit::place& place() { return place_; }
  void count_with(const base::socket_address& client);

  void begin_connect(std::string target, std::chrono::milliseconds timeout);
  uv_connect_t* connect_request() { return &connect_; }
  static void connected(uv_connect_t* request, int code) {
    core& self = *static_cast<core*>(request->data);
    self.guarded([&] { self.connected(code); });
  }
  // Opens an accepted socket.
  void open();
  // detach() and attach() are in stream_detach.cpp.
  base::result<detached_stream> detach();
  void attach(detached_stream from);

  void write(base::bytes_span bytes);
  std::span<std::uint8_t> write_in_place(std::size_t size);
  void write_owned(base::bytes_span bytes, release_fn release, void* context);
  void mark() { queue_.mark(); }
  std::span<std::uint8_t> write_ahead(std::size_t size);
  std::size_t bytes_ahead() { return queue_.bytes_inserted(); }
  std::size_t send_file(int file, std::uint64_t offset, std::size_t most);
  void flush();
  void end();
  void start_tls(const tls_options& options, std::optional<base::bytes_span> first);
  void give_tls(base::bytes_span first);
  void pause();
  void resume();
  // No callback to the handler from here on.
  void silence();
  // The cell owns itself from now on. It closes when the queue is written and the peer has ended too, on a
  // failure, or when the peer is silent. The peer has `patience` to take what is queued. Bytes that still
  // arrive are read and dropped: closing with unread bytes would reset the connection, and the peer would
  // lose our last bytes (RFC 9112 9.6).
  void outlive(socket self, std::chrono::milliseconds patience);

  bool paused() const { return reading_.is_held(); }
  bool securing() const { return tls_ && !tls_->established(); }
  bool may_start_tls() const {
    return life_.is(stream_life_state::open) && !tls_ && accepts() && !reading_.has_ended();
  }
  std::string_view tls_version() const { return tls_ ? tls_->version() : std::string_view{}; }
  std::string_view alpn() const { return tls_ ? tls_->protocol() : std::string_view{}; }
  std::optional<net::peer_certificate> peer() const { return tls_ ? tls_->peer() : std::nullopt; }
  std::size_t bytes_queued() const { return queue_.bytes() + (tls_ ? tls_->output().bytes() : 0); }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_written() const { return bytes_written_; }
  void set_low_mark(std::size_t bytes) { low_mark_ = bytes; }

 private:
  // Whether the owner may write.
  bool accepts() const { return !life_.is_over() && end_.now() == stream_end_state::open; }
  // The border of libuv's callbacks: an exception ends this stream and is reported by on_closed().
  template <class Work>
  void guarded(Work&& work) {
    if (base::contained("a stream", work)) return;
    fail_later({base::errc::internal, "an exception ended it, which the log has"});
  }
  // The queue that the socket is written from.
  write_queue& wire() { return tls_ ? tls_->output() : queue_; }

  void connected(int code);
  void ready();
  void adjust_reading();
  void give_space(uv_buf_t* into);
  static void ask_for_space(uv_handle_t* handle, std::size_t, uv_buf_t* into);
  std::span<std::uint8_t> handler_space();
  void expect_much();
  void took(ssize_t count, const uv_buf_t* into);
  void took_end(base::error why, bool at_end);

  bool write_first_part(int to);
  void wrote();
  void schedule();
  void end_of_turn();
  base::status try_flush();
  base::status write_failed(int code);
  base::status write_when_possible(std::span<uv_buf_t> parts);
  void write_finished(int code);
  void advance(std::size_t n);
  void tell_drained();
  base::status all_written();

  void fail_later(base::error why);
  void fail(base::error why, stream_life_event how = stream_life_event::fails);
  void drop_what_comes();
  void dropped(ssize_t count);
  void shut_down();
  void begin_to_linger();
  void linger();
  void close_self();
  void dismissed();
  // Makes a task that runs `does` on this stream's thread, from any thread. If the stream is gone by then, it
  // does nothing.
  std::function<void()> on_this_thread(void (core::*does)()) const;
  // Registers make_room() with the listener's limit. False: the connection had been told to make room
  // already.
  bool may_make_room();
  void make_room();
  void note_traffic();

  // begin_handshake() to leave_pacer() are in stream_tls.cpp.
  void begin_handshake();
  bool take_step() override;
  void took_sealed(base::bytes_span sealed);
  void deliver_opened();
  void fail_opened(base::error why);
  void fail_with_alert(base::error why);
  base::status seal();
  std::span<std::uint8_t> sealed_space();
  void leave_pacer();

  uv_stream_t* raw_ = nullptr;
  stream_handler* handler_ = nullptr;
  connection_slot slot_;
  admission_limit::place place_;
  std::shared_ptr<core*> itself_;                       // tasks of other threads hold it weakly
  std::function<void(std::function<void()>)> run_here_; // from other threads; empty: no other thread calls
  write_queue queue_;
  base::uv::idle before_wait_;
  base::uv::check after_wait_;
  deadline timeout_;
  std::unique_ptr<std::uint8_t[]> own_space_;
  std::size_t own_size_ = 0;                     // that own_space_ has, or will have; 0: the first size
  std::string target_;                           // for error texts; empty for an accepted stream
  std::unique_ptr<base::error> pending_failure_; // while turn_ is failing
  std::unique_ptr<base::error> broken_;          // why writing_ is broken
  socket self_;                                  // since its owner has left
  std::size_t dropped_ = 0;                      // bytes read and dropped since then
  std::uint64_t lingers_until_ = 0;              // uv_now() at which it closes, while it lingers

  std::unique_ptr<tls_session> tls_; // null: none
  tls_pacer* pacer_ = nullptr;
  std::chrono::milliseconds tls_timeout_{0};
  std::unique_ptr<std::uint8_t[]> sealed_space_;
  std::size_t sealed_size_ = 0;

  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t low_mark_ = 0;
  stream_life life_;
  stream_reading reading_;
  stream_writing writing_; // of write_
  stream_end_of_writing end_;
  stream_mark mark_;
  stream_turn turn_;

  uv_connect_t connect_{};
  uv_write_t write_{};
  uv_shutdown_t shutdown_{};
};

} // namespace coppice::net
