// SPDX-License-Identifier: MIT
// Control messages are small and read at once, so they use one buffer again and again; payloads are written
// straight into a message's block. One thread, the connection's.
#include "dist/unpacker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/canonical_stream.hpp>
#include <coppice/etf/inflate.hpp>
#include <utility>

#include "dist/frequent_control.hpp"
#include "dist/handshake_message.hpp"
#include "dist/payload_writer.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::dist {
namespace {

using frame_tag::version_magic;

constexpr std::size_t believed = 4; // a claimed size counts up to this many times what has come
constexpr std::size_t inflated_at_once = std::size_t{1} << 20;
constexpr std::size_t usual_control = std::size_t{64} << 10; // bytes; more memory than this is not kept

auto invalid(std::string text) {
  return base::fail(base::errc::invalid, std::move(text));
}

auto wrong_payload(std::span<const std::uint8_t> payload) {
  return invalid(payload.empty() ? "a control message without its payload"
                                 : "bytes behind a control message");
}

} // namespace

// A compressed payload that is being inflated. Keeps a copy, because the frame may be gone before all of it
// is inflated.
struct unpacker::inflating {
  inflating(std::span<const std::uint8_t> term, const etf::limits& most, const etf::atom_lookup& atoms)
      : packed(term.begin(), term.end()), from(packed, most), into(out, most, atoms) {}

  // Makes room for the next slice and what is to come: as much as the term claims, but no more than a few
  // times what has come.
  void make_room(std::size_t slice) {
    const std::size_t so_far = out.size() + slice;
    if (so_far > out.capacity()) out.reserve(std::max(so_far, std::min(from.size(), so_far * believed)));
  }

  std::vector<std::uint8_t> packed;
  etf::inflater from;
  payload_writer out;
  etf::canonical_stream into;
};

// A payload that is written already and whose keys are checked.
struct unpacker::checking {
  etf::key_checker keys;
  std::size_t passed = 0;
};

// A fragment that is longer than checked_at_once: its bytes, of which the first `at` have been taken.
struct unpacker::feeding {
  std::vector<std::uint8_t> body;
  std::uint64_t sequence = 0;
  std::uint64_t fragment = 0;
  std::size_t at = 0;
};

// A payload of one frame that is longer than checked_at_once: its bytes, of which the first `at` have been
// taken. They are copied, because the frame may be gone before all of them are taken.
struct unpacker::parts {
  parts(std::span<const std::uint8_t> term, const etf::limits& most, const atom_table& table)
      : body(term.begin(), term.end()), atoms(table), into(out, most, lookup_in(atoms)) {}

  std::vector<std::uint8_t> body;
  std::size_t at = 0;
  owned_atoms atoms;
  payload_writer out;
  etf::canonical_stream into;
};

void unpacker::deleter::operator()(inflating* owned) const noexcept {
  delete owned;
}
void unpacker::deleter::operator()(checking* owned) const noexcept {
  delete owned;
}
void unpacker::deleter::operator()(feeding* owned) const noexcept {
  delete owned;
}
void unpacker::deleter::operator()(parts* owned) const noexcept {
  delete owned;
}

etf::atom_lookup unpacker::lookup() const {
  return {[](const void* table, std::uint8_t index) {
            const auto* found = static_cast<const atom_table*>(table)->find(index);
            return found == nullptr ? std::string_view{} : *found;
          },
          &atoms_};
}

base::result<unpacked*> unpacker::take(std::span<const std::uint8_t> whole, runtime::message memory) {
  memory_ = std::move(memory);
  auto taken = take_whole(whole);
  memory_ = {};
  return taken;
}

base::result<unpacked*> unpacker::take_whole(std::span<const std::uint8_t> whole) {
  out_.payload = {};
  out_.dropped.clear();
  out_.head.what = short_form::kind::none;
  auto f = parse_frame(whole);
  if (f && f->kind == frame_kind::envelope && (capabilities_ & handshake_message::capability::lz4) != 0) {
    const auto inside = decompressor_.unwrap(f->body);
    if (!inside) return unexpected(inside.error());
    f = parse_frame(*inside);
  }
  if (!f) return unexpected(f.error());
  return take_frame(*f);
}

