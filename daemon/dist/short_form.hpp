// SPDX-License-Identifier: MIT
// The short forms by which Coppice nodes replace the control messages that carry nearly all traffic, if both
// ends agreed on it in the handshake: 131,83, the kind, some numbers, then the payload. Node names and
// creations are left out; they are those of the connection's ends. A call is a monitor and a message in one;
// the monitor ends with the first answer sent to the call's reference from the callee's node. The payload of
// a bare call is the request alone, that of a bare answer the reply alone (runtime/messages/call_forms.hpp).
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
    answer,       // from, number, to: to the alias with this number of the receiver's process `to`
    // Only for peers that take bare calls:
    bare_call,         // fields as for call
    bare_call_by_name, // fields as for call_by_name
    bare_answer,       // fields as for answer
  };
  bool is_bare() const { return what >= kind::bare_call; }
  // A process of the sender's node (from) or the receiver's node (to). Both 0: none.
  struct process {
    std::uint32_t id = 0;
    std::uint32_t serial = 0;
    friend bool operator==(const process&, const process&) = default;
  };

  kind what = kind::none;
  process from;
  process to;
  std::uint64_t number = 0; // of the reference that the caller made, see runtime::reference
  std::string_view name;    // 1 to 255 bytes
};

// The short form of a message, call or answer to the peer. Empty: it has none, for example because it has
// priority. The name borrows from `to`.
std::optional<short_form> to_short_form(const runtime::destination& to, const runtime::signal& s,
                                        std::uint32_t peer_creation);

inline constexpr std::size_t max_short_head = 1 + 8 + 8 + 1 + 255;

// Writes what stands between 131,83 and the payload. Returns its size, at most max_short_head.
std::size_t write_short_form(std::span<std::uint8_t> into, const short_form& m);

// The head of the whole frame: length, 131,83 and the short form, for a payload of that many bytes.
inline constexpr std::size_t max_short_frame_head = 4 + 2 + max_short_head;
std::size_t short_frame_head_size(const short_form& m);
std::size_t write_short_frame_head(std::span<std::uint8_t> into, const short_form& m, std::size_t payload);

// Reads what write_short_form() wrote and takes it off the front of `in`. False: it is incomplete or
// malformed, and `in` stays as it is. The name borrows from `in`.
bool read_short_form(std::span<const std::uint8_t>& in, short_form& into);

} // namespace coppice::dist
