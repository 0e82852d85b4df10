// SPDX-License-Identifier: MIT
// The table of replacements. Source: ERTS user's guide, "Distribution Protocol"; dist.c of OTP 25 and 28 for
// what they send to peers without a flag. Any thread.
#include "dist/vocabulary.hpp"

#include "dist/flags.hpp"

namespace coppice::dist {
namespace {

constexpr auto nothing = op::node_link; // an operation that is never sent
constexpr std::uint64_t monitors = flag::dist_monitor | flag::dist_monitor_name;

// Operations without a row are known to every peer. Operations with a trace token are never sent.
struct row {
  op best;
  std::uint64_t needs; // all of these flags
  op instead;          // has a row itself, or is known to every peer
};
constexpr row rows[] = {
    {op::send_sender, flag::send_sender, op::send},
    {op::alias_send, flag::alias, nothing},           // the peer has no such process: the message is lost
    {op::altact_sig_send, flag::altact_sig, nothing}, // tried first: a plain operation follows
    {op::payload_exit, flag::exit_payload, op::exit},
    {op::payload_exit2, flag::exit_payload, op::exit2},
    {op::unlink_id, flag::unlink_id, op::unlink}, // this node acknowledges to itself
    {op::unlink_id_ack, flag::unlink_id, nothing},
    // Without it a monitor watches only the connection, and the peer's processes monitor none here.
    {op::monitor_p, monitors, nothing},
    {op::demonitor_p, monitors, nothing},
    {op::payload_monitor_p_exit, monitors | flag::exit_payload, op::monitor_p_exit},
    {op::monitor_p_exit, monitors, nothing},
    {op::spawn_request, flag::spawn, nothing}, // answered here with notsup
    {op::spawn_reply, flag::spawn, nothing},   // there are no requests of such a peer
};

std::optional<op> word_for(op best, std::uint64_t flags) {
  for (const row& r : rows) {
    if (r.best != best || (flags & r.needs) == r.needs) continue;
    return r.instead == nothing ? std::nullopt : word_for(r.instead, flags);
  }
  return best;
}

} // namespace

vocabulary::vocabulary(std::uint64_t flags) {
  for (std::size_t number = 0; number < words_.size(); ++number)
    words_[number] = word_for(static_cast<op>(number), flags);
}

} // namespace coppice::dist
