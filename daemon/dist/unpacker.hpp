// SPDX-License-Identifier: MIT
// Turns a frame into a control message and its payload: finds the header, resolves cached atoms, joins
// fragments, and makes both terms canonical. That is the one copy on the way in; a long payload in one frame
// that is canonical already is not copied. A violation of the protocol is an error that ends the connection.
// A payload over the node's limits is dropped and reported as dropped. The connection's thread.
#pragma once

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "dist/atom_cache_reader.hpp"
#include "dist/compression.hpp"
#include "dist/control_message.hpp"
#include "dist/fragments.hpp"
#include "dist/frame.hpp"
#include "dist/short_form.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::dist {

struct unpacked {
  short_form head;         // used instead of `control` if not none; borrows like it
  control_message control; // the fields of its operation; borrows from the frame and the unpacker
  runtime::message payload;
  std::string dropped; // why the payload was dropped; else empty
};

class unpacker {
 public:
  // `capabilities`: those agreed on in the handshake, see handshake_message::capability.
  explicit unpacker(const etf::limits& most, std::uint32_t capabilities = 0)
      : most_(most), fragments_(most), capabilities_(capabilities) {}

  // Takes one complete frame, not a tick. Null: fragments of the message are still to come, or busy(). The
  // result is valid until the next take(), and as long as the frame. A payload that needs no rewriting
  // becomes a part of `memory`, if the frame lies in that.
  base::result<unpacked*> take(std::span<const std::uint8_t> whole, runtime::message memory = {});
  // Whether take() has left work to go_on(), which does the next part of it: a large payload or fragment.
  // While it is true, no other frame may be taken.
  bool busy() const {
    return inflating_ != nullptr || checking_ != nullptr || feeding_ != nullptr || parts_ != nullptr;
  }
  // Bytes of memory that go_on() works on, and of a control message that is longer than usual, until the next
  // one.
  std::size_t held() const { return held_in_blocks() + held_outside_blocks(); }
  // The part of held() that is in no message's block.
  std::size_t held_outside_blocks() const;
  base::result<unpacked*> go_on();
  // Bytes of a payload that are read, or checked for duplicate keys, in one call.
  static constexpr std::size_t checked_at_once = std::size_t{1} << 20;
  // Most bytes of a control message, as received and as kept. It is read in one call, so a longer one breaks
  // the protocol; since OTP 22 everything that can be long is a payload.
  static constexpr std::size_t longest_control = checked_at_once;

  // Bytes of memory of the atoms that the peer has named, until the connection ends.
  std::size_t atom_bytes() const { return cache_.bytes(); }

  // Messages dropped because of their size.
  std::uint64_t dropped() const { return dropped_ + fragments_.dropped(); }
  // Messages whose fragments are still to come.
  fragments& unfinished() { return fragments_; }
  const fragments& unfinished() const { return fragments_; }

 private:
  std::size_t held_in_blocks() const;
  base::result<unpacked*> take_whole(std::span<const std::uint8_t> whole);
  base::result<unpacked*> take_frame(const frame& f);
  base::result<unpacked*> take_short_form(std::span<const std::uint8_t> body);
  base::result<unpacked*> take_header(std::span<const std::uint8_t> body);
  base::result<unpacked*> take_pass_through(std::span<const std::uint8_t> body);
  base::result<std::optional<fragments::joined>> begin_fragments(const frame& f, std::size_t most);
  base::result<unpacked*> finish_fragments(fragments::joined all);
  base::result<unpacked*> finish(std::span<const std::uint8_t> terms);
  etf::vector_writer& next_control();
  base::result<std::size_t> read_control(std::span<const std::uint8_t> terms, control_message& control);
  base::status read_payload(std::span<const std::uint8_t> term);
  bool usable_as_it_is(std::span<const std::uint8_t> term) const;
  base::status inflate_some();
  base::status check_some();
  base::status take_some();
  base::result<unpacked*> feed_fragment(const frame& f);
  base::result<unpacked*> feed_some();
  base::result<unpacked*> finish_joined(base::result<std::optional<fragments::joined>> of);
  base::status payload_failed(const etf::error& why);
  etf::atom_lookup lookup() const;

  etf::limits most_;
  atom_cache_reader cache_;
  atom_table atoms_;
  fragments fragments_;
  decompressor decompressor_;
  std::uint32_t capabilities_;
  etf::vector_writer control_{512};
  struct inflating;
  struct checking;
  struct feeding;
  struct parts;
  struct deleter {
    void operator()(inflating* owned) const noexcept;
    void operator()(checking* owned) const noexcept;
    void operator()(feeding* owned) const noexcept;
    void operator()(parts* owned) const noexcept;
  };
  std::unique_ptr<inflating, deleter> inflating_;
  std::unique_ptr<checking, deleter> checking_; // checks the keys in out_.payload
  std::unique_ptr<feeding, deleter> feeding_;   // the rest of a fragment
  std::unique_ptr<parts, deleter> parts_;       // a large payload of one frame
  std::string name_;                            // of out_.head, if that outlives its frame
  runtime::message memory_;                     // while a frame is taken: the memory that it lies in
  unpacked out_;                                // reused, because it is large and frames are many
  std::uint64_t dropped_ = 0;
};

} // namespace coppice::dist
