// SPDX-License-Identifier: MIT
// The things that the streams of all actors on one worker share: the memory that they read into, the order of
// their TLS handshakes, and the time limit of streams that go to other processes. One for each loop, made
// with its first stream. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/uv.hpp"
#include "behaviours/streams/given_stream.hpp"
#include "behaviours/streams/receive_buffer.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/tls_pacer.hpp"
#include "net/tls/tls_source.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// TLS for one end, as an actor asks for it.
struct stream_tls {
  bool server = false;
  std::string host; // a client: the name that the certificate must have
  net::tls_files files;
};

class stream_loop final : public base::uv::loop_part {
 public:
  static stream_loop& of(uv_loop_t* loop);

  explicit stream_loop(uv_loop_t* on) : loop_(on), pacer_(on) {}
  ~stream_loop() override;

  net::tls_pacer& pacer() { return pacer_; }
  // Files are read once, and again when they have changed. An actor may name new files again and again: once
  // there are most_sources of them, all are forgotten and read anew when they are asked for.
  base::result<net::tls_options> tls(const stream_tls& how);
  static constexpr std::size_t most_sources = 64;

  // A parcel for process::hand(). If no process has taken the stream after take_time, it is closed. It is
  // closed earlier if its listener has no place left and another client comes
  // (net/admission/connection_limit.hpp).
  std::unique_ptr<stream_parcel> parcel(given_stream from);
  static constexpr std::chrono::seconds take_time{30};

  // The memory for the next read of any stream.
  std::span<std::uint8_t> space();
  bool is_here(const std::uint8_t* bytes) const { return bytes == begin_; }
  // Passes the first `count` bytes to a buffer, which must be empty. Few bytes are copied; for many, the
  // memory itself is passed on. So the memory kept is never much larger than its bytes.
  void pass_on(std::size_t count, receive_buffer& to, std::size_t wanted);

 private:
  static constexpr std::size_t size = std::size_t{64} << 10;
  static constexpr std::size_t copy_below = std::size_t{16} << 10;
  static constexpr std::size_t least_sweep = 64;
  // A stream that this loop's processes have given away.
  struct given {
    std::uint64_t due = 0; // loop time, ms
    std::weak_ptr<waiting_stream> stream;
  };

  void look_at_given();

  uv_loop_t* const loop_;
  net::tls_pacer pacer_;
  std::map<std::string, std::shared_ptr<net::tls_source>> sources_; // by all that they were opened with
  void* owner_ = nullptr;                                           // one reference
  std::uint8_t* begin_ = nullptr;
  std::uint8_t* end_ = nullptr;
  std::deque<given> given_;            // in the order of their times
  std::size_t sweep_at_ = least_sweep; // so many in given_: those that were taken are removed
  base::uv::timer give_up_;
};

} // namespace coppice::behaviours
