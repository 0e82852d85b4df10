// SPDX-License-Identifier: MIT
// Turns a control message and its payload into frames on a stream, with the header that the peer's flags ask
// for. A large payload is borrowed from its message rather than copied, and cut into fragments if the peer
// takes them. The owner paces the fragments of a very large message, so that others pass between them.
// Coppice nodes get short forms; other nodes get atoms of control messages as references to their atom cache.
// The connection's thread.
#pragma once

#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "dist/atom_cache_writer.hpp"
#include "dist/compression.hpp"
#include "dist/control_message.hpp"
#include "dist/frame.hpp"
#include "dist/short_form.hpp"
#include "net/stream/stream.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::dist {

class packer {
 public:
  // `flags`: those in force. `compression` empty: the peer takes no envelopes. `caches`: use the peer's atom
  // cache, if its flag is in force.
  explicit packer(std::uint64_t flags, std::optional<compression_settings> compression = {},
                  bool caches = false);

  // The payload of a control message, and the compression that its sender chose (see runtime::signal).
  struct content {
    const runtime::message& payload; // empty: the operation has none
    std::uint8_t compression = runtime::sent_compressed::as_the_node;
  };
  // False: the control message has no encoding, or the frame is longer than four bytes can say; nothing is
  // written.
  bool pack(const control_message& control, const content& what, net::stream& out);
  // Whether the content fits into a short form, which is one frame. A payload that will be compressed fits
  // only if an envelope holds it.
  static constexpr std::size_t longest_short_payload = 4 * fragment_size; // bytes of payload
  bool fits_short_form(const content& what) const;
  // Writes a short form. The peer takes them, and fits_short_form() is true.
  void pack(const short_form& head, const content& what, net::stream& out);
  // Writes a short form that leaves before whole frames that wait in the stream. It is not compressed; the
  // payload is at most longest_short_payload. False: the stream drops what is written.
  static bool pack_ahead(const short_form& head, const runtime::message& payload, net::stream& out);
  void tick(net::stream& out);
  // Writes complete frames that were made elsewhere.
  void write(const runtime::message& frames, net::stream& out) { write(frames, frames.bytes(), out); }
  // Payloads shorter than this are always copied, and are compressed only if their sender chose it.
  std::size_t copied_below() const;

  // A message that is sent in fragments.
  struct fragmented {
    runtime::message payload;
    std::uint8_t compression = runtime::sent_compressed::as_the_node;
    std::uint64_t sequence = 0;
    std::uint64_t left = 0; // fragments still to write
    std::size_t done = 0;   // bytes of the payload already written
    std::size_t rest() const { return payload.size() - done; }
  };
  bool takes_fragments() const { return fragments_; }
  // Writes the first fragment. False: as pack().
  bool begin(const control_message& control, const content& what, fragmented& into, net::stream& out);
  // Writes the next fragment; at least one must be left.
  void next(fragmented& of, net::stream& out);

 private:
  bool fragment(const control_message* control, fragmented& of, net::stream& out);
  void write(const runtime::message& payload, etf::bytes part, net::stream& out);
  // Sends the frame begun in scratch_ with its payload, in an envelope if that is smaller.
  void send(const content& what, etf::bytes part, net::stream& out);
  std::uint32_t level_for(std::size_t payload_bytes, const content& what) const {
    return compressor_ ? compressor_->level_for(payload_bytes, what.compression) : 0;
  }
  void start(std::uint8_t tag);
  // Appends the cache header and the control message. False: it has no encoding.
  bool put_control(const control_message& control);
  void finish_length(std::size_t payload_bytes);

  bool with_header_; // 131,68 rather than 112
  bool fragments_;
  std::uint64_t next_sequence_ = 1;
  etf::vector_writer scratch_{1024};
  std::unique_ptr<atom_cache_writer> atoms_; // null: the peer's cache is not used
  etf::vector_writer control_{256};          // for the cache only
  std::optional<compressor> compressor_;
};

} // namespace coppice::dist
