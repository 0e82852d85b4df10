// SPDX-License-Identifier: MIT
// Reads the usual encodings by hand and gives up at anything else. Any thread.
#include "dist/frequent_control.hpp"

#include <coppice/etf/utf8.hpp>

#include "base/bytes.hpp"

namespace coppice::dist {
namespace {

// Takes bytes off the front; `ok` becomes false at the first thing that is not as usual.
struct reader {
  std::span<const std::uint8_t> rest;
  const etf::atom_lookup& atoms;
  bool ok = true;

  bool has(std::size_t count) { return ok = ok && rest.size() >= count; }
  std::uint8_t byte() {
    if (!has(1)) return 0;
    const std::uint8_t value = rest[0];
    rest = rest.subspan(1);
    return value;
  }
  void expect(std::uint8_t tag) { ok = byte() == tag && ok; }
  std::uint32_t number() {
    if (!has(4)) return 0;
    const std::uint32_t value = base::load_be32(rest.data());
    rest = rest.subspan(4);
    return value;
  }
  std::string_view atom() {
    constexpr std::uint8_t cached = 82;
    constexpr std::uint8_t small_utf8 = 119;
    const std::uint8_t tag = byte();
    const std::uint8_t value = byte();
    if (tag == cached) {
      const std::string_view found = atoms.find(atoms.context, value);
      ok = ok && found.data() != nullptr;
      return found;
    }
    ok = ok && tag == small_utf8;
    if (!has(value)) return {};
    const std::string_view text = base::as_text(rest.first(value));
    ok = etf::utf8::length(rest.data(), value) >= 0;
    rest = rest.subspan(value);
    return text;
  }
  void pid(address& out) {
    constexpr std::uint8_t new_pid = 88;
    out.what = address::form::pid;
    expect(new_pid);
    out.pid.node = atom();
    out.pid.id = number();
    out.pid.serial = number();
    out.pid.creation = number();
  }
  void reference(etf::reference& out) {
    constexpr std::uint8_t newer_reference = 90;
    expect(newer_reference);
    expect(0);
    out.count = byte();
    ok = ok && out.count >= 1 && out.count <= out.words.size();
    out.node = atom();
    out.creation = number();
    out.words = {}; // `out` may have words of an earlier message, and all five are compared
    for (std::uint32_t i = 0; ok && i < out.count; ++i) out.words[i] = number();
  }
  void name(address& out) {
    out.what = address::form::name;
    out.name = atom();
  }
  void pid_or_name(address& out) {
    constexpr std::uint8_t new_pid = 88;
    return has(1) && rest[0] == new_pid ? pid(out) : name(out);
  }
  // A message to a process, name or alias. Other uses of altact_sig_send are not frequent.
  void any_send(control_message& into) {
    constexpr std::uint8_t small_integer = 97;
    expect(small_integer);
    into.flags = byte() & altact::all;
    ok = ok && (into.flags & (altact::token | altact::exit)) == 0;
    pid(into.from);
    if (into.flags == (into.flags & altact::priority)) return pid(into.to);
    ok = ok && (into.flags & (altact::alias | altact::name)) != (altact::alias | altact::name);
    if ((into.flags & altact::name) != 0) return name(into.to);
    into.to.what = address::form::reference;
    reference(into.to.reference);
  }
};

} // namespace

std::optional<std::size_t> read_frequent_control(std::span<const std::uint8_t> terms,
                                                 const etf::atom_lookup& atoms, control_message& into) {
  constexpr std::uint8_t small_tuple = 104;
  constexpr std::uint8_t small_integer = 97;
  reader in{terms, atoms};
  in.expect(small_tuple);
  const std::uint8_t arity = in.byte();
  in.expect(small_integer);
  const auto what = static_cast<op>(in.byte());
  into.what = what;
  into.from.what = address::form::none;
  std::uint8_t fields = 3;
  switch (what) {
    case op::send:
      in.atom();
      in.pid(into.to);
      break;
    case op::reg_send:
      fields = 4;
      in.pid(into.from);
      in.atom();
      in.name(into.to);
      break;
    case op::send_sender:
      in.pid(into.from);
      in.pid(into.to);
      break;
    case op::alias_send:
      in.pid(into.from);
      into.to.what = address::form::reference;
      in.reference(into.to.reference);
      break;
    case op::altact_sig_send:
      fields = 4;
      in.any_send(into);
      break;
    case op::monitor_p:
    case op::demonitor_p:
      fields = 4;
      in.pid(into.from);
      in.pid_or_name(into.to);
      in.reference(into.ref);
      break;
    default:
      return std::nullopt;
  }
  if (!in.ok || arity != fields) return std::nullopt;
  return terms.size() - in.rest.size();
}

} // namespace coppice::dist
