// SPDX-License-Identifier: MIT
// An established connection to one peer: its stream, its life, and the two parts that do the work: inbound
// makes signals of what is read, outbound makes bytes of what is sent. It lives on one worker's loop and only
// that thread touches it, but for the counters. What it cannot do anything about (a peer that breaks the
// protocol, falls silent or does not read) ends it, and its owner is told once, with the reason in words.
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
#include "runtime/system.hpp"

namespace coppice::dist {

class connection final : private net::stream_handler {
 public:
  // On the thread of the loop `stream` is on, a worker's.
  connection(runtime::system& system, const options& opts, connection_owner& owner, std::uint32_t peer_index,
             const peer_node& peer, net::stream stream);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Begins to read; `leftover` came behind the handshake. May end the connection before it returns.
  void start(base::bytes_span leftover);

  // A signal for the peer. Order is kept for each sender; what others send goes between the fragments of a
  // very large message.
  void send(const runtime::destination& to, runtime::signal_ptr what);
  // Messages that are frames already, none of them of a sender that has a very large one on its way.
  void send(ready_frames all);
  bool has_large() const { return outbound_.has_large(); }
  // Payloads shorter than this may become frames before they are sent here; 0: none may.
  std::size_t frames_below() const { return outbound_.frames_below(); }
  // Whether the peer takes calls and answers without gen's tuples.
  bool bare_calls() const { return outbound_.bare_calls(); }
  // Bytes that hold up new messages, see outbound.
  std::size_t unsent() const { return outbound_.unsent(); }

  // Ends it and tells the owner: the connection is gone when this returns.
  void end(const base::error& why);
  // For the owner, once ended. `never_sent(to, signal)` has each signal that still waited behind a large
  // message.
  template <class NeverSent>
  void tell_of_unsent(NeverSent&& never_sent) {
    outbound_.tell_of_unsent(std::forward<NeverSent>(never_sent));
  }
  // For the owner, once ended: the links, monitors and calls whose processes are to be told.
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

  connection_owner& owner_;
  connection_context context_;
  net::stream stream_;
  std::string address_;
  outbound outbound_;
  inbound inbound_;
  std::shared_ptr<connection*> itself_; // for who may come too late
  unfinished_messages::share unfinished_;
  read_pacer pacer_;
  base::uv::timer ticker_;
  std::size_t counted_relations_ = 0; // bytes of memory in use, about
  std::uint64_t read_at_tick_ = 0;    // bytes read when it last ticked
  std::uint32_t silent_ticks_ = 0;
  std::uint64_t written_at_tick_ = 0;
  std::uint32_t stalled_ticks_ = 0; // on end, bytes waited and none was taken
  bool hung_up_ = false;            // when it last ticked, and the stream rested
  bool ending_ = false;             // overfull: the ticker is about to end it
  bool ended_ = false;
};

} // namespace coppice::dist
