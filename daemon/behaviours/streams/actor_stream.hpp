// SPDX-License-Identifier: MIT
// One stream of an actor. Bytes that come are kept until the actor's turn, cut into frames there and given
// to the actor; bytes that the actor writes go to the socket. Reading stops while too many bytes wait for
// the actor, so a slow actor slows its peer by TCP itself. The actor is told everything in its own turn, in
// this order: that the stream is open, what has come, the peer's end, and once its own end. The thread of
// its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/uv.hpp"
#include "behaviours/streams/actor_stream_state.hpp"
#include "behaviours/streams/given_stream.hpp"
#include "behaviours/streams/receive_buffer.hpp"
#include "behaviours/streams/stream_loop.hpp"
#include "behaviours/streams/stream_options.hpp"
#include "net/deadline.hpp"
#include "net/stream/dialer.hpp"
#include "net/stream/framer.hpp"
#include "net/stream/stream.hpp"
#include "runtime/behaviour.hpp"

namespace coppice::behaviours {

class actor_stream;

// A connection that an actor opens.
struct outgoing_stream {
  std::string host; // a name or an address; with port 0 the path of a Unix-domain socket
  std::uint16_t port = 0;
  base::nanos time = 0; // how long opening may take
  net::lookup_cause cause = net::lookup_cause::own;
  std::optional<stream_tls> tls{};
  std::shared_ptr<const stream_options> options;
};

// The actor's callbacks for its streams. In its own turn. They may call any function of the actor's streams.
// A callback whose outcome stops ends the actor, and all its streams with it.
class stream_callbacks {
 public:
  virtual runtime::outcome on_connect(actor_stream& stream) = 0;
  // One whole frame.
  virtual runtime::outcome on_frame(actor_stream& stream, const runtime::message& frame) = 0;
  // Without framing: the bytes that have come. `used`: how many the actor takes, at most all; the rest comes
  // again with the bytes after it.
  virtual runtime::outcome on_data(actor_stream& stream, const runtime::message& data, std::size_t& used) = 0;
  // The peer sends no more. With half_close only.
  virtual runtime::outcome on_eof(actor_stream& stream) = 0;
  // A write was refused before, and now there is room again, or the connection is broken and a write returns
  // `closed`. In the latter case on_close follows, after the frames that came whole if the actor does not
  // stay paused.
  virtual runtime::outcome on_drained(actor_stream& stream) = 0;
  // The handshake that start_tls() began is over.
  virtual runtime::outcome on_secured(actor_stream& stream) = 0;
  // The last callback. `why` is for people.
  virtual runtime::outcome on_close(actor_stream& stream, stream_end how, const std::string& why) = 0;

 protected:
  ~stream_callbacks() = default;
};

class actor_stream final : private net::stream_handler {
 public:
  // The object that has the stream, and gives it turns.
  class owner {
   public:
    // There is something for the actor: the owner has to call handle() in the actor's turn.
    virtual void due(actor_stream& stream) = 0;

   protected:
    ~owner() = default;
  };

  actor_stream(std::uint64_t id, owner& of, uv_loop_t* loop, std::shared_ptr<const stream_options> options);
  ~actor_stream();
  actor_stream(const actor_stream&) = delete;
  actor_stream& operator=(const actor_stream&) = delete;

  std::uint64_t id() const { return id_; }
  // Whether the actor ends when this stream ends.
  bool ends_actor() const { return ends_actor_; }
  // "1.3" or "1.2"; empty: no TLS (yet).
  std::string_view tls_version() const { return stream_ ? stream_.tls_version() : std::string_view(); }
  // The protocol that ALPN has chosen; empty: none.
  std::string_view protocol() const { return stream_ ? stream_.alpn() : std::string_view(); }
  // The certificate that the peer has shown; null: none.
  const net::peer_certificate* certificate() const { return certificate_.get(); }
  struct byte_counts {
    std::uint64_t read = 0;
    std::uint64_t written = 0; // taken by the kernel
    std::uint64_t queued = 0;
  };
  byte_counts traffic() const {
    return stream_ ? byte_counts{stream_.bytes_read(), stream_.bytes_written(), stream_.bytes_queued()}
                   : totals_;
  }
  // Sets the counters of the listener that accepted it. `counts_open`: it counts as open there as long as
  // this object lives.
  void count_in(std::shared_ptr<tcp_counters> listener, bool counts_open);
  // Counts its end. Called once it is gone().
  void count_end();
  // Whether it is open or has been.
  bool was_open() const { return opened_at_ != 0; }
  // Why it has ended, for people.
  const std::string& why() const { return why_; }
  // Since it was connected; 0: it never was.
  base::nanos open_for() const;
  // The two ends, as addresses or a Unix-domain socket's path.
  const std::string& peer() const { return peer_; }
  const std::string& local() const { return local_; }

  // Sets the name that peer() returns, instead of the one that adopt() finds.
  void name_peer(std::string name) { peer_ = std::move(name); }

  // Exactly one of adopt(), connect() and attach() is called, once.
  base::status adopt(net::accepted_socket socket, const net::tls_options& tls, bool ends_actor);
  base::status connect(const outgoing_stream& to, net::tls_options tls);

  // Continues a stream that another actor has handed over.
  base::status attach(handed_stream from);

  // From here on in the actor's turn. Calls back until nothing is due or `budget` callbacks are made. False:
  // there is more.
  bool handle(stream_callbacks& to, unsigned& budget, runtime::outcome& next);
  bool is_open() const { return life_.is(actor_stream_life_state::open); }
  // Whether the connection is broken: it takes no more bytes, and what had come is still handed out.
  bool is_broken() const {
    return life_.is(actor_stream_life_state::broken) || (is_open() && stream_.is_broken());
  }
  // Whether on_close has returned, or the stream was handed over.
  bool gone() const { return life_.is(actor_stream_life_state::gone); }

