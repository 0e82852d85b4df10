// SPDX-License-Identifier: MIT
// The control messages of the distribution protocol: one flat struct for all, decoded from a tuple and
// encoded to one. It borrows from the decoded bytes (canonical, without 131). The comment at each operation
// lists its fields. Source: ERTS user's guide, "Distribution Protocol". Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <coppice/etf/types.hpp>
#include <coppice/etf/writer.hpp>

#include "base/error.hpp"

namespace coppice::dist {

enum class op : std::uint8_t {
  link = 1,                    // from, to
  send = 2,                    // to; payload
  exit = 3,                    // from, to, reason
  unlink = 4,                  // from, to: only with peers that lack UNLINK_ID
  node_link = 5,               // obsolete, ignored
  reg_send = 6,                // from, to (a name); payload
  group_leader = 7,            // from (the new leader), to
  exit2 = 8,                   // from, to, reason
  send_tt = 12,                // to, token; payload
  exit_tt = 13,                // from, to, token, reason
  reg_send_tt = 16,            // from, to (a name), token; payload
  exit2_tt = 18,               // from, to, token, reason
  monitor_p = 19,              // from, to (pid or name), ref
  demonitor_p = 20,            // from, to (pid or name), ref
  monitor_p_exit = 21,         // from (pid or name), to, ref, reason
  send_sender = 22,            // from, to; payload
  send_sender_tt = 23,         // from, to, token; payload
  payload_exit = 24,           // from, to; payload: the reason
  payload_exit_tt = 25,        // from, to, token; payload: the reason
  payload_exit2 = 26,          // from, to; payload: the reason
  payload_exit2_tt = 27,       // from, to, token; payload: the reason
  payload_monitor_p_exit = 28, // from (pid or name), to, ref; payload: the reason
  spawn_request = 29,          // ref, from, leader, module:function/arity, options; payload is the arguments
  spawn_request_tt = 30,       // the fields of spawn_request, then token
  spawn_reply = 31,            // ref, to, flags, result
  spawn_reply_tt = 32,         // the fields of spawn_reply, then token
  alias_send = 33,             // from, to (a reference); payload
  alias_send_tt = 34,          // from, to (a reference), token; payload
  unlink_id = 35,              // id, from, to
  unlink_id_ack = 36,          // id, from, to
  altact_sig_send = 37,        // flags, from, to (by flags: pid, name or reference)[, token]; payload. A
                               // message, or an exit2: with peers that have DFLAG_ALTACT_SIG
};

// Whether a payload follows the control message.
bool has_payload(op what);

// A process as a control message names it.
struct address {
  enum class form : std::uint8_t { none, pid, name, reference } what = form::none;
  etf::pid pid{};
  std::string_view name{};
  etf::reference reference{};

  static address of(const etf::pid& p) { return {form::pid, p, {}, {}}; }
  static address of(std::string_view n) { return {form::name, {}, n, {}}; }
  static address of(const etf::reference& r) { return {form::reference, {}, {}, r}; }
  friend bool operator==(const address&, const address&) = default;
};

// The flags of altact_sig_send. Unknown flags, and further fields behind the known ones, are ignored.
namespace altact {
inline constexpr std::uint64_t priority = 1;
inline constexpr std::uint64_t token = 2;
inline constexpr std::uint64_t alias = 4;
inline constexpr std::uint64_t name = 8;
inline constexpr std::uint64_t exit = 16;
inline constexpr std::uint64_t all = 31;
} // namespace altact

namespace spawn_reply_flag {
inline constexpr std::uint64_t link = 1;
inline constexpr std::uint64_t monitor = 2;
} // namespace spawn_reply_flag

struct control_message {
  op what = op::node_link;
  address from{};
  address to{};
  etf::reference ref{};
  std::uint64_t id = 0;
  std::uint64_t flags = 0;
  etf::bytes reason{}; // of spawn_reply: its result
  etf::bytes token{};
  etf::pid leader{};
  std::string_view module{};
  std::string_view function{};
  std::uint32_t arity = 0;
  etf::bytes options{};
};

// Decodes one whole tuple. errc::unsupported: an unknown operation. errc::invalid: a malformed one.
base::result<control_message> decode_control(etf::bytes term);

// The sender of the message for the log: " of #Pid<…>". Empty: the message names none.
std::string sender_text(const control_message& m);

// Writes the tuple; the fields of its operation must be set.
void encode_control(etf::writer& out, const control_message& m);

} // namespace coppice::dist
