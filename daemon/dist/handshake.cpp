// SPDX-License-Identifier: MIT
// The order of the messages. Left: the side that connects; right: the side that accepts.
//
//     send_name N (or n)  ->
//                         <-  status: ok | ok_simultaneous | nok | not_allowed | alive | named:…
//     alive answer        ->                                     (only after `alive`)
//                         <-  challenge
//     complement c        ->                                     (only after an opening `n`)
//     challenge reply     ->
//                         <-  challenge acknowledgement
//
// Every refusal says what is wrong, why, and what to do about it. One thread, the owner's.
#include "dist/handshake.hpp"

#include <fmt/format.h>

#include "base/printable.hpp"
#include "base/random.hpp"
#include "dist/flags.hpp"
#include "dist/node_name.hpp"

namespace coppice::dist {
namespace hm = handshake_message;
namespace {

struct flag_name {
  std::uint64_t bit;
  const char* name;
};
constexpr flag_name required_names[] = {
    {flag::extended_references, "EXTENDED_REFERENCES"},
    {flag::fun_tags, "FUN_TAGS"},
    {flag::new_fun_tags, "NEW_FUN_TAGS"},
    {flag::extended_pids_ports, "EXTENDED_PIDS_PORTS"},
    {flag::export_ptr_tag, "EXPORT_PTR_TAG"},
    {flag::bit_binaries, "BIT_BINARIES"},
    {flag::new_floats, "NEW_FLOATS"},
    {flag::utf8_atoms, "UTF8_ATOMS"},
    {flag::map_tag, "MAP_TAG"},
    {flag::big_creation, "BIG_CREATION"},
    {flag::handshake_23, "HANDSHAKE_23"},
};

std::string missing_flags(std::uint64_t offered) {
  std::string out;
  for (const auto& f : required_names) {
    if (offered & f.bit) continue;
    if (!out.empty()) out += ", ";
    out += f.name;
  }
  return out;
}

std::string shown_name(std::string_view name) {
  return base::in_quotes(name, longest_shown_name);
}

constexpr const char* cookie_remedy =
    "give both nodes the same cookie (node.cookie here, `-setcookie` or ~/.erlang.cookie there)";

} // namespace

handshake handshake::connecting(local_node us, std::string peer, handshake_policy& policy,
                                length_prefix prefix) {
  handshake h(std::move(us), policy, prefix);
  h.state_ = state::status;
  h.peer_.name = std::move(peer);
  hm::send_name opening;
  opening.flags = h.us_.flags;
  opening.creation = h.us_.creation;
  opening.name = h.us_.name;
  opening.capabilities = h.us_.capabilities;
  h.say(opening);
  return h;
}

handshake handshake::accepting(local_node us, handshake_policy& policy, length_prefix prefix) {
  handshake h(std::move(us), policy, prefix);
  h.state_ = state::name;
  return h;
}

base::result<std::size_t> handshake::feed(bytes in) {
  std::size_t used = 0;
  while (state_ != state::done && in.size() - used >= prefix_) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < prefix_; ++i) size = size << 8 | in[used + i];
    if (size == 0 || size > max_message) {
      return base::fail(base::errc::invalid,
                        "handshake: what came is no distribution handshake (a message of " +
                            std::to_string(size) + " bytes)");
    }
    if (total_ + size + prefix_ > max_total) {
      return base::fail(base::errc::limit,
                        "handshake: longer than " + std::to_string(max_total) + " bytes in all");
    }
    if (in.size() - used - prefix_ < size) break;
    const auto body = in.subspan(used + prefix_, size);
    used += size + prefix_;
    total_ += size + prefix_;
    if (auto handled = handle(body); !handled) return unexpected(std::move(handled.error()));
  }
  return used;
}

// The two bytes at `at` become the lower half of four.
void handshake::widen_length(std::size_t at) {
  if (prefix_ == 4) output_.insert(output_.begin() + static_cast<std::ptrdiff_t>(at), {0, 0});
}

base::status handshake::handle(bytes body) {
  switch (state_) {
    case state::name:
      return on_name(body);
    case state::alive_answer:
      return on_alive_answer(body);
    case state::complement:
      return on_complement(body);
    case state::reply:
      return on_reply(body);
    case state::status:
      return on_status(body);
    case state::challenge:
      return on_challenge(body);
    case state::ack:
      return on_ack(body);
    case state::done:
      break;
  }
  return base::fail(base::errc::internal, "handshake: message after its end");
}

// Accepting side only: sends not_allowed, the protocol's only word for "no".
base::status handshake::refuse(base::error why) {
  say(hm::status{hm::verdict::not_allowed, {}, 0});
  return unexpected(std::move(why));
}

