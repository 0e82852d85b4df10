// SPDX-License-Identifier: MIT
// What Coppice nodes send each other in place of the control tuples that carry nearly all traffic, as agreed
// on in the handshake: 131,83, what it is, some numbers, then the payload. Node names and creations are left
// out: both ends' are the connection's. A call is a monitor and a message in one; the monitor ends with the
// first answer that is sent to the call's reference from the callee's node. A bare call's payload is the
// request alone, and a bare answer's the reply (runtime/messages/call_forms.hpp): the head says the rest.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::dist {

struct short_form {
  enum class kind : std::uint8_t {
    none,
    send,         // from, to
    send_to_name, // from, name
    call,         // from, number, to
    call_by_name, // from, number, name
    answer,       // from, number, to: to the alias with this number of the sender's peer's process `to`
    // These only to peers that take them.
    bare_call,         // as call
    bare_call_by_name, // as call_by_name
    bare_answer,       // as answer
  };
  bool is_bare() const { return what >= kind::bare_call; }
  // A process of the sender's node (from) or the receiver's (to); both 0: none.
  struct process {
    std::uint32_t id = 0;
    std::uint32_t serial = 0;
    friend bool operator==(const process&, const process&) = default;
  };

  kind what = kind::none;
  process from;
  process to;
  std::uint64_t number = 0; // of the reference the caller made, see runtime::reference
  std::string_view name;    // 1 to 255 bytes
};

// What a message to a process of the peer's, or a call, is in short form; nothing when the short forms cannot
// say it, as what has priority. The name borrows from `to`.
std::optional<short_form> to_short_form(const runtime::destination& to, const runtime::signal& s,
                                        std::uint32_t peer_creation);

inline constexpr std::size_t max_short_head = 1 + 8 + 8 + 1 + 255;

// Writes what goes between 131,83 and the payload; returns its size, at most max_short_head.
std::size_t write_short_form(std::span<std::uint8_t> into, const short_form& m);

// The same behind the frame's length and 131,83: all that goes before a payload of so many bytes.
inline constexpr std::size_t max_short_frame_head = 4 + 2 + max_short_head;
std::size_t short_frame_head_size(const short_form& m);
std::size_t write_short_frame_head(std::span<std::uint8_t> into, const short_form& m, std::size_t payload);

// Reads what write_short_form() wrote and takes it off the front of `in`; false, and `in` stays, if it is cut
// short or no such thing. The name borrows from `in`.
bool read_short_form(std::span<const std::uint8_t>& in, short_form& into);

} // namespace coppice::dist
