// SPDX-License-Identifier: MIT
// The distribution handshake as a state machine over bytes, for the connecting and the accepting side. It has
// no socket and no clock: its owner feeds received bytes, sends what output() holds, and applies the time
// limit. Nothing is believed of a peer before its proof of the cookie is checked. The owner's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "dist/handshake_message.hpp"
#include "dist/open_challenges.hpp"

namespace coppice::dist {

// How this node presents itself.
struct local_node {
  std::string name;
  std::uint64_t flags = 0;
  std::uint32_t creation = 0;
  std::uint32_t capabilities = handshake_message::capability::all;
};

// The peer as a finished handshake shows it.
struct peer_node {
  std::string name;
  std::uint32_t creation = 0;
  std::uint64_t flags = 0;        // in force: offered by both sides
  std::uint64_t offered = 0;      // all that the peer offered
  bool hidden = false;            // the peer is not listed in nodes()
  std::uint32_t capabilities = 0; // of Coppice nodes; in force on both sides
  bool named_here = false;        // this node chose its name, for this connection only
};

// The name that the accepting side gives to a peer that asks for one (`erl -name undefined`).
struct assigned_name {
  std::string name;
  std::uint32_t creation = 0;
};

// The width of the length in front of each message: two bytes, and four over TLS, as OTP's inet_tls has it.
enum class length_prefix : std::uint8_t { two_bytes = 2, four_bytes = 4 };

// Questions of the state machine to its owner; asked inside feed().
class handshake_policy {
 public:
  virtual ~handshake_policy() = default;
  // Accepting side, when the peer has given its name: ok, ok_simultaneous (our own attempt to it will be
  // given up), nok (our own attempt goes on instead), alive (a node of that name is connected) or
  // not_allowed.
  virtual handshake_message::verdict admit(std::string_view peer) = 0;
  // Accepting side, before admit(): an error if what the connection has shown (a certificate) contradicts
  // that name.
  virtual base::status check_claim(std::string_view) { return {}; }
  // The cookie for that peer. Read when a proof is made or checked, and not kept.
  virtual std::string cookie_for(std::string_view peer) = 0;
  // Makes a fresh name at `host`.
  virtual base::result<assigned_name> name_for(std::string_view host) = 0;
  // The node's open challenges, which outlive the handshake. Null: there are no other handshakes.
  virtual open_challenges* challenges() { return nullptr; }
};

class handshake {
 public:
  using bytes = std::span<const std::uint8_t>;

  // The longest message that is taken, and the most bytes of a whole handshake.
  static constexpr std::size_t max_message = 1280;
  static constexpr std::size_t max_total = 4096;

  // Begins a handshake with `peer`; output() holds the first message at once.
  static handshake connecting(local_node us, std::string peer, handshake_policy& policy,
                              length_prefix prefix = length_prefix::two_bytes);
  static handshake accepting(local_node us, handshake_policy& policy,
                             length_prefix prefix = length_prefix::two_bytes);

  // Handles the complete messages at the front of `in` and returns how many bytes they had. The owner passes
  // the rest again with more bytes behind it. Stops at the end of the handshake: frames follow. After an
  // error the owner sends what output() holds, then closes. Errors: refused (the peer's cookie, name or flags
  // are wrong, or it refuses us), exists (one of two simultaneous attempts has to go), invalid (not a
  // handshake), unsupported, limit.
  base::result<std::size_t> feed(bytes in);

  // The error if the peer closes, or is silent, in the current state.
  base::error closed() const;
  base::error timed_out() const;

  bool done() const { return state_ == state::done; }
  // Bytes to send; the owner clears them.
  std::vector<std::uint8_t>& output() { return output_; }
  // Empty until the peer has given its name.
  const std::string& peer_name() const { return peer_.name; }
  // Valid when done().
  const peer_node& peer() const { return peer_; }

 private:
  enum class state { status, challenge, ack, name, alive_answer, complement, reply, done };

  handshake(local_node us, handshake_policy& policy, length_prefix prefix)
      : us_(std::move(us)), policy_(&policy), prefix_(static_cast<std::size_t>(prefix)) {}

  template <class Message>
  void say(const Message& m) {
    const std::size_t at = output_.size();
    handshake_message::encode(output_, m);
    widen_length(at);
  }
  void widen_length(std::size_t at);

  base::status handle(bytes body);
  base::status on_name(bytes body);
  base::status on_alive_answer(bytes body);
  base::status on_complement(bytes body);
  base::status on_reply(bytes body);
  base::status on_status(bytes body);
  base::status on_challenge(bytes body);
  base::status on_ack(bytes body);

  base::status name_the_peer(handshake_message::send_name& opening);
  base::status send_challenge();
  base::status check_flags();
  base::status refuse(base::error why);
  void make_challenge();
  bool is_our_own(std::uint32_t challenge) const;
  base::status refuse_echo() const;
  void settle_flags();

  local_node us_;
  handshake_policy* policy_;
  std::size_t prefix_;
  state state_ = state::name;
  peer_node peer_;
  open_challenges::given our_challenge_;
  bool old_form_ = false;
  bool naming_ = false; // the peer asked for a name
  std::size_t total_ = 0;
  std::vector<std::uint8_t> output_;
};

} // namespace coppice::dist
