// SPDX-License-Identifier: MIT
// The header is 131,68 with DIST_HDR_ATOM_CACHE or FRAGMENTS in force, else 112. The frame's length is
// written in front when its size is known. One thread.
#include "dist/packer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/bytes.hpp"
#include "dist/flags.hpp"
#include "dist/frame.hpp"

namespace coppice::dist {
namespace {

using frame_tag::first_fragment;
using frame_tag::next_fragment;
using frame_tag::pass_through;
using frame_tag::version_magic;

constexpr std::size_t copy_below = 1024; // bytes; a payload that small is copied behind its control message

void put(etf::writer& out, std::initializer_list<std::uint8_t> bytes) {
  out.raw({bytes.begin(), bytes.size()});
}

void put_be64(etf::writer& out, std::uint64_t value) {
  std::uint8_t bytes[8];
  base::store_be64(bytes, value);
  out.raw(bytes);
}

} // namespace

packer::packer(std::uint64_t flags, std::optional<compression_settings> compression, bool caches)
    : with_header_((flags & (flag::dist_hdr_atom_cache | flag::fragments)) != 0),
      fragments_((flags & flag::fragments) != 0),
      atoms_(caches && (flags & flag::dist_hdr_atom_cache) != 0 ? std::make_unique<atom_cache_writer>()
                                                                : nullptr) {
  if (compression) compressor_.emplace(*compression);
}

void packer::start(std::uint8_t tag) {
  scratch_.rewind();
  put(scratch_, {0, 0, 0, 0});
  if (tag == pass_through) {
    put(scratch_, {pass_through, version_magic});
  } else {
    put(scratch_, {version_magic, tag});
  }
}

bool packer::put_control(const control_message& control) {
  if (atoms_ == nullptr) {
    put(scratch_, {0});
    encode_control(scratch_, control);
    return !scratch_.failed();
  }
  control_.rewind();
  encode_control(control_, control);
  if (control_.failed()) return false;
  atoms_->write(scratch_, control_.view());
  return !scratch_.failed();
}

void packer::finish_length(std::size_t payload_bytes) {
  scratch_.patch32(0, static_cast<std::uint32_t>(scratch_.size() - 4 + payload_bytes));
}

bool packer::pack(const control_message& control, const content& what, net::stream& out) {
  const auto& payload = what.payload;
  if (fragments_ && payload.size() > fragment_size) {
    fragmented whole;
    if (!begin(control, what, whole, out)) return false;
    while (whole.left > 0) next(whole, out);
    return true;
  }
  if (payload.size() > UINT32_MAX - 65536) return false;
  start(with_header_ ? frame_tag::header : pass_through);
  if (!with_header_) {
    encode_control(scratch_, control);
    if (payload) put(scratch_, {version_magic});
    if (scratch_.failed()) return false;
  } else if (!put_control(control)) {
    return false;
  }
  send(what, payload.bytes(), out);
  return true;
}

bool packer::fits_short_form(const content& what) const {
  const std::size_t size = what.payload.size();
  return size <= max_enveloped - max_short_frame_head ||
         (size <= longest_short_payload && level_for(size, what) == 0);
}

void packer::pack(const short_form& head, const content& what, net::stream& out) {
  static_assert(max_short_frame_head + copy_below <= net::write_queue::longest_in_place);
  const auto payload = what.payload.bytes();
  if (payload.size() < copy_below && level_for(payload.size(), what) == 0) {
    const auto frame = out.write_in_place(short_frame_head_size(head) + payload.size());
    if (frame.empty()) return;
    const std::size_t at = write_short_frame_head(frame, head, payload.size());
    std::memcpy(frame.data() + at, payload.data(), payload.size());
    return;
  }
  scratch_.rewind();
  std::uint8_t bytes[max_short_frame_head];
  scratch_.raw({bytes, write_short_frame_head(bytes, head, what.payload.size())});
  send(what, payload, out);
}

bool packer::pack_ahead(const short_form& head, const runtime::message& payload, net::stream& out) {
  const auto frame = out.write_ahead(short_frame_head_size(head) + payload.size());
  if (frame.empty()) return false;
  const std::size_t at = write_short_frame_head(frame, head, payload.size());
  std::memcpy(frame.data() + at, payload.bytes().data(), payload.size());
  return true;
}

void packer::send(const content& what, etf::bytes part, net::stream& out) {
  if (const std::uint32_t level = level_for(part.size(), what); level > 0) {
    const auto envelope = compressor_->wrap(scratch_.view().subspan(4), part, level);
    if (!envelope.empty()) return out.write(envelope);
  }
  const bool joined = part.size() < copy_below;
  if (joined) scratch_.raw(part);
  finish_length(joined ? 0 : part.size());
  out.write(scratch_.view());
  if (!joined) write(what.payload, part, out);
}

bool packer::begin(const control_message& control, const content& what, fragmented& into, net::stream& out) {
  const auto& payload = what.payload;
  into.payload = payload;
  into.compression = what.compression;
  into.sequence = next_sequence_++;
  into.left = (payload.size() + fragment_size - 1) / fragment_size;
  into.done = 0;
  return fragment(&control, into, out);
}

void packer::next(fragmented& of, net::stream& out) {
  fragment(nullptr, of, out);
}

// The first fragment has the control message. Frames may go between any two fragments.
bool packer::fragment(const control_message* control, fragmented& of, net::stream& out) {
  out.mark();
  start(control != nullptr ? first_fragment : next_fragment);
  put_be64(scratch_, of.sequence);
  put_be64(scratch_, of.left);
  if (control != nullptr && !put_control(*control)) return false;
  if (scratch_.failed()) return false;
  const auto part = of.payload.bytes().subspan(of.done, std::min(of.rest(), fragment_size));
  of.done += part.size();
  --of.left;
  send({of.payload, of.compression}, part, out);
  return true;
}

void packer::write(const runtime::message& payload, etf::bytes part, net::stream& out) {
  auto held = std::make_unique<runtime::message>(payload);
  const auto release = [](void* context) {
    std::unique_ptr<runtime::message>(static_cast<runtime::message*>(context)).reset();
  };
  out.write_owned(part, release, held.release());
}

std::size_t packer::copied_below() const {
  return compressor_ ? std::min(copy_below, compressor_->least()) : copy_below;
}

void packer::tick(net::stream& out) {
  static constexpr std::uint8_t nothing[4] = {};
  out.write(std::span<const std::uint8_t>(nothing));
}

} // namespace coppice::dist
