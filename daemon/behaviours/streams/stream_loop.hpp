// SPDX-License-Identifier: MIT
// What the streams of a worker's actors share: where they read to, and the order of their TLS handshakes. One
// for each loop, made with its first stream. The loop's thread.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/uv.hpp"
#include "behaviours/streams/receive_buffer.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/tls_pacer.hpp"
#include "net/tls/tls_source.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// One end's TLS, as an actor asks for it.
struct stream_tls {
  bool server = false;
  std::string host; // a client: whom the certificate is to be for
  net::tls_files files;
};

class stream_loop final : public base::uv::loop_part {
 public:
  static stream_loop& of(uv_loop_t* loop);

  explicit stream_loop(uv_loop_t* on) : pacer_(on) {}
  ~stream_loop() override;

  net::tls_pacer& pacer() { return pacer_; }
  // Files are read once, and again when they have changed. An actor may name ever new files: after
  // most_sources of them all are read anew when they are asked for again.
  base::result<net::tls_options> tls(const stream_tls& how);
  static constexpr std::size_t most_sources = 64;

  // Where the next read goes, whosever it is.
  std::span<std::uint8_t> space();
  bool is_here(const std::uint8_t* bytes) const { return bytes == begin_; }
  // Its first `count` bytes become those of a buffer, which had none: a few are copied, of many the memory
  // itself is passed on, so that what is kept is never much larger than its bytes.
  void pass_on(std::size_t count, receive_buffer& to, std::size_t wanted);

 private:
  static constexpr std::size_t size = std::size_t{64} << 10;
  static constexpr std::size_t copy_below = std::size_t{16} << 10;

  net::tls_pacer pacer_;
  std::map<std::string, std::shared_ptr<net::tls_source>> sources_; // by what they were opened with
  void* owner_ = nullptr;                                           // one reference
  std::uint8_t* begin_ = nullptr;
  std::uint8_t* end_ = nullptr;
};

} // namespace coppice::behaviours