base::result<unpacked*> unpacker::take_frame(const frame& f) {
  switch (f.kind) {
    case frame_kind::tick:
      return nullptr;
    case frame_kind::pass_through:
      return take_pass_through(f.body);
    case frame_kind::header:
      return take_header(f.body);
    case frame_kind::envelope:
      return invalid("a compressed frame where none was agreed on");
    case frame_kind::short_form:
      return take_short_form(f.body);
    case frame_kind::first_fragment:
    case frame_kind::next_fragment:
      break;
  }
  if (f.body.size() > checked_at_once) return feed_fragment(f);
  return finish_joined(f.kind == frame_kind::first_fragment
                           ? begin_fragments(f, SIZE_MAX)
                           : fragments_.next(f.sequence, f.fragment, f.body));
}

base::result<unpacked*> unpacker::finish_joined(base::result<std::optional<fragments::joined>> of) {
  if (!of) return unexpected(std::move(of.error()));
  if (!*of) return nullptr;
  return finish_fragments(std::move(**of));
}

// Keeps the fragment, because the frame may be gone before all of it is taken.
base::result<unpacked*> unpacker::feed_fragment(const frame& f) {
  feeding_.reset(new feeding{{}, f.sequence, f.fragment, 0});
  if (f.kind == frame_kind::next_fragment) {
    feeding_->body.assign(f.body.begin(), f.body.end());
    return feed_some();
  }
  return finish_joined(begin_fragments(f, checked_at_once));
}

base::result<unpacked*> unpacker::feed_some() {
  feeding& now = *feeding_;
  const auto rest = std::span<const std::uint8_t>(now.body).subspan(now.at);
  const auto part = rest.first(std::min(rest.size(), checked_at_once));
  now.at += part.size();
  const bool more = part.size() < rest.size();
  auto joined = fragments_.next(now.sequence, now.fragment, part, more);
  const bool lost = more && joined && *joined;
  if (lost) static_cast<void>(fragments_.next(now.sequence, now.fragment, {}));
  if (!more || lost || !joined) feeding_.reset();
  return finish_joined(std::move(joined));
}

// "The entire atom cache and control message has to be part of the starting fragment": Distribution Protocol,
// Distribution Header for fragmented messages.
base::result<std::optional<fragments::joined>> unpacker::begin_fragments(const frame& f, std::size_t most) {
  const auto header = cache_.read_header(f.body, atoms_);
  if (!header) return unexpected(header.error());
  const auto terms = f.body.subspan(*header);
  const auto control = read_control(terms, out_.control);
  if (!control) return unexpected(control.error());
  const auto payload = terms.subspan(*control);
  if (payload.size() <= most) {
    feeding_.reset();
    return fragments_.first(f.sequence, f.fragment, atoms_, control_.view(), payload);
  }
  const auto part = payload.first(most);
  feeding_->body.assign(payload.begin() + static_cast<std::ptrdiff_t>(most), payload.end());
  return fragments_.first(f.sequence, f.fragment, atoms_, control_.view(), part, true);
}

base::result<unpacked*> unpacker::finish_fragments(fragments::joined all) {
  next_control().raw(all.control);
  auto decoded = decode_control(control_.view());
  if (!decoded) return unexpected(std::move(decoded.error()));
  out_.control = *decoded;
  if (!all.dropped.empty()) {
    out_.dropped = std::move(all.dropped);
    return &out_;
  }
  if (has_payload(out_.control.what) != static_cast<bool>(all.payload)) {
    return wrong_payload(all.payload.bytes());
  }
  out_.payload = std::move(all.payload);
  return &out_;
}

base::result<unpacked*> unpacker::take_short_form(std::span<const std::uint8_t> body) {
  if ((capabilities_ & handshake_message::capability::short_forms) == 0) {
    return invalid("a short form where none was agreed on");
  }
  const bool takes_bare = (capabilities_ & handshake_message::capability::bare_calls) != 0;
  if (!read_short_form(body, out_.head) || (out_.head.is_bare() && !takes_bare))
    return invalid("a malformed short form");
  atoms_.clear();
  if (auto read = read_payload(body); !read) return unexpected(std::move(read.error()));
  if (!busy()) return &out_;
  name_ = out_.head.name; // its frame may be gone by then
  out_.head.name = name_;
  return nullptr;
}

