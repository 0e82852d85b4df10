// SPDX-License-Identifier: MIT
// From a control message and its payload to frames on a stream: the header the peer's flags ask for, a large
// payload borrowed from its message rather than copied, and cut into fragments where the peer takes them:
// those of a very large one at its owner's pace, so that others go between. Coppice nodes take short forms.
// Atoms of control messages are cached at peers that are no Coppice nodes. One thread, the connection's.
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
  // `flags` are those in force; no `compression` where the peer takes no envelopes. `caches`: atoms go into
  // the peer's cache, if it is in force.
  explicit packer(std::uint64_t flags, std::optional<compression_settings> compression = {},
                  bool caches = false);

  // What goes behind a control message, and the compression its sender chose, as its signal has it.
  struct content {
    const runtime::message& payload; // empty for operations without one
    std::uint8_t compression = runtime::sent_compressed::as_the_node;
  };
  // False when the control message has no encoding or the frame would be longer than four bytes can say;
  // nothing is written then.
  bool pack(const control_message& control, const content& what, net::stream& out);
  // Whether it may go in short form, which is one frame: what is compressed may only if an envelope holds it.
  static constexpr std::size_t longest_short_payload = 4 * fragment_size; // bytes of payload
  bool fits_short_form(const content& what) const;
  // The same in short form, the peer taking those and fits_short_form() being true.
  void pack(const short_form& head, const content& what, net::stream& out);
  void tick(net::stream& out);
  // Frames, whole, made by someone else.
  void write(const runtime::message& frames, net::stream& out) { write(frames, frames.bytes(), out); }
  // Payloads shorter than this are copied in any case, and not compressed unless their sender chose it.
  std::size_t copied_below() const;

  // A message that leaves in fragments.
  struct fragmented {
    runtime::message payload;
    std::uint8_t compression = runtime::sent_compressed::as_the_node;
    std::uint64_t sequence = 0;
    std::uint64_t left = 0; // fragments, this and all after it
    std::size_t done = 0;   // bytes of the payload
    std::size_t rest() const { return payload.size() - done; }
  };
  bool takes_fragments() const { return fragments_; }
  // Writes the first fragment; false as pack().
  bool begin(const control_message& control, const content& what, fragmented& into, net::stream& out);
  // Writes another one; there is one left.
  void next(fragmented& of, net::stream& out);

 private:
  bool fragment(const control_message* control, fragmented& of, net::stream& out);
  void write(const runtime::message& payload, etf::bytes part, net::stream& out);
  // The frame begun in scratch_ and its payload, as they are or in an envelope.
  void send(const content& what, etf::bytes part, net::stream& out);
  std::uint32_t level_for(std::size_t payload_bytes, const content& what) const {
    return compressor_ ? compressor_->level_for(payload_bytes, what.compression) : 0;
  }
  void start(std::uint8_t tag);
  // Behind a header: its references and the control message. False: it has no encoding.
  bool put_control(const control_message& control);
  void finish_length(std::size_t payload_bytes);

  bool with_header_; // 131,68 rather than 112
  bool fragments_;
  std::uint64_t next_sequence_ = 1;
  etf::vector_writer scratch_{1024};
  std::unique_ptr<atom_cache_writer> atoms_; // null: none is cached
  etf::vector_writer control_{256};          // if they are
  std::optional<compressor> compressor_;
};

} // namespace coppice::dist
