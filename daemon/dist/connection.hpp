// SPDX-License-Identifier: MIT
// An established connection to one peer: frames to signals for the runtime, signals to frames for the
// peer, ticks, and the end of it all. It lives on one worker's loop and only that thread touches it, but
// for the counters. What it cannot do anything about (a peer that breaks the protocol, falls silent or
// does not read) ends it, and its owner is told once, with the reason in words.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/buffer.hpp"
#include "base/error.hpp"
#include "base/uv.hpp"
#include "dist/handshake.hpp"
#include "dist/identity.hpp"
#include "dist/message_bytes.hpp"
#include "dist/options.hpp"
#include "dist/outbox.hpp"
#include "dist/packer.hpp"
#include "dist/relations.hpp"
#include "dist/spawn.hpp"
#include "dist/unpacker.hpp"
#include "net/stream.hpp"
#include "runtime/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

class connection;

// Whom a connection belongs to.
class connection_owner {
 public:
  // The end: `gone` hears and sends nothing more. The owner takes it out of its tables, has it tell the
  // processes, and destroys it, in this order, so that what they do next already finds it gone. Nothing of
  // the owner is locked when this is called.
  virtual void lost(connection& gone, const base::error& why) = 0;
  // Less waits to be sent than before.
  virtual void drained(connection& of) = 0;
  virtual const spawn_handler& spawns() const = 0;

 protected:
  ~connection_owner() = default;
};

// Read from any thread.
struct connection_counters {
  std::atomic<std::uint64_t> messages_in{0};
  std::atomic<std::uint64_t> messages_out{0};
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> queued{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> links{0};
  std::atomic<std::uint64_t> monitors{0};
  std::atomic<std::uint32_t> silent_ticks{0}; // quarters of net_ticktime in which nothing was heard
};

class connection final : private net::stream_handler {
 public:
  connection(runtime::system& system, const options& opts, connection_owner& owner, std::uint32_t peer_index,
             const peer_node& peer, bool outgoing, net::stream stream);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Begins to read; `leftover` came behind the handshake. May end the connection before it returns.
  void start(base::bytes_span leftover);

  // A signal for the peer. Order is kept for each sender; what others send goes between the fragments of a
  // very large message.
  void send(const runtime::destination& to, runtime::signal_ptr what);
  // Messages that are frames already, none of them of a sender that has a very large one on its way.
  void send(ready_frames all);
  bool has_large() const { return !large_.empty(); }
  // Payloads shorter than this may become frames before they are sent here; 0: none may.
  std::size_t ready_below() const;
  // Bytes that hold up new messages: written and not taken by the network, and what has to wait behind large
  // messages; of these themselves no more than the network is given at a time.
  std::size_t unsent() const { return stream_.bytes_queued() + behind_bytes_; }

  // Ends it and tells the owner: the connection is gone when this returns.
  void end(const base::error& why);
  // For the owner, once ended: noconnection to all that had links and monitors through here. `never_sent` has
  // each signal that still waited behind a large message.
  using bounce = std::function<void(const runtime::destination&, const runtime::signal&)>;
  void tell_processes(const bounce& never_sent);
  // Without telling anyone: the node stops.
  void abandon() { stream_.close(); }

  const peer_node& peer() const { return peer_; }
  std::uint32_t peer_index() const { return ids_.peer(); }
  bool outgoing() const { return outgoing_; }
  const std::string& address() const { return address_; }
  std::string_view tls_version() const { return stream_.tls_version(); } // a static string
  const connection_counters& counters() const { return counters_; }      // any thread

 private:
  std::span<std::uint8_t> read_space() override;
  void on_data(base::bytes_span bytes) override;
  void on_flushed() override;
  void on_drained() override;
  void on_closed(base::error why) override;

  bool take_long_frame();
  bool read_frames();
  bool take_frame(base::bytes_span whole, const runtime::message& memory);
  void took_messages();
  base::status handle(unpacked& in);
  base::status handle_message(unpacked& in);
  base::status handle_short(unpacked& in);
  base::status handle_call(const short_form& call, const runtime::pid& from, runtime::message payload);
  base::status handle_answer(const runtime::reference& alias, runtime::signal_ptr what);
  runtime::destination receiver_in(const control_message& c) const;
  base::status handle_link(const control_message& c);
  base::status handle_unlink(const control_message& c);
  base::status handle_exit(unpacked& in);
  base::status handle_monitor(const control_message& c);
  base::status handle_demonitor(const control_message& c);
  base::status handle_down(unpacked& in);
  base::status handle_group_leader(const control_message& c);
  base::status handle_spawn(unpacked& in);
  void answer_spawn(const spawn_request& request);
  base::status handle_spawn_reply(const control_message& c);
  void ask_to_spawn(runtime::signal_ptr what);
  void deliver(const runtime::destination& to, runtime::signal_ptr what);

