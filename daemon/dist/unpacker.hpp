// SPDX-License-Identifier: MIT
// From a frame to a control message and its payload: finds the header, resolves cached atoms, joins
// fragments, and makes canonical terms of both: the one copy on the way in, and none where a long payload in
// one frame is canonical already. What breaks the protocol is an error that ends the connection; a payload
// over the node's limits is dropped and told as such. One thread, the connection's.
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
  short_form head;         // in place of `control`, unless none; borrows likewise
  control_message control; // the fields its operation has; borrows from the frame and the unpacker
  runtime::message payload;
  std::string dropped; // why the payload was not taken, else empty
};

class unpacker {
 public:
  // `capabilities`: what the handshake agreed on, handshake_message::capability.
  explicit unpacker(const etf::limits& most, std::uint32_t capabilities = 0)
      : most_(most), fragments_(most), capabilities_(capabilities) {}

  // One whole frame, not a tick. Null while a message's fragments are still coming; else valid until the next
  // take() and as long as the frame is. A payload that needs no rewriting is a part of `memory`, if the frame
  // lies in that.
  base::result<unpacked*> take(std::span<const std::uint8_t> whole, runtime::message memory = {});
  // A compressed payload, one whose maps have many keys and a fragment come out of take() as null too where
  // they are large, and this is true until go_on(), which does the next part of the work, has given it.
  // Meanwhile no other frame is to be taken.
  bool busy() const { return inflating_ != nullptr || checking_ != nullptr || feeding_ != nullptr; }
  // Bytes of memory for what go_on() is to do (what is inflated, looked through for keys, or still to be
  // fed), and of a control message that is longer than usual, until the next one.
  std::size_t held() const;
  base::result<unpacked*> go_on();
  // What is done at once: bytes of a payload, looked through for keys.
  static constexpr std::size_t checked_at_once = std::size_t{1} << 20;
  // Bytes of a control message, as it comes and as it is kept. It is read at once, so a longer one breaks the
  // protocol: what may be long has a payload since OTP 22.
  static constexpr std::size_t longest_control = checked_at_once;

  // Messages dropped for their size.
  std::uint64_t dropped() const { return dropped_ + fragments_.dropped(); }
  // Those whose fragments are still coming.
  fragments& unfinished() { return fragments_; }
  const fragments& unfinished() const { return fragments_; }

 private:
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
  struct deleter {
    void operator()(inflating* owned) const noexcept;
    void operator()(checking* owned) const noexcept;
    void operator()(feeding* owned) const noexcept;
  };
  std::unique_ptr<inflating, deleter> inflating_;
  std::unique_ptr<checking, deleter> checking_; // the keys in out_.payload
  std::unique_ptr<feeding, deleter> feeding_;   // the rest of a fragment
  std::string name_;                            // of out_.head, while that outlives its frame
  runtime::message memory_;                     // while a frame is taken: what it lies in
  unpacked out_;                                // reused: it is large, and frames are many
  std::uint64_t dropped_ = 0;
};

} // namespace coppice::dist
