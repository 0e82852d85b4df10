// SPDX-License-Identifier: MIT
// An established connection to a peer: its stream and its lifetime, and the two parts that do the work.
// inbound turns received bytes into signals, outbound turns signals into bytes. The connection lives on one
// worker's loop; only that thread uses it, except for the counters. If the peer breaks the protocol, falls
// silent or does not read, the connection ends and tells its owner once, with the reason in words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/uv.hpp"
#include "dist/connection_context.hpp"
#include "dist/connection_owner.hpp"
#include "dist/inbound.hpp"
#include "dist/outbound.hpp"
#include "dist/read_pacer.hpp"
#include "dist/unfinished_messages.hpp"
#include "net/stream/stream.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

class connection final : private net::stream_handler {
 public:
  // On the thread of the stream's loop, which is a worker's.
  connection(runtime::system& system, const options& opts, connection_owner& owner, std::uint32_t peer_index,
             const peer_node& peer, net::stream stream);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Begins to read. `leftover`: bytes received behind the handshake. May end the connection before it
  // returns.
  void start(base::bytes_span leftover);

  // Sends a signal to the peer. Each sender's signals keep their order. Signals of other senders may pass
  // between the fragments of a very large message.
  void send(const runtime::destination& to, runtime::signal_ptr what);
  // Sends messages that are frames already. None of their senders may have a very large message under way.
  void send(ready_frames all);
  // Sends a message before all that waits for the peer, see outbound::send_ahead().
  void send_ahead(const runtime::destination& to, runtime::signal_ptr what);
  // See outbound::expect_ahead().
  void expect_ahead() { outbound_.expect_ahead(); }
  bool has_large() const { return outbound_.has_large(); }
  // Payloads shorter than this may be made frames before they are sent here. 0: none may.
  std::size_t frames_below() const { return outbound_.frames_below(); }
  // Whether the peer takes calls and answers without gen's tuples.
  bool bare_calls() const { return outbound_.bare_calls(); }
  // Bytes that delay new messages, see outbound::unsent().
  std::size_t unsent() const { return outbound_.unsent(); }

  // Ends the connection and tells the owner. The connection is destroyed when this returns.
  void end(const base::error& why);
  // For the owner, after the end. Calls `never_sent(to, signal)` for each signal that still waited behind a
  // large message.
  template <class NeverSent>
  void tell_of_unsent(NeverSent&& never_sent) {
    outbound_.tell_of_unsent(std::forward<NeverSent>(never_sent));
  }
  // For the owner, after the end: the links, monitors and calls whose processes have to be told.
  peer_relations take_relations() { return std::exchange(context_.relations, {}); }

  std::uint32_t peer_index() const { return context_.ids.peer(); }
  const std::string& address() const { return address_; }
  std::string_view tls_version() const { return stream_.tls_version(); }    // a static string
  const connection_counters& counters() const { return context_.counters; } // any thread

 private:
  std::span<std::uint8_t> read_space() override { return inbound_.room(); }
  void on_data(base::bytes_span bytes) override;
  void on_flushed() override { publish(); }
  void on_drained() override;
  void on_closed(base::error why) override { end(why); }

  void read(std::size_t bytes);
  void end_if_overfull();
  void end_for_others();
  void tick();
  std::optional<base::error> hung_up();
  std::optional<base::error> unfinished_too_long();
  void publish();
  void count_relations();
  void count_unfinished();

  // Destroyed after everything that holds what the peer has sent.
  struct given_up {
    ~given_up() { runtime::block_memory::given_up(bytes); }
    std::size_t bytes = 0;
  };

  given_up at_end_;
  connection_owner& owner_;
  connection_context context_;
  net::stream stream_;
  std::string address_;
  outbound outbound_;
  inbound inbound_;
  std::shared_ptr<connection*> itself_; // tasks of other threads hold it weakly
  unfinished_messages::share unfinished_;
  read_pacer pacer_;
  base::uv::timer ticker_;
  std::size_t counted_relations_ = 0;  // bytes that are counted as memory in use, estimated
  std::size_t counted_unfinished_ = 0; // bytes that are counted as memory in use, about
  std::uint64_t read_at_tick_ = 0;     // bytes read at the last tick
  std::uint32_t silent_ticks_ = 0;
  std::uint64_t written_at_tick_ = 0;
  std::uint32_t stalled_ticks_ = 0; // in a row: bytes waited and the peer took none
  bool hung_up_ = false;            // at the last tick, while the stream was paused
  bool ending_ = false;             // too much is queued: the ticker is about to end it
  bool ended_ = false;
};

} // namespace coppice::dist
