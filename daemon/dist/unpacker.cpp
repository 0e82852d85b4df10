// SPDX-License-Identifier: MIT
// Control terms are small and read at once, so they go through one reused buffer; payloads are written
// straight into a message's block. One thread, the connection's.
#include "dist/unpacker.hpp"

#include <coppice/etf/inflate.hpp>
#include <utility>

#include "dist/usual_control.hpp"

namespace coppice::dist {
namespace {

constexpr std::uint8_t version_magic = 131;

auto invalid(std::string text) {
  return base::fail(base::errc::invalid, std::move(text));
}

} // namespace

etf::atom_lookup unpacker::lookup() const {
  return {[](const void* table, std::uint8_t index) {
            const auto* found = static_cast<const atom_table*>(table)->find(index);
            return found == nullptr ? std::string_view{} : *found;
          },
          &atoms_};
}

base::result<std::optional<unpacked>> unpacker::take(std::span<const std::uint8_t> whole) {
  auto f = parse_frame(whole);
  if (f && compressed_ && f->kind == frame_kind::envelope) {
    const auto inside = decompressor_.unwrap(f->body);
    if (!inside) return tl::unexpected(inside.error());
    f = parse_frame(*inside);
  }
  if (!f) return tl::unexpected(f.error());
  return take_frame(*f);
}

base::result<std::optional<unpacked>> unpacker::take_frame(const frame& f) {
  switch (f.kind) {
    case frame_kind::tick:
      return std::nullopt;
    case frame_kind::pass_through:
      return take_pass_through(f.body);
    case frame_kind::header:
      return take_header(f.body);
    case frame_kind::envelope:
      return invalid("a compressed frame where none was agreed on");
    case frame_kind::first_fragment:
    case frame_kind::next_fragment:
      break;
  }
  auto joined = base::result<std::optional<fragments::joined>>(std::nullopt);
  if (f.kind == frame_kind::first_fragment) {
    const auto size = cache_.read_header(f.body, atoms_);
    if (!size) return tl::unexpected(size.error());
    joined = fragments_.first(f.sequence, f.fragment, atoms_, f.body.subspan(*size));
  } else {
    joined = fragments_.next(f.sequence, f.fragment, f.body);
  }
  if (!joined) return tl::unexpected(std::move(joined.error()));
  if (!*joined) return std::nullopt;
  (*joined)->atoms.fill(atoms_);
  return finish((*joined)->body, false);
}

base::result<std::optional<unpacked>> unpacker::take_header(std::span<const std::uint8_t> body) {
  const auto size = cache_.read_header(body, atoms_);
  if (!size) return tl::unexpected(size.error());
  return finish(body.subspan(*size), true);
}

base::result<std::optional<unpacked>> unpacker::finish(std::span<const std::uint8_t> terms, bool lasting) {
  unpacked out;
  // What a joined message borrows from is gone before the control message is used.
  auto usual = lasting ? read_usual_control(terms, lookup(), out.control) : std::nullopt;
  const auto size = usual ? base::result<std::size_t>(*usual) : read_control(terms, out.control);
  if (!size) return tl::unexpected(size.error());
  const auto payload = terms.subspan(*size);
  if (has_payload(out.control.what) == payload.empty()) {
    return invalid(payload.empty() ? "a control message without its payload"
                                   : "bytes behind a control message");
  }
  if (!payload.empty()) {
    if (auto read = read_payload(payload, out); !read) return tl::unexpected(std::move(read.error()));
  }
  return out;
}

base::result<std::optional<unpacked>> unpacker::take_pass_through(std::span<const std::uint8_t> body) {
  if (body.empty() || body[0] != version_magic) return invalid("a pass-through frame without a term");
  atoms_ = {};
  unpacked out;
  const auto size = read_control(body.subspan(1), out.control);
  if (!size) return tl::unexpected(size.error());
  const auto payload = body.subspan(1 + *size);
  if (has_payload(out.control.what) == payload.empty()) {
    return invalid(payload.empty() ? "a control message without its payload"
                                   : "bytes behind a control message");
  }
  if (!payload.empty()) {
    if (payload[0] != version_magic) return invalid("a payload without 131");
    const auto term = payload.subspan(1);
    auto read = etf::is_compressed(term) ? read_compressed(term, out) : read_payload(term, out);
    if (!read) return tl::unexpected(std::move(read.error()));
  }
  return out;
}

// Legal only here: a term under a header is never at the very start of its bytes.
base::status unpacker::read_compressed(std::span<const std::uint8_t> term, unpacked& into) {
  const auto whole = etf::inflate(term, most_);
  if (!whole) return payload_failed(whole.error(), into);
  return read_payload(*whole, into);
}

base::result<std::size_t> unpacker::read_control(std::span<const std::uint8_t> terms,
                                                 control_message& control) {
  const auto seen = etf::scan(terms, most_, etf::cached_atoms::allowed);
  if (!seen) return invalid("control message: " + seen.error().text());
  control_.rewind();
  if (auto made = etf::canonicalise(terms.first(seen->length), control_, most_, lookup()); !made) {
    return invalid("control message: " + made.error().text());
  }
  auto decoded = decode_control(control_.view());
  if (!decoded) return tl::unexpected(std::move(decoded.error()));
  control = *decoded;
  return seen->length;
}

base::status unpacker::read_payload(std::span<const std::uint8_t> term, unpacked& into) {
  runtime::message_writer out(term.size() + 64);
  if (auto made = etf::canonicalise(term, out, most_, lookup()); !made)
    return payload_failed(made.error(), into);
  into.payload = out.take();
  return {};
}

// Too much is the sender's business and costs it its message; nonsense costs it the connection.
base::status unpacker::payload_failed(const etf::error& why, unpacked& into) {
  const bool over_limit = why.code == etf::errc::too_deep || why.code == etf::errc::too_large ||
                          why.code == etf::errc::out_of_memory;
  if (!over_limit) return invalid("payload: " + why.text());
  ++dropped_;
  into.dropped = why.text();
  return {};
}

} // namespace coppice::dist