void handshake::make_challenge() {
  open_challenges* const all = policy_->challenges();
  our_challenge_ = all != nullptr ? all->hand_out() : open_challenges::given(base::random_u32());
}

bool handshake::is_our_own(std::uint32_t challenge) const {
  const open_challenges* const all = policy_->challenges();
  return all != nullptr && all->contains(challenge);
}

base::status handshake::refuse_echo() const {
  return base::fail(base::errc::refused,
                    "handshake: " + shown_name(peer_.name) +
                        " sent a challenge that this node has handed out itself: somebody who does not know "
                        "the cookie stands between the two, or poses as that node");
}

base::status handshake::on_name(bytes body) {
  auto opening = hm::decode_send_name(body);
  if (!opening) return unexpected(std::move(opening.error()));
  old_form_ = opening->old_form;
  peer_.offered = flag::expanded(opening->flags);
  peer_.creation = opening->creation;
  peer_.capabilities = opening->capabilities & us_.capabilities;
  naming_ = (opening->flags & flag::name_me) != 0 && opening->name.find('@') == std::string::npos;
  peer_.named_here = naming_;
  if (naming_) {
    if (auto named = name_the_peer(*opening); !named) return named;
  }
  peer_.name = opening->name;
  if (auto parsed = parse_node_name(peer_.name); !parsed)
    return refuse(std::move(parsed.error()).context("handshake"));
  if (peer_.name == us_.name) {
    return refuse(
        {base::errc::refused, "handshake: the peer calls itself " + shown_name(us_.name) +
                                  " as this node does: two nodes may not share a name, rename one"});
  }
  // Hidden nodes connect only to us, and erl_call has a short name where its host has no other.
  const bool visible = (peer_.offered & flag::published) != 0;
  if (auto kind = check_same_kind(us_.name, peer_.name); visible && !kind)
    return refuse(std::move(kind.error()).context("handshake"));
  if (auto flags = check_flags(); !flags) return refuse(std::move(flags.error()));
  if (auto claim = policy_->check_claim(peer_.name); !claim)
    return refuse(std::move(claim.error()).context("handshake"));

  auto verdict = policy_->admit(peer_.name);
  hm::status answer{verdict, {}, 0};
  if (naming_ && verdict == hm::verdict::ok) answer = {hm::verdict::named, peer_.name, peer_.creation};
  say(answer);
  switch (verdict) {
    case hm::verdict::ok:
    case hm::verdict::ok_simultaneous:
    case hm::verdict::named:
      return send_challenge();
    case hm::verdict::alive:
      state_ = state::alive_answer;
      return {};
    case hm::verdict::nok:
      return base::fail(base::errc::exists, "handshake: " + shown_name(peer_.name) +
                                                " connects to us while we connect to it; ours goes on");
    case hm::verdict::not_allowed:
      break;
  }
  return base::fail(base::errc::refused,
                    "handshake: " + shown_name(peer_.name) + " is not allowed to connect");
}

base::status handshake::name_the_peer(hm::send_name& opening) {
  auto given = policy_->name_for(opening.name);
  if (!given) return refuse(std::move(given.error()).context("handshake"));
  opening.name = std::move(given->name);
  peer_.creation = given->creation;
  return {};
}

base::status handshake::check_flags() {
  const auto missing = missing_flags(peer_.offered);
  if (missing.empty()) return {};
  return base::fail(base::errc::refused,
                    "handshake: " + shown_name(peer_.name) + " lacks " + missing +
                        ": it is older than OTP 25's protocol, upgrade it or its library");
}

base::status handshake::send_challenge() {
  make_challenge();
  // A node that gives names says so to a peer that asked for one, and is hidden from it, as from all others.
  const auto flags = naming_ ? (us_.flags | flag::name_me) & ~flag::published : us_.flags;
  // A peer that sent capabilities gets those that both have.
  say(hm::challenge{flags, our_challenge_.value(), us_.creation, us_.name, peer_.capabilities});
  state_ = old_form_ ? state::complement : state::reply;
  return {};
}

base::status handshake::on_alive_answer(bytes body) {
  const auto go_on = hm::decode_alive_answer(body);
  if (!go_on) return unexpected(go_on.error());
  if (!*go_on) {
    return base::fail(base::errc::exists, "handshake: " + shown_name(peer_.name) +
                                              " is connected already and gave the new attempt up");
  }
  return send_challenge();
}

base::status handshake::on_complement(bytes body) {
  const auto rest = hm::decode_complement(body);
  if (!rest) return unexpected(rest.error());
  peer_.offered |= std::uint64_t{rest->flags_high} << 32;
  peer_.creation = rest->creation;
  state_ = state::reply;
  return {};
}