  enum class write_result : std::uint8_t { ok, full, closed };
  write_result write(base::bytes_span bytes);
  // Keeps a reference to the memory until the kernel has the bytes.
  write_result write(runtime::message bytes);
  void flush();
  // No input callbacks until resume(). Reading goes on up to the credit. A broken stream whose actor is
  // paused and takes nothing for 30 s ends without the rest.
  void pause() { held_ = true; }
  void resume();
  bool paused() const { return held_; }
  // Sends what is written, then the end of the stream. Input is still handed out.
  void end();
  // Sends what is written, then closes. No callback follows but on_close.
  void close(stream_end how = stream_end::normal, std::string why = {});
  // Closes at once, so that the peer notices (TCP: RST).
  void reset();
  // Gives the socket away. The stream is gone() then, and no callback follows. errc::invalid: it is not
  // open, or is about to be secured, or was ended; it stays as it is.
  base::result<handed_stream> hand_over();
  // Hands out the frames that have come whole, then closes.
  void drain();
  // on_close waits until let_end() is called; `why` is then the text for it.
  void hold_end() { end_held_ = true; }
  void let_end(std::string why);
  // Whether only on_close is missing.
  bool ending() const { return life_.is(actor_stream_life_state::ending); }
  // Whether input is not held up here, and all bytes that had come when let_end() was called are read. Then
  // only the peer's end may be missing.
  bool reads_on() const { return !held_ && input_.size() < most_kept() && traffic().read >= last_byte_; }
  // Whether start_tls() is allowed: the stream is open and was not ended, and has neither TLS nor a
  // handshake.
  bool may_start_tls() const { return is_open() && stream_.may_start_tls(); }
  // The name or address that it was to be connected to. Empty: a peer connected to it, or it is a
  // Unix-domain socket.
  const std::string& target() const { return target_; }
  // Bytes written from now on wait for on_secured; `how` is of an end that has files. Bytes that have come
  // and are not used belong to TLS; inside on_data, those that the callback leaves. errc::invalid: it is not
  // open.
  base::status start_tls(const net::tls_options& how);
  // Sets how the bytes that have not been cut yet are cut. `how` has passed net::check_framing.
  void set_framing(const net::framing& how);

 private:
  void on_secured() override;
  std::span<std::uint8_t> read_space() override;
  void on_data(base::bytes_span bytes) override;
  void on_drained() override;
  bool on_end() override;
  void on_closed(base::error why) override;

  void connected();
  void opened();
  void take_proxy_header();
  void secure(const net::tls_options& how);
  void note_certificate();
  void tell();
  std::size_t most_kept() const;
  // Calls back with the input. False: the budget is used up.
  bool hand_out(stream_callbacks& to, unsigned& budget, runtime::outcome& next);
  runtime::outcome hand_out_raw(stream_callbacks& to);
  void used(std::size_t count);
  void input_taken();
  void read_on(); // if the actor may have more
  bool takes_input() const { return life_.hands_out() && !held_; }
  void finish(stream_end how, std::string why);
  write_result refused();

  // Times: actor_stream_times.cpp.
  std::uint64_t now() const { return uv_now(loop_); }
  std::uint64_t next_deadline(stream_end& how, const char*& why) const;
  void watch();
  void look_at_times();
  void wait_for_actor();
  void note_written();

  const std::uint64_t id_;
  owner& owner_;
  uv_loop_t* const loop_;
  const std::shared_ptr<const stream_options> options_;
  net::framer framer_;
  net::dialer dialer_; // only if it connects
  net::stream stream_;
  receive_buffer input_;
  std::size_t needed_ = 1; // bytes of input_ before there is anything to hand out
  std::string peer_;
  std::string local_;
  std::string target_;
  net::deadline timer_;
  std::uint64_t timer_at_ = 0; // ms of the loop's clock, as all times here; 0: it does not run
  std::uint64_t opened_at_ = 0;
  std::uint64_t active_at_ = 0;
  std::uint64_t frame_began_ = 0; // 0: no frame has begun
  std::uint64_t stuck_since_ = 0; // since when written bytes wait; 0: none wait
  std::uint64_t written_then_ = 0;
  std::size_t left_then_ = 0;   // while broken: input_.size() when that was looked at last
  std::uint64_t last_byte_ = 0; // of a program: bytes_read() when all that it wrote is read
  actor_stream_life life_;
  actor_stream_news news_;
  actor_stream_input peer_end_;
  actor_stream_room room_;
  actor_stream_loan loan_; // of the first bytes of input_
  stream_end how_ = stream_end::normal;
  std::string why_;
  std::string end_text_; // from let_end(), instead of why_
  std::unique_ptr<net::peer_certificate> certificate_;
  std::unique_ptr<net::tls_options> tls_later_; // behind the PROXY header
  byte_counts totals_;                          // once this stream no longer has the socket
  std::shared_ptr<tcp_counters> counters_;      // null: not counted
  bool counts_open_ = false;
  bool ends_actor_ = false;
  // Whether the peer has sent a byte for the actor: not of TLS's handshake, nor of the PROXY header.
  bool has_spoken_ = false;
  // Requests of its owner and its actor.
  bool held_ = false;     // pause()
  bool draining_ = false; // drain()
  bool end_held_ = false; // hold_end()
  bool is_due_ = false;   // the owner has been told to call handle()
};

} // namespace coppice::behaviours
