// SPDX-License-Identifier: MIT
// The inner part of a stream. What it does is in the states of stream_state.hpp. It speaks to a carrier: the
// socket, or another one, or TLS that stands between. Its handler may close it in the middle of its own
// functions, so they check life_.is_over() before they touch the handler again; it lives until its carrier
// has closed. At most one write that waits is under way. With TLS, written bytes wait in queue_ until they
// are encrypted. Private to the room; the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/border.hpp"
#include "base/uv.hpp"
#include "net/carrier.hpp"
#include "net/deadline.hpp"
#include "net/stream/stream.hpp"
#include "net/stream/stream_state.hpp"
#include "net/tls/tls_filter.hpp"
#include "net/write_queue.hpp"

namespace coppice::net {

class stream::core final : private tls_filter::owner {
 public:
  core(uv_loop_t* on, carrier_ptr by);

  // Called before the stream is opened. Without a context it does nothing.
  void use_tls(const tls_options& options);

  // The socket. -1: none.
  int descriptor() const { return bottom_->descriptor(); }
  void set_handler(stream_handler& handler) { handler_ = &handler; }
  // Takes the slot and the place of the admission limit. False: another connection has been given one of
  // them.
  bool keep(accepted_socket from);
  admission_limit::place& place() { return place_; }
  void count_with(const base::socket_address& client);

  // The carrier is about to connect, and connected() to come.
  void begin_connect(std::string target, std::chrono::milliseconds timeout);
  // The carrier is open.
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
  void flush() override;
  void end();
  void start_tls(const tls_options& options, std::optional<base::bytes_span> first);
  void give_tls(base::bytes_span first);
  void pause();
  void resume();
  // The core belongs to its carrier from now on, which closes. No callback to the handler from here on.
  void close();
  // Like close(). The peer finds the connection reset, and loses what it has not read.
  void reset();
  // The core owns itself from now on. It closes when the queue is written and the peer has ended too, on a
  // failure, or when the peer is silent. The peer has `patience` to take what is queued, or finds the
  // connection reset. Bytes that still arrive are read and dropped: closing with unread bytes would reset the
  // connection, and the peer would lose our last bytes (RFC 9112 9.6).
  void outlive(std::chrono::milliseconds patience);

  bool accepts() const { return !life_.is_over() && !cannot_write() && end_.now() == stream_end_state::open; }
  bool paused() const { return reading_.is_held(); }
  bool securing() const { return tls_ && !tls_->established(); }
  bool may_start_tls() const {
    return life_.is(stream_life_state::open) && !tls_ && accepts() && !reading_.has_ended();
  }
  std::string_view tls_version() const { return tls_ ? tls_->version() : std::string_view{}; }
  std::string_view alpn() const { return tls_ ? tls_->protocol() : std::string_view{}; }
  std::optional<net::peer_certificate> peer() const { return tls_ ? tls_->peer() : std::nullopt; }
  std::size_t bytes_queued() const { return cannot_write() ? 0 : queue_.bytes() + carrier_->waiting(); }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_written() const { return bytes_written_; }
  void set_low_mark(std::size_t bytes) { low_mark_ = bytes; }

  bool cannot_write() const { return writing_.now() == stream_writing_state::broken; }

 private:
  // The border of libuv's callbacks: an exception ends this stream and is reported by on_closed().
  template <class Work>
  void guarded(Work&& work) {
    if (base::contained("a stream", work)) return;
    fail_later({base::errc::internal, "an exception ended it, which the log has"});
  }

  void connected(int code) override;
  void ready();
  void adjust_reading();
  bool reads_now() override { return !reading_.take(stream_reading_event::asked); }
  std::span<std::uint8_t> space() override;
  void heard(std::size_t bytes) override;
  void came(base::bytes_span bytes, bool all) override;
  void filled() override;
  void came_to_end(base::error why, bool whole) override;
  void expect_much();

  void wrote();
  void schedule() override;
  void end_of_turn();
  base::status try_flush();
  base::status write_failed(base::error why);
  void sent(std::size_t bytes, int code) override;
  void left(std::size_t bytes);
  void tell_drained();
  // More may be queued than before: the owner wrote, or TLS has made more of what was queued.
  void note_more() {
    if (bytes_queued() > low_mark_) mark_.take(stream_mark_event::rises);
  }
  base::status all_written();

  void fail_later(base::error why) override;
  void fail(base::error why, stream_life_event how = stream_life_event::fails);
  void drop_what_comes();
  void dropped(std::size_t bytes) override;
  void dropped_all(bool whole);
  void was_shut_down() override;
  void begin_to_linger();
  void linger();
  void silence();
  void give_up();
  void dismissed();
  // Makes a task that runs `does` on this stream's thread, from any thread. If the stream is gone by then, it
  // does nothing.
  std::function<void()> on_this_thread(void (core::*does)()) const;
  // Registers make_room() with the listener's limit. False: the connection had been told to make room
  // already.
  bool may_make_room();
  void make_room();
  void note_traffic();

  // begin_handshake() to fail_now() are in stream_tls.cpp.
  void begin_handshake();
  bool takes() const override;
  bool is_over() const override { return life_.is_over(); }
  bool says_end() override;
  void secured() override;
  void fail_now(base::error why) override;

  uv_loop_t* const loop_;
  carrier_ptr bottom_;              // the socket, or what is in its place; null: closed
  std::unique_ptr<tls_filter> tls_; // over bottom_; null: none
  carrier* carrier_;                // the carrier that the stream speaks to: tls_, else bottom_
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
  std::size_t own_size_ = 0;                     // of own_space_, now or once it is made; 0: the first size
  std::string target_;                           // for error texts; empty for an accepted stream
  std::unique_ptr<base::error> pending_failure_; // while turn_ is failing
  std::unique_ptr<base::error> broken_;          // why writing_ is broken
  std::size_t dropped_ = 0;                      // bytes read and dropped since its owner has left
  std::uint64_t lingers_until_ = 0;              // uv_now() at which it closes, while it lingers
  std::chrono::milliseconds tls_timeout_{0};

  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::size_t low_mark_ = 0;
  stream_life life_;
  stream_reading reading_;
  stream_writing writing_;
  stream_end_of_writing end_;
  stream_mark mark_;
  stream_turn turn_;
};

} // namespace coppice::net
