// SPDX-License-Identifier: MIT
// Integers are big-endian. Any thread.
#include "dist/short_form.hpp"

#include <cstring>

#include "base/bytes.hpp"
#include "dist/frame.hpp"

namespace coppice::dist {
namespace {

using kind = short_form::kind;

bool has_number(kind what) {
  return what >= kind::call;
}

bool has_name(kind what) {
  return what == kind::send_to_name || what == kind::call_by_name || what == kind::bare_call_by_name;
}

// Bytes without the characters of a name.
std::size_t fixed_size(kind what) {
  return std::size_t{1} + 8 + (has_number(what) ? 8 : 0) + (has_name(what) ? 1 : 8);
}

// The kind of a message to a process or a name of the peer: `sent`, or one of the two kinds of calls.
kind kind_of(const runtime::signal& s, kind sent, kind call, kind bare_call) {
  if ((s.flags & runtime::signal::of_call) == 0) return sent;
  return (s.flags & runtime::signal::bare) != 0 ? bare_call : call;
}

} // namespace

std::size_t write_short_form(std::span<std::uint8_t> into, const short_form& m) {
  std::uint8_t* at = into.data();
  const auto put = [&](const short_form::process& p) {
    base::store_be32(at, p.id);
    base::store_be32(at + 4, p.serial);
    at += 8;
  };
  *at++ = static_cast<std::uint8_t>(m.what);
  put(m.from);
  if (has_number(m.what)) {
    base::store_be64(at, m.number);
    at += 8;
  }
  if (has_name(m.what)) {
    *at++ = static_cast<std::uint8_t>(m.name.size());
    std::memcpy(at, m.name.data(), m.name.size());
    at += m.name.size();
  } else {
    put(m.to);
  }
  return static_cast<std::size_t>(at - into.data());
}

std::size_t short_frame_head_size(const short_form& m) {
  return 6 + fixed_size(m.what) + (has_name(m.what) ? m.name.size() : 0);
}

std::size_t write_short_frame_head(std::span<std::uint8_t> into, const short_form& m, std::size_t payload) {
  into[4] = frame_tag::version_magic;
  into[5] = frame_tag::short_form;
  const std::size_t size = 6 + write_short_form(into.subspan(6), m);
  base::store_be32(into.data(), static_cast<std::uint32_t>(size - 4 + payload));
  return size;
}

// Builds the result in place: if it were copied, 16-byte loads would wait for the smaller stores before them.
std::optional<short_form> to_short_form(const runtime::destination& to, const runtime::signal& s,
                                        std::uint32_t peer_creation) {
  using runtime::destination;
  std::optional<short_form> made;
  if (!s.payload() || !s.from.here() || (s.flags & runtime::signal::priority) != 0) return made;
  short_form& m = made.emplace();
  m.from = {s.from.id, s.from.serial};
  if ((s.flags & runtime::signal::of_call) != 0) m.number = s.ref.number();
  switch (to.what()) {
    case destination::kind::process:
      if (to.process().creation != peer_creation) break;
      m.what = kind_of(s, kind::send, kind::call, kind::bare_call);
      m.to = {to.process().id, to.process().serial};
      return made;
    case destination::kind::remote_name:
      if (to.name().empty() || to.name().size() > 255) break;
      m.what = kind_of(s, kind::send_to_name, kind::call_by_name, kind::bare_call_by_name);
      m.name = to.name();
      return made;
    case destination::kind::alias: {
      const auto owner = to.alias_ref().owner();
      m.number = to.alias_ref().number();
      if (owner.creation != peer_creation || !to.alias_ref().is_whole()) break;
      m.what = (s.flags & runtime::signal::bare) != 0 ? kind::bare_answer : kind::answer;
      m.to = {owner.id, owner.serial};
      return made;
    }
    case destination::kind::none:
    case destination::kind::name:
    case destination::kind::node:
      break;
  }
  made.reset();
  return made;
}

bool read_short_form(std::span<const std::uint8_t>& in, short_form& into) {
  if (in.empty() || in[0] == 0 || in[0] > static_cast<std::uint8_t>(kind::bare_answer)) return false;
  const auto what = static_cast<kind>(in[0]);
  const bool named = has_name(what);
  std::size_t size = fixed_size(what);
  if (in.size() < size) return false;
  const std::size_t length = named ? in[size - 1] : 0;
  size += length;
  if (named && (length == 0 || in.size() < size)) return false;
  const std::uint8_t* at = in.data() + 1;
  const auto take = [&](short_form::process& p) {
    p = {base::load_be32(at), base::load_be32(at + 4)};
    at += 8;
  };
  into = {};
  into.what = what;
  take(into.from);
  if (has_number(what)) {
    into.number = base::load_be64(at);
    at += 8;
  }
  if (named)
    into.name = base::as_text(in.subspan(size - length, length));
  else
    take(into.to);
  in = in.subspan(size);
  return true;
}

} // namespace coppice::dist
