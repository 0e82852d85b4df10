// SPDX-License-Identifier: MIT
// The messages of the distribution handshake, between bytes and structs. Each is sent behind a two-byte
// length, which the decoders do not get. A decoder never reads beyond its body; a malformed body gives an
// error. Source: ERTS user's guide, "Distribution Protocol", handshake of version 6. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "dist/cookie.hpp"

namespace coppice::dist::handshake_message {

using bytes = std::span<const std::uint8_t>;

// The capabilities of a Coppice node beyond Erlang's distribution: eight bytes, a tag and these bits, behind
// the name of an `N` message, where other nodes do not look. The flags of the handshake belong to Erlang
// alone.
namespace capability {
inline constexpr std::uint32_t lz4 = 1;         // takes frames in an envelope, see compression.hpp
inline constexpr std::uint32_t short_forms = 2; // takes sends, calls and answers as in short_form.hpp
inline constexpr std::uint32_t bare_calls = 4;  // takes bare calls and answers; needs short_forms
inline constexpr std::uint32_t all = lz4 | short_forms | bare_calls;
} // namespace capability

// The first message: `N` (version 6), or `n` (version 5, from nodes of OTP 23 and 24 that did not ask EPMD;
// their upper flags and creation follow in `complement`).
struct send_name {
  bool old_form = false;
  std::uint64_t flags = 0;
  std::uint32_t creation = 0;
  std::string name;
  std::uint32_t capabilities = 0; // 0: the message has none
};

enum class verdict { ok, ok_simultaneous, nok, not_allowed, alive, named };

struct status {
  verdict what = verdict::ok;
  std::string name;           // of `named`: the name that the peer chose for us
  std::uint32_t creation = 0; // of `named`
};

struct challenge {
  std::uint64_t flags = 0;
  std::uint32_t value = 0;
  std::uint32_t creation = 0;
  std::string name;
  std::uint32_t capabilities = 0;
};

struct complement {
  std::uint32_t flags_high = 0;
  std::uint32_t creation = 0;
};

struct challenge_reply {
  std::uint32_t value = 0;
  digest proof{};
};

struct challenge_ack {
  digest proof{};
};

base::result<send_name> decode_send_name(bytes body);
base::result<status> decode_status(bytes body);
// The connecting side's answer to `alive`. true: goes on; false: gives up.
base::result<bool> decode_alive_answer(bytes body);
base::result<challenge> decode_challenge(bytes body);
base::result<complement> decode_complement(bytes body);
base::result<challenge_reply> decode_challenge_reply(bytes body);
base::result<challenge_ack> decode_challenge_ack(bytes body);

// Each function appends the message with its length in front.
void encode(std::vector<std::uint8_t>& out, const send_name& m);
void encode(std::vector<std::uint8_t>& out, const status& m);
void encode_alive_answer(std::vector<std::uint8_t>& out, bool go_on);
void encode(std::vector<std::uint8_t>& out, const challenge& m);
void encode(std::vector<std::uint8_t>& out, const complement& m);
void encode(std::vector<std::uint8_t>& out, const challenge_reply& m);
void encode(std::vector<std::uint8_t>& out, const challenge_ack& m);

} // namespace coppice::dist::handshake_message