base::result<unpacked*> unpacker::take_header(std::span<const std::uint8_t> body) {
  const auto size = cache_.read_header(body, atoms_);
  if (!size) return unexpected(size.error());
  return finish(body.subspan(*size));
}

base::result<unpacked*> unpacker::finish(std::span<const std::uint8_t> terms) {
  auto size = read_frequent_control(terms, lookup(), out_.control);
  const bool borrows = size.has_value();
  if (!borrows) {
    const auto read = read_control(terms, out_.control);
    if (!read) return unexpected(read.error());
    size = *read;
  }
  const auto payload = terms.subspan(*size);
  if (has_payload(out_.control.what) == payload.empty()) return wrong_payload(payload);
  if (!payload.empty()) {
    if (auto read = read_payload(payload); !read) return unexpected(std::move(read.error()));
  }
  if (!busy()) return &out_;
  // A frequent control message borrows from the frame, which may be gone before the payload is done. How much
  // of the payload is left does not follow from the frame's length: it grows as its atoms are resolved.
  if (borrows) {
    if (const auto kept = read_control(terms, out_.control); !kept) return unexpected(kept.error());
  }
  return nullptr;
}

base::result<unpacked*> unpacker::take_pass_through(std::span<const std::uint8_t> body) {
  if (body.empty() || body[0] != version_magic) return invalid("a pass-through frame without a term");
  atoms_.clear();
  const auto size = read_control(body.subspan(1), out_.control);
  if (!size) return unexpected(size.error());
  const auto payload = body.subspan(1 + *size);
  if (has_payload(out_.control.what) == payload.empty()) return wrong_payload(payload);
  if (!payload.empty()) {
    if (payload[0] != version_magic) return invalid("a payload without 131");
    const auto term = payload.subspan(1);
    // Valid only here: a term under a header is never at the start of its bytes.
    if (etf::is_compressed(term)) {
      inflating_.reset(new inflating(term, most_, lookup()));
      return go_on();
    }
    if (auto read = read_payload(term); !read) return unexpected(std::move(read.error()));
  }
  return busy() ? nullptr : &out_;
}

std::size_t unpacker::held_in_blocks() const {
  std::size_t all = 0;
  if (inflating_ != nullptr) all += inflating_->out.capacity();
  if (checking_ != nullptr) all += out_.payload.footprint();
  if (parts_ != nullptr) all += parts_->out.capacity();
  return all;
}

std::size_t unpacker::held_outside_blocks() const {
  std::size_t all = 0;
  if (inflating_ != nullptr) all += inflating_->packed.capacity() + inflating_->into.held();
  if (checking_ != nullptr) all += checking_->keys.held();
  if (feeding_ != nullptr) all += feeding_->body.capacity();
  if (parts_ != nullptr) all += parts_->body.capacity() + parts_->atoms.bytes() + parts_->into.held();
  if (control_.size() > usual_control) all += control_.size();
  return all;
}

base::result<unpacked*> unpacker::go_on() {
  if (feeding_ != nullptr) return feed_some();
  auto made = checking_ != nullptr ? check_some() : parts_ != nullptr ? take_some() : inflate_some();
  if (!made) return unexpected(std::move(made.error()));
  return busy() ? nullptr : &out_;
}

// Inflates at most inflated_at_once bytes.
base::status unpacker::inflate_some() {
  const auto ended = [&](const etf::error& why) {
    auto failed = payload_failed(why);
    inflating_.reset();
    return failed;
  };
  inflating& now = *inflating_;
  for (std::size_t made = 0; made < inflated_at_once;) {
    const auto slice = now.from.next();
    if (!slice) return ended(slice.error());
    if (slice->empty()) {
      if (now.from.consumed() != now.packed.size()) return invalid("bytes behind a compressed payload");
      if (auto whole = now.into.finish(); !whole) return ended(whole.error());
      out_.payload = now.out.take();
      inflating_.reset();
      return {};
    }
    now.make_room(slice->size());
    if (auto fed = now.into.feed(*slice); !fed) return ended(fed.error());
    made += slice->size();
  }
  return {};
}

