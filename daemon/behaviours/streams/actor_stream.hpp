// SPDX-License-Identifier: MIT
// One stream of an actor: what comes is kept until the actor's turn, cut into frames there and given to the
// actor; what it writes goes to the socket. Reading stops while the actor has too much to take, so that a
// slow one slows its peer by TCP itself. The actor hears of everything in its own turn, in this order: that
// the stream is open, what comes by it, the peer's end, its own end, once. The thread of its loop.
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

// Where a stream goes that an actor opens.
struct outgoing_stream {
  std::string host; // a name or an address; with port 0 the path of a Unix-domain socket
  std::uint16_t port = 0;
  base::nanos time = 0; // until it is open
  net::lookup_cause cause = net::lookup_cause::own;
  std::optional<stream_tls> tls{};
  std::shared_ptr<const stream_options> options;
};

// What the actor does about its streams: its callbacks. In its own turn; it may call any function of the
// actor's streams. One that stops ends the actor, and its streams with it.
class stream_callbacks {
 public:
  virtual runtime::outcome on_connect(actor_stream& stream) = 0;
  // One whole frame.
  virtual runtime::outcome on_frame(actor_stream& stream, const runtime::message& frame) = 0;
  // Without framing: what has come. `used`, at most all of it; the rest comes again with what follows.
  virtual runtime::outcome on_data(actor_stream& stream, const runtime::message& data, std::size_t& used) = 0;
  // The peer sends no more; with half_close only.
  virtual runtime::outcome on_eof(actor_stream& stream) = 0;
  // A write was refused, and now there is room again.
  virtual runtime::outcome on_drained(actor_stream& stream) = 0;
  // The handshake that start_tls() began is over.
  virtual runtime::outcome on_secured(actor_stream& stream) = 0;
  // As the last. `why` is for people.
  virtual runtime::outcome on_close(actor_stream& stream, stream_end how, const std::string& why) = 0;

 protected:
  ~stream_callbacks() = default;
};

class actor_stream final : private net::stream_handler {
 public:
  // What its owner does for it.
  class owner {
   public:
    // There is something for the actor: handle() is to be called in its turn.
    virtual void due(actor_stream& stream) = 0;

   protected:
    ~owner() = default;
  };

  actor_stream(std::uint64_t id, owner& of, uv_loop_t* loop, std::shared_ptr<const stream_options> options);
  ~actor_stream();
  actor_stream(const actor_stream&) = delete;
  actor_stream& operator=(const actor_stream&) = delete;

  std::uint64_t id() const { return id_; }
  // Of those the actor began with: it ends with this one.
  bool ends_actor() const { return ends_actor_; }
  // "1.3", "1.2", or empty.
  std::string_view tls_version() const { return stream_ ? stream_.tls_version() : std::string_view(); }
  // By ALPN; empty: none.
  std::string_view protocol() const { return stream_ ? stream_.alpn() : std::string_view(); }
  // What the peer has shown; null: nothing.
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
  // Of the listener that accepted it; `counts_open`: as one that is open while it is this actor's, too.
  void count_in(std::shared_ptr<tcp_counters> listener, bool counts_open);
  // Once gone().
  void count_end();
  // It has been open, or is.
  bool was_open() const { return opened_at_ != 0; }
  // Why it has ended, for people.
  const std::string& why() const { return why_; }
  // Since it was connected; 0: it never was.
  base::nanos open_for() const;
  // As addresses, or a Unix-domain socket's path.
  const std::string& peer() const { return peer_; }
  const std::string& local() const { return local_; }

  // Instead of what adopt() finds.
  void name_peer(std::string name) { peer_ = std::move(name); }

  // One of these three, once.
  base::status adopt(net::accepted_socket socket, const net::tls_options& tls, bool ends_actor);
  base::status connect(const outgoing_stream& to, net::tls_options tls);

  // Goes on with one that was another's.
  base::status attach(handed_stream from);

  // In the actor's turn, from here on. Calls back until there is nothing due or `budget` callbacks are made;
  // false: there is more.
  bool handle(stream_callbacks& to, unsigned& budget, runtime::outcome& next);
  bool is_open() const { return life_.is(actor_stream_life_state::open); }
  // Its on_close is over.
  bool gone() const { return life_.is(actor_stream_life_state::gone); }