base::status handshake::on_reply(bytes body) {
  const auto reply = hm::decode_challenge_reply(body);
  if (!reply) return unexpected(reply.error());
  const auto cookie = policy_->cookie_for(peer_.name);
  if (!base::equal_secret(reply->proof, cookie_digest(cookie, our_challenge_.value()))) {
    return base::fail(base::errc::refused,
                      "handshake: " + shown_name(peer_.name) +
                          " has another cookie than this node expects of it: " + cookie_remedy);
  }
  if (is_our_own(reply->value)) return refuse_echo();
  say(hm::challenge_ack{cookie_digest(cookie, reply->value)});
  settle_flags();
  return {};
}

base::status handshake::on_status(bytes body) {
  const auto status = hm::decode_status(body);
  if (!status) return unexpected(status.error());
  switch (status->what) {
    case hm::verdict::ok:
    case hm::verdict::ok_simultaneous:
      state_ = state::challenge;
      return {};
    case hm::verdict::alive: {
      // The peer has not noticed yet that the old connection is gone; the new one counts.
      const std::size_t at = output_.size();
      hm::encode_alive_answer(output_, true);
      widen_length(at);
      state_ = state::challenge;
      return {};
    }
    case hm::verdict::nok:
      return base::fail(base::errc::exists, "handshake: " + shown_name(peer_.name) +
                                                " connects to us at the same time; its attempt goes on");
    case hm::verdict::named:
      return base::fail(base::errc::invalid,
                        "handshake: " + shown_name(peer_.name) + " names this node, which has a name");
    case hm::verdict::not_allowed:
      break;
  }
  return base::fail(
      base::errc::refused,
      "handshake: " + shown_name(peer_.name) + " does not allow " + shown_name(us_.name) +
          " to connect: look at its log; usual causes are net_kernel:allow/1, `coppice disconnect` "
          "there, long against short names, or a capability it misses");
}

base::status handshake::on_challenge(bytes body) {
  const auto challenge = hm::decode_challenge(body);
  if (!challenge) return unexpected(challenge.error());
  peer_.offered = flag::expanded(challenge->flags);
  peer_.creation = challenge->creation;
  peer_.capabilities = challenge->capabilities & us_.capabilities;
  if (challenge->name != peer_.name) {
    auto other = parse_node_name(challenge->name);
    return base::fail(base::errc::refused, "handshake: at the address of " + shown_name(peer_.name) +
                                               (other ? " answers " + shown_name(challenge->name)
                                                      : std::string(" answers a node of another name")) +
                                               ": use the name it gives itself");
  }
  if (auto flags = check_flags(); !flags) return flags;
  if (is_our_own(challenge->value)) return refuse_echo();
  make_challenge();
  const auto cookie = policy_->cookie_for(peer_.name);
  say(hm::challenge_reply{our_challenge_.value(), cookie_digest(cookie, challenge->value)});
  state_ = state::ack;
  return {};
}

base::status handshake::on_ack(bytes body) {
  const auto ack = hm::decode_challenge_ack(body);
  if (!ack) return unexpected(ack.error());
  if (!base::equal_secret(ack->proof,
                          cookie_digest(policy_->cookie_for(peer_.name), our_challenge_.value()))) {
    return base::fail(base::errc::refused,
                      "handshake: " + shown_name(peer_.name) +
                          " accepted our cookie and could not prove its own: " + cookie_remedy);
  }
  settle_flags();
  return {};
}

void handshake::settle_flags() {
  peer_.flags = flag::expanded(us_.flags) & peer_.offered;
  peer_.hidden = (peer_.offered & flag::published) == 0;
  our_challenge_ = {};
  state_ = state::done;
}

base::error handshake::closed() const {
  const std::string who = peer_.name.empty() ? "the peer" : shown_name(peer_.name);
  switch (state_) {
    case state::ack:
      return {
          base::errc::refused,
          "handshake: " + who + " closed the connection at our cookie, so it has another: " + cookie_remedy};
    case state::reply:
      return {base::errc::refused,
              "handshake: " + who +
                  " closed the connection at our challenge: it may expect another node or cookie"};
    case state::status:
      return {base::errc::closed,
              "handshake: " + who + " closed the connection at our name: it may be stopping, or no node"};
    default:
      return {base::errc::closed, "handshake: " + who + " closed the connection before it was through"};
  }
}

base::error handshake::timed_out() const {
  static constexpr const char* waited_for[] = {
      "status",       "challenge",        "acknowledgement",         "name",
      "alive answer", "flags complement", "answer to our challenge", "nothing"};
  const std::string who = peer_.name.empty() ? "the peer" : shown_name(peer_.name);
  return {base::errc::timeout, "handshake: " + who + " sent no " + waited_for[static_cast<int>(state_)] +
                                   " in time: it hangs, or is no Erlang node"};
}

} // namespace coppice::dist
