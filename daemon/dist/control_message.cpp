// SPDX-License-Identifier: MIT
// Each operation is a row of a table: the fields of its tuple in order. Decoding and encoding walk the same
// row, so they cannot disagree. Any thread.
#include "dist/control_message.hpp"

#include <array>
#include <string>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>

namespace coppice::dist {
namespace {

enum class field : std::uint8_t {
  end,
  unused, // the former place of a cookie: ''
  from_pid,
  from_any, // pid or name
  to_pid,
  to_name,
  to_any, // pid or name
  to_ref,
  to_flagged, // by the flags: pid, name or reference
  ref,
  id,
  flags,
  altact_flags, // any number; only known flags are kept
  reason,
  token,
  flagged_token, // present only if the flags say so
  leader,
  mfa,
  options,
};

struct row {
  op what;
  bool payload;
  std::array<field, 6> fields;
  bool grows = false; // later releases may append fields
};

using enum field;
constexpr row rows[] = {
    {op::link, false, {from_pid, to_pid}},
    {op::send, true, {unused, to_pid}},
    {op::exit, false, {from_pid, to_pid, reason}},
    {op::unlink, false, {from_pid, to_pid}},
    {op::node_link, false, {}},
    {op::reg_send, true, {from_pid, unused, to_name}},
    {op::group_leader, false, {from_pid, to_pid}},
    {op::exit2, false, {from_pid, to_pid, reason}},
    {op::send_tt, true, {unused, to_pid, token}},
    {op::exit_tt, false, {from_pid, to_pid, token, reason}},
    {op::reg_send_tt, true, {from_pid, unused, to_name, token}},
    {op::exit2_tt, false, {from_pid, to_pid, token, reason}},
    {op::monitor_p, false, {from_pid, to_any, ref}},
    {op::demonitor_p, false, {from_pid, to_any, ref}},
    {op::monitor_p_exit, false, {from_any, to_pid, ref, reason}},
    {op::send_sender, true, {from_pid, to_pid}},
    {op::send_sender_tt, true, {from_pid, to_pid, token}},
    {op::payload_exit, true, {from_pid, to_pid}},
    {op::payload_exit_tt, true, {from_pid, to_pid, token}},
    {op::payload_exit2, true, {from_pid, to_pid}},
    {op::payload_exit2_tt, true, {from_pid, to_pid, token}},
    {op::payload_monitor_p_exit, true, {from_any, to_pid, ref}},
    {op::spawn_request, true, {ref, from_pid, leader, mfa, options}},
    {op::spawn_request_tt, true, {ref, from_pid, leader, mfa, options, token}},
    {op::spawn_reply, false, {ref, to_pid, flags, reason}},
    {op::spawn_reply_tt, false, {ref, to_pid, flags, reason, token}},
    {op::alias_send, true, {from_pid, to_ref}},
    {op::alias_send_tt, true, {from_pid, to_ref, token}},
    {op::unlink_id, false, {id, from_pid, to_pid}},
    {op::unlink_id_ack, false, {id, from_pid, to_pid}},
    {op::altact_sig_send, true, {altact_flags, from_pid, to_flagged, flagged_token}, true},
};

// By the number of the operation; null: no such operation.
constexpr auto rows_by_number = [] {
  std::array<const row*, 64> all{};
  for (const row& r : rows) all[static_cast<std::size_t>(r.what)] = &r;
  return all;
}();

const row* find_row(std::uint64_t number) {
  return number < rows_by_number.size() ? rows_by_number[number] : nullptr;
}

bool read_pid_into(etf::cursor& in, address& to) {
  to.what = address::form::pid;
  return in.read_pid(to.pid);
}
bool read_name_into(etf::cursor& in, address& to) {
  to.what = address::form::name;
  return in.read_atom(to.name);
}
bool read_reference_into(etf::cursor& in, address& to) {
  to.what = address::form::reference;
  return in.read_reference(to.reference);
}

bool read_altact_flags(etf::cursor& in, control_message& m) {
  bool negative = false;
  etf::bytes magnitude;
  if (in.read_big(negative, magnitude)) {
    if (negative || magnitude.empty()) return false;
    m.flags = magnitude.front();
  } else if (!in.read_unsigned(m.flags)) {
    return false;
  }
  m.flags &= altact::all;
  return true;
}

bool read_flagged(etf::cursor& in, control_message& m) {
  if ((m.flags & altact::alias) && (m.flags & altact::name)) return false;
  if (m.flags & altact::alias) return read_reference_into(in, m.to);
  if (m.flags & altact::name) return read_name_into(in, m.to);
  return read_pid_into(in, m.to);
}

bool read_mfa(etf::cursor& in, control_message& m) {
  std::uint64_t arity = 0;
  const bool ok = in.read_tuple_of(3) && in.read_atom(m.module) && in.read_atom(m.function) &&
                  in.read_unsigned(arity) && arity <= 255;
  m.arity = static_cast<std::uint32_t>(arity);
  return ok;
}

bool read_field(etf::cursor& in, field f, control_message& m) {
  switch (f) {
    case end:
      return true;
    case unused:
      return in.skip();
    case from_pid:
      return read_pid_into(in, m.from);
    case from_any:
      return read_pid_into(in, m.from) || read_name_into(in, m.from);
    case to_pid:
      return read_pid_into(in, m.to);
    case to_name:
      return read_name_into(in, m.to);
    case to_any:
      return read_pid_into(in, m.to) || read_name_into(in, m.to);
    case to_ref:
      return read_reference_into(in, m.to);
    case to_flagged:
      return read_flagged(in, m);
    case ref:
      return in.read_reference(m.ref);
    case id:
      return in.read_unsigned(m.id) && m.id != 0;
    case field::flags:
      return in.read_unsigned(m.flags);
    case altact_flags:
      return read_altact_flags(in, m);
    case reason:
      return in.read_term(m.reason);
    case token:
      return in.read_term(m.token);
    case flagged_token:
      return (m.flags & altact::token) == 0 || in.read_term(m.token);
    case leader:
      return in.read_pid(m.leader);
    case mfa:
      return read_mfa(in, m);
    case field::options:
      return in.read_term(m.options);
  }
  return false;
}

void write_address(etf::writer& out, const address& a) {
  switch (a.what) {
    case address::form::pid:
      return out.pid(a.pid);
    case address::form::name:
      return out.atom(a.name);
    case address::form::reference:
      return out.reference(a.reference);
    case address::form::none:
      break;
  }
  out.atom("");
}

void write_field(etf::writer& out, field f, const control_message& m) {
  switch (f) {
    case end:
      return;
    case unused:
      return out.atom("");
    case from_pid:
    case from_any:
      return write_address(out, m.from);
    case to_pid:
    case to_name:
    case to_any:
    case to_ref:
    case to_flagged:
      return write_address(out, m.to);
    case ref:
      return out.reference(m.ref);
    case id:
      return out.unsigned_integer(m.id);
    case field::flags:
    case altact_flags:
      return out.unsigned_integer(m.flags);
    case reason:
      return out.raw(m.reason);
    case token:
      return out.raw(m.token);
    case flagged_token:
      if (m.flags & altact::token) out.raw(m.token);
      return;
    case leader:
      return out.pid(m.leader);
    case mfa:
      out.tuple(3);
      out.atom(m.module);
      out.atom(m.function);
      return out.integer(m.arity);
    case field::options:
      return out.raw(m.options);
  }
}

std::uint32_t arity_of(const row& r, const control_message& m) {
  std::uint32_t count = 1;
  for (const field f : r.fields) {
    if (f == end) break;
    if (f == flagged_token && (m.flags & altact::token) == 0) break;
    ++count;
  }
  return count;
}

} // namespace

bool has_payload(op what) {
  const row* r = find_row(static_cast<std::uint64_t>(what));
  return r != nullptr && r->payload;
}

base::result<control_message> decode_control(etf::bytes term) {
  etf::cursor in(term);
  std::uint32_t arity = 0;
  std::uint64_t number = 0;
  if (!in.read_tuple(arity) || arity == 0 || !in.read_unsigned(number)) {
    return base::fail(base::errc::invalid, "control message: not a tuple that begins with a number");
  }
  const row* r = find_row(number);
  if (r == nullptr) {
    return base::fail(base::errc::unsupported,
                      "control message: unknown operation " + std::to_string(number));
  }
  control_message m;
  m.what = r->what;
  bool ok = true;
  for (const field f : r->fields) ok = ok && read_field(in, f, m);
  std::uint32_t known = arity_of(*r, m);
  for (; ok && r->grows && known < arity; ++known) ok = in.skip();
  if (!ok || !in.at_end() || arity != known) {
    return base::fail(base::errc::invalid,
                      "control message: operation " + std::to_string(number) + " is malformed");
  }
  return m;
}

std::string sender_text(const control_message& m) {
  if (m.from.what != address::form::pid) return {};
  etf::vector_writer out;
  out.pid(m.from.pid);
  return " of " + etf::print(out.view());
}

void encode_control(etf::writer& out, const control_message& m) {
  const row* r = find_row(static_cast<std::uint64_t>(m.what));
  if (r == nullptr) return out.fail();
  out.tuple(arity_of(*r, m));
  out.integer(static_cast<std::int64_t>(m.what));
  for (const field f : r->fields) write_field(out, f, m);
}

} // namespace coppice::dist