  enum class write_result : std::uint8_t { ok, full, closed };
  write_result write(base::bytes_span bytes);
  // Keeps a share of it until the kernel has it.
  write_result write(runtime::message bytes);
  void flush();
  // No callbacks with what comes until resume(); reading goes on up to the credit.
  void pause() { held_ = true; }
  void resume();
  bool paused() const { return held_; }
  // What is written goes out, then the end of the stream; what comes is told on.
  void end();
  // What is written goes out, and nothing more is told but on_close.
  void close(stream_end how = stream_end::normal, std::string why = {});
  // At once, and so that the peer notices.
  void reset();
  // It is gone then, and nothing more is told of it. errc::invalid: it is not open, or is about to be
  // secured, or was ended; it stays as it is.
  base::result<handed_stream> hand_over();
  // What has come whole is told, then it is closed.
  void drain();
  // Its end is not told before let_end() has been called, with what to say of it.
  void hold_end() { end_held_ = true; }
  void let_end(std::string why);
  // It is done with, but for that.
  bool ending() const { return life_.is(actor_stream_life_state::ending); }
  // Nothing holds it up here, and all that had come when let_end() was called is read: only the peer's end
  // may be missing.
  bool reads_on() const { return !held_ && input_.size() < most_kept() && traffic().read >= last_byte_; }
  // start_tls() can be right: it is open and was not ended, and has no TLS nor a handshake.
  bool may_start_tls() const { return is_open() && stream_.may_start_tls(); }
  // The name or address it was to be connected to; empty: a peer connected to it, or it is a Unix-domain
  // socket.
  const std::string& target() const { return target_; }
  // What is written from now on waits for on_secured; `how` is of an end that has files. What has come and is
  // not used belongs to TLS: inside on_data, what that leaves. errc::invalid: it is not open.
  base::status start_tls(const net::tls_options& how);
  // What has not been cut yet is cut so. `how` has passed net::check_framing.
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
  // Calls back with what has come. False: the budget is used up.
  bool hand_out(stream_callbacks& to, unsigned& budget, runtime::outcome& next);
  runtime::outcome hand_out_raw(stream_callbacks& to);
  void used(std::size_t count);
  void input_taken();
  void read_on(); // if the actor may have more
  bool takes_input() const { return life_.hands_out() && !held_; }
  void finish(stream_end how, std::string why);
  write_result refused();

  // Times: actor_stream_times.cpp
  std::uint64_t now() const { return uv_now(loop_); }
  std::uint64_t next_deadline(stream_end& how, const char*& why) const;
  void watch();
  void look_at_times();
  void note_written();

  const std::uint64_t id_;
  owner& owner_;
  uv_loop_t* const loop_;
  const std::shared_ptr<const stream_options> options_;
  net::framer framer_;
  net::dialer dialer_; // of one that connects
  net::stream stream_;
  receive_buffer input_;
  std::size_t needed_ = 1; // bytes of input_ before there is anything to hand out
  std::string peer_;
  std::string local_;
  std::string target_;
  net::deadline timer_;
  std::uint64_t timer_at_ = 0; // ms, as those below: of the loop; 0: it does not run
  std::uint64_t opened_at_ = 0;
  std::uint64_t active_at_ = 0;
  std::uint64_t frame_began_ = 0; // 0: none has
  std::uint64_t stuck_since_ = 0; // what is written; 0: it is not
  std::uint64_t written_then_ = 0;
  std::uint64_t last_byte_ = 0; // of a program: what bytes_read() is to be once all is read that it wrote
  actor_stream_life life_;
  actor_stream_news news_;
  actor_stream_input peer_end_;
  actor_stream_room room_;
  actor_stream_loan loan_; // of what input_ begins with
  stream_end how_ = stream_end::normal;
  std::string why_;
  std::string end_text_; // from let_end(), instead of that
  std::unique_ptr<net::peer_certificate> certificate_;
  std::unique_ptr<net::tls_options> tls_later_; // behind the PROXY header
  byte_counts totals_;                          // once the socket is not this one's any more
  std::shared_ptr<tcp_counters> counters_;      // null: it counts in none
  bool counts_open_ = false;
  bool ends_actor_ = false;
  // What its owner and its actor have asked for.
  bool held_ = false;     // pause()
  bool draining_ = false; // drain()
  bool end_held_ = false; // hold_end()
  bool is_due_ = false;   // the owner has been told to call handle()
};

} // namespace coppice::behaviours
