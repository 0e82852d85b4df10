// SPDX-License-Identifier: MIT
// Reads and writes the handshake's messages field by field; every count is checked against the bytes that are
// there. Any thread.
#include "dist/handshake_message.hpp"

#include <algorithm>
#include <string_view>

#include "dist/node_name.hpp"

namespace coppice::dist::handshake_message {
namespace {

// Takes big-endian fields off the front; `ok` becomes false at the first that is missing.
struct reader {
  bytes rest;
  bool ok = true;

  std::uint64_t number(std::size_t width) {
    if (rest.size() < width) {
      ok = false;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value << 8 | rest[i];
    rest = rest.subspan(width);
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::string text(std::size_t size) {
    if (rest.size() < size) {
      ok = false;
      return {};
    }
    std::string out(reinterpret_cast<const char*>(rest.data()), size);
    rest = rest.subspan(size);
    return out;
  }
  digest proof() {
    digest out{};
    if (rest.size() < out.size()) {
      ok = false;
      return out;
    }
    std::copy_n(rest.begin(), out.size(), out.begin());
    rest = rest.subspan(out.size());
    return out;
  }
};

constexpr std::uint32_t capability_tag = 0xC0997110;

// The capabilities behind the name. Other bytes there do not belong to Coppice and are ignored.
std::uint32_t read_capabilities(reader& in) {
  if (in.rest.size() < 8) return 0;
  return in.u32() == capability_tag ? in.u32() : 0;
}

// Writes the length in front when it goes out of scope.
struct frame {
  std::vector<std::uint8_t>& out;
  std::size_t start;

  explicit frame(std::vector<std::uint8_t>& o) : out(o), start(o.size()) { number(0, 2); }
  frame(const frame&) = delete;
  ~frame() {
    const std::size_t size = out.size() - start - 2;
    out[start] = static_cast<std::uint8_t>(size >> 8);
    out[start + 1] = static_cast<std::uint8_t>(size);
  }
  void number(std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void capabilities(std::uint32_t bits) {
    if (bits == 0) return;
    number(capability_tag, 4);
    number(bits, 4);
  }
  void text(std::string_view s) { out.insert(out.end(), s.begin(), s.end()); }
  void proof(const digest& d) { out.insert(out.end(), d.begin(), d.end()); }
};

auto malformed(std::string_view what, bytes body) {
  return base::fail(base::errc::invalid, "handshake: malformed " + std::string(what) + " message of " +
                                             std::to_string(body.size()) + " bytes");
}

} // namespace

base::result<send_name> decode_send_name(bytes body) {
  reader in{body};
  send_name m;
  const auto tag = in.u8();
  if (tag == 'N') {
    m.flags = in.number(8);
    m.creation = in.u32();
    m.name = in.text(in.u16());
    m.capabilities = read_capabilities(in);
  } else if (tag == 'n') {
    m.old_form = true;
    const auto version = in.u16();
    m.flags = in.u32();
    m.name = in.text(in.rest.size());
    if (in.ok && version < 5) {
      return base::fail(base::errc::unsupported, "handshake: the peer speaks distribution version " +
                                                     std::to_string(version) +
                                                     ", 5 is the oldest understood");
    }
  } else {
    return malformed("name", body);
  }
  if (!in.ok || m.name.empty() || m.name.size() > max_node_name) return malformed("name", body);
  return m;
}

base::result<status> decode_status(bytes body) {
  reader in{body};
  if (in.u8() != 's') return malformed("status", body);
  constexpr std::string_view named = "named:";
  const std::string_view rest(reinterpret_cast<const char*>(in.rest.data()), in.rest.size());
  if (rest.starts_with(named)) {
    in.text(named.size());
    status m{verdict::named, {}, 0};
    m.name = in.text(in.u16());
    m.creation = in.u32();
    if (!in.ok || m.name.empty() || m.name.size() > max_node_name) return malformed("status", body);
    return m;
  }
  if (rest == "ok") return status{verdict::ok, {}, 0};
  if (rest == "ok_simultaneous") return status{verdict::ok_simultaneous, {}, 0};
  if (rest == "nok") return status{verdict::nok, {}, 0};
  if (rest == "not_allowed") return status{verdict::not_allowed, {}, 0};
  if (rest == "alive") return status{verdict::alive, {}, 0};
  return malformed("status", body);
}

base::result<bool> decode_alive_answer(bytes body) {
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  if (text == "strue") return true;
  if (text == "sfalse") return false;
  return malformed("status", body);
}

base::result<challenge> decode_challenge(bytes body) {
  reader in{body};
  challenge m;
  const auto tag = in.u8();
  if (tag == 'n') {
    return base::fail(base::errc::unsupported,
                      "handshake: the peer answers as a node older than OTP 23 does");
  }
  if (tag != 'N') return malformed("challenge", body);
  m.flags = in.number(8);
  m.value = in.u32();
  m.creation = in.u32();
  m.name = in.text(in.u16());
  m.capabilities = read_capabilities(in);
  if (!in.ok || m.name.empty() || m.name.size() > max_node_name) return malformed("challenge", body);
  return m;
}

base::result<complement> decode_complement(bytes body) {
  reader in{body};
  const auto tag = in.u8();
  complement m;
  m.flags_high = in.u32();
  m.creation = in.u32();
  if (!in.ok || tag != 'c' || !in.rest.empty()) return malformed("complement", body);
  return m;
}

base::result<challenge_reply> decode_challenge_reply(bytes body) {
  reader in{body};
  const auto tag = in.u8();
  challenge_reply m;
  m.value = in.u32();
  m.proof = in.proof();
  if (!in.ok || tag != 'r' || !in.rest.empty()) return malformed("challenge reply", body);
  return m;
}

base::result<challenge_ack> decode_challenge_ack(bytes body) {
  reader in{body};
  const auto tag = in.u8();
  challenge_ack m;
  m.proof = in.proof();
  if (!in.ok || tag != 'a' || !in.rest.empty()) return malformed("challenge acknowledgement", body);
  return m;
}

void encode(std::vector<std::uint8_t>& out, const send_name& m) {
  frame f(out);
  if (m.old_form) {
    f.number('n', 1);
    f.number(5, 2);
    f.number(m.flags & 0xffffffffu, 4);
  } else {
    f.number('N', 1);
    f.number(m.flags, 8);
    f.number(m.creation, 4);
    f.number(m.name.size(), 2);
  }
  f.text(m.name);
  if (!m.old_form) f.capabilities(m.capabilities);
}

void encode(std::vector<std::uint8_t>& out, const status& m) {
  frame f(out);
  f.number('s', 1);
  switch (m.what) {
    case verdict::ok:
      f.text("ok");
      break;
    case verdict::ok_simultaneous:
      f.text("ok_simultaneous");
      break;
    case verdict::nok:
      f.text("nok");
      break;
    case verdict::not_allowed:
      f.text("not_allowed");
      break;
    case verdict::alive:
      f.text("alive");
      break;
    case verdict::named:
      f.text("named:");
      f.number(m.name.size(), 2);
      f.text(m.name);
      f.number(m.creation, 4);
      break;
  }
}

void encode_alive_answer(std::vector<std::uint8_t>& out, bool go_on) {
  frame f(out);
  f.text(go_on ? "strue" : "sfalse");
}

void encode(std::vector<std::uint8_t>& out, const challenge& m) {
  frame f(out);
  f.number('N', 1);
  f.number(m.flags, 8);
  f.number(m.value, 4);
  f.number(m.creation, 4);
  f.number(m.name.size(), 2);
  f.text(m.name);
  f.capabilities(m.capabilities);
}

void encode(std::vector<std::uint8_t>& out, const complement& m) {
  frame f(out);
  f.number('c', 1);
  f.number(m.flags_high, 4);
  f.number(m.creation, 4);
}

void encode(std::vector<std::uint8_t>& out, const challenge_reply& m) {
  frame f(out);
  f.number('r', 1);
  f.number(m.value, 4);
  f.proof(m.proof);
}

void encode(std::vector<std::uint8_t>& out, const challenge_ack& m) {
  frame f(out);
  f.number('a', 1);
  f.proof(m.proof);
}

} // namespace coppice::dist::handshake_message