  void fill_ends(control_message& c, const runtime::destination& to, const runtime::pid& from) const;
  bool fill(control_message& c, const runtime::destination& to, const runtime::signal& s);
  bool fill_message(control_message& c, const runtime::destination& to, const runtime::signal& s) const;
  bool fill_exit2(control_message& c, const runtime::destination& to, const runtime::signal& s) const;
  bool fill_altact(control_message& c, const runtime::destination& to, const runtime::signal& s) const;
  void begin_call(const runtime::destination& to, const runtime::signal& call, bool rides);
  void end_call(const runtime::reference& answered, const runtime::pid& by);
  void end_monitor(const runtime::reference& ref, const call_there& call);
  std::optional<short_form> brief(const runtime::destination& to, const runtime::signal& s) const;
  bool fill_unlink(control_message& c, const runtime::destination& to, const runtime::signal& s);
  void fill_demonitor(control_message& c, const runtime::reference& ref, const watched_there& what);
  void fill_demonitor(control_message& c, const runtime::reference& ref, const call_there& call);
  bool fill_down(control_message& c, const runtime::signal& s);
  void send_now(const runtime::destination& to, runtime::signal_ptr what);
  void pack(const control_message& c, const packer::content& what);
  void pack(const short_form& head, const runtime::signal& s);
  void packed();
  bool has_room();
  void begin_large(const control_message& c, runtime::signal_ptr what);
  void feed_large();
  void end_large(const runtime::pid& sender);
  void tell_sender(const runtime::signal& sent);
  void rest_while_scarce();
  void gather_reads(std::size_t size);
  void tick();
  void publish();
  bool has(std::uint64_t flag) const { return (peer_.flags & flag) != 0; }

  // Bytes the network is given of large messages before it has taken them.
  static constexpr std::size_t large_window = std::size_t{1} << 20;
  // A very large message on its way, and what its sender sent after it.
  struct large_message {
    packer::fragmented what;
    runtime::signal_ptr signal;
    std::deque<std::pair<runtime::destination, runtime::signal_ptr>> behind;
  };

  runtime::system& system_;
  const options& options_;
  connection_owner& owner_;
  peer_node peer_;
  bool outgoing_;
  identity ids_;
  const bool short_forms_; // the peer takes them
  std::string spoken_of_;  // the name a control message being written borrows
  const runtime::message no_reason_ = runtime::reasons::normal();
  std::string address_;
  relations relations_;
  unpacker unpacker_;
  packer packer_;
  base::buffer in_;
  message_bytes long_;        // a long frame from its length on, while it comes, and what comes behind it
  std::size_t long_size_ = 0; // of that frame; 0: none
  net::stream stream_;
  base::uv::timer ticker_;
  base::uv::timer reader_; // while it reads nothing, since memory is scarce or to read more at once
  connection_counters counters_;
  std::size_t longest_seen_ = 0;   // frame, of what was last read
  std::uint64_t read_at_tick_ = 0; // bytes read when it last ticked
  int silent_ticks_ = 0;
  unsigned small_reads_ = 0;       // in a row, with nothing written between them
  std::uint64_t written_then_ = 0; // at the last of them
  std::unordered_map<runtime::pid, large_message, runtime::pid_hash> large_; // by sender
  std::deque<runtime::pid> turns_;                                           // whose fragment is next
  std::size_t behind_bytes_ = 0;
  std::size_t large_bytes_ = 0; // of large messages, still to be written
  std::size_t gathered_ = 0;    // messages sent since the last were read, but for those written early
  std::size_t gather_ = 0;      // so many are worth a write of their own
  std::size_t handled_ = 0;     // of what was last read
  std::size_t answers_due_ = 0; // to what was last read, at most
  bool idle_ = true;            // nothing sent since it last ticked
  bool overfull_ = false;       // the peer does not read: about to end
  bool ended_ = false;
};

} // namespace coppice::dist