// Gives the memory of a long control message back.
etf::vector_writer& unpacker::next_control() {
  if (control_.size() > usual_control) static_cast<void>(control_.take());
  control_.rewind();
  return control_;
}

base::result<std::size_t> unpacker::read_control(std::span<const std::uint8_t> terms,
                                                 control_message& control) {
  etf::limits most = most_;
  most.bytes = std::min(most.bytes, longest_control);
  const auto seen = etf::scan(terms, most, etf::cached_atoms::allowed);
  if (!seen) return invalid("control message: " + seen.error().text());
  etf::vector_writer& out = next_control();
  if (auto made = etf::canonicalise(terms.first(seen->length), out, most, lookup()); !made) {
    return invalid("control message: " + made.error().text());
  }
  auto decoded = decode_control(out.view());
  if (!decoded) return unexpected(std::move(decoded.error()));
  control = *decoded;
  return seen->length;
}

// Whether the payload can stay in the frame's memory. A payload much smaller than that memory is copied
// instead.
bool unpacker::usable_as_it_is(std::span<const std::uint8_t> term) const {
  const void* owner = runtime::raw_message::owner(memory_);
  if (owner == nullptr || term.size() < memory_.footprint() / 2) return false;
  if (!runtime::raw_message::keeps(owner, term)) return false;
  const auto seen = etf::scan(term, most_, etf::cached_atoms::allowed);
  if (!seen || !seen->canonical || seen->length != term.size()) return false;
  return !seen->keyed || etf::check_keys(term);
}

base::status unpacker::read_payload(std::span<const std::uint8_t> term) {
  // Peers that know fragments send none that is so long.
  if (term.size() > checked_at_once) {
    parts_.reset(new parts(term, most_, atoms_));
    return {};
  }
  if (usable_as_it_is(term)) {
    out_.payload = std::move(memory_).slice(term);
    return {};
  }
  runtime::message_writer out(term.size() + 64);
  const auto keyed = etf::canonicalise_but_keys(term, out, most_, lookup());
  if (!keyed) return payload_failed(keyed.error());
  out_.payload = out.take();
  if (!*keyed) return {};
  checking_.reset(new checking);
  return check_some();
}

base::status unpacker::take_some() {
  parts& now = *parts_;
  if (now.at == 0) now.out.reserve(now.body.size());
  const auto rest = std::span<const std::uint8_t>(now.body).subspan(now.at);
  const auto part = rest.first(std::min(rest.size(), checked_at_once));
  now.at += part.size();
  auto taken = now.into.feed(part);
  if (taken && part.size() < rest.size()) return {};
  if (taken) taken = now.into.finish();
  base::status done;
  if (taken)
    out_.payload = now.out.take();
  else
    done = payload_failed(taken.error());
  parts_.reset();
  return done;
}

base::status unpacker::check_some() {
  checking& now = *checking_;
  const auto all = out_.payload.bytes();
  now.passed = std::min(all.size(), now.passed + checked_at_once);
  const auto unique = now.keys.pass(all.first(now.passed));
  if (unique && now.passed < all.size()) return {};
  base::status done;
  if (!unique) {
    done = payload_failed(unique.error());
    out_.payload = {};
  }
  checking_.reset();
  return done;
}

// A payload over a limit costs the sender that message; a malformed one costs it the connection. The caller
// frees what is held for the payload, after this call.
base::status unpacker::payload_failed(const etf::error& why) {
  if (!is_over_limit(why)) {
    const auto& from = out_.head.from;
    const std::string sender = out_.head.what == short_form::kind::none
                                   ? sender_text(out_.control)
                                   : fmt::format(" of its process {}.{}", from.id, from.serial);
    return invalid("payload" + sender + ": " + why.text());
  }
  ++dropped_;
  runtime::block_memory::given_up(held());
  out_.dropped = why.text();
  return {};
}

} // namespace coppice::dist
