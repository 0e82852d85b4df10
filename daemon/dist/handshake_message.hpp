// SPDX-License-Identifier: MIT
// The messages of the distribution handshake, bytes to structs and back: each travels behind a two-byte
// length. A decoder reads exactly the body it is given and fails with a sentence, never by reading on.
// Source: ERTS user's guide, "Distribution Protocol", handshake of version 6. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "dist/cookie.hpp"

namespace coppice::dist::handshake_message {

using bytes = std::span<const std::uint8_t>;

// What a Coppice node says behind the name of an `N` message, where others look no further: eight bytes, a
// tag and what it can beyond Erlang's distribution. Flag bits are Erlang's alone.
namespace capability {
inline constexpr std::uint32_t lz4 = 1;         // takes frames in an envelope, see compression.hpp
inline constexpr std::uint32_t short_forms = 2; // and sends, calls and answers as in short_form.hpp
inline constexpr std::uint32_t bare_calls = 4;  // and calls and answers without gen's tuples, if short_forms
inline constexpr std::uint32_t all = lz4 | short_forms | bare_calls;
} // namespace capability

// The first message, `N` (version 6) or `n` (version 5, from OTP 23 and 24 that did not ask EPMD: the
// upper flags and the creation follow in `complement`).
struct send_name {
  bool old_form = false;
  std::uint64_t flags = 0;
  std::uint32_t creation = 0;
  std::string name;
  std::uint32_t capabilities = 0; // 0: says nothing of it
};

enum class verdict { ok, ok_simultaneous, nok, not_allowed, alive, named };

struct status {
  verdict what = verdict::ok;
  std::string name;           // of `named`: the name the peer chose for us
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
// The initiator's answer to `alive`: true goes on, false gives up.
base::result<bool> decode_alive_answer(bytes body);
base::result<challenge> decode_challenge(bytes body);
base::result<complement> decode_complement(bytes body);
base::result<challenge_reply> decode_challenge_reply(bytes body);
base::result<challenge_ack> decode_challenge_ack(bytes body);

// Each appends the message with its length in front.
void encode(std::vector<std::uint8_t>& out, const send_name& m);
void encode(std::vector<std::uint8_t>& out, const status& m);
void encode_alive_answer(std::vector<std::uint8_t>& out, bool go_on);
void encode(std::vector<std::uint8_t>& out, const challenge& m);
void encode(std::vector<std::uint8_t>& out, const complement& m);
void encode(std::vector<std::uint8_t>& out, const challenge_reply& m);
void encode(std::vector<std::uint8_t>& out, const challenge_ack& m);

} // namespace coppice::dist::handshake_message
