// SPDX-License-Identifier: MIT
// The distribution's capability flags, which each side offers in the handshake. A flag is in force if both
// offer it; unknown flags are ignored. Source: ERTS user's guide, "Distribution Protocol", and what OTP 25
// sends. Any thread.
#pragma once

#include <cstdint>

namespace coppice::dist::flag {

inline constexpr std::uint64_t published = 1u << 0; // visible: listed in nodes()
inline constexpr std::uint64_t atom_cache = 1u << 1;
inline constexpr std::uint64_t extended_references = 1u << 2;
inline constexpr std::uint64_t dist_monitor = 1u << 3;
inline constexpr std::uint64_t fun_tags = 1u << 4;
inline constexpr std::uint64_t dist_monitor_name = 1u << 5;
inline constexpr std::uint64_t hidden_atom_cache = 1u << 6;
inline constexpr std::uint64_t new_fun_tags = 1u << 7;
inline constexpr std::uint64_t extended_pids_ports = 1u << 8;
inline constexpr std::uint64_t export_ptr_tag = 1u << 9;
inline constexpr std::uint64_t bit_binaries = 1u << 10;
inline constexpr std::uint64_t new_floats = 1u << 11;
inline constexpr std::uint64_t unicode_io = 1u << 12;
inline constexpr std::uint64_t dist_hdr_atom_cache = 1u << 13;
inline constexpr std::uint64_t small_atom_tags = 1u << 14;
inline constexpr std::uint64_t utf8_atoms = 1u << 16;
inline constexpr std::uint64_t map_tag = 1u << 17;
inline constexpr std::uint64_t big_creation = 1u << 18;
inline constexpr std::uint64_t send_sender = 1u << 19;
inline constexpr std::uint64_t big_seqtrace_labels = 1u << 20;
inline constexpr std::uint64_t exit_payload = 1u << 22;
inline constexpr std::uint64_t fragments = 1u << 23;
inline constexpr std::uint64_t handshake_23 = 1u << 24;
inline constexpr std::uint64_t unlink_id = 1u << 25;
inline constexpr std::uint64_t mandatory_25_digest = 1u << 26; // stands for OTP 25's mandatory set
inline constexpr std::uint64_t spawn = std::uint64_t{1} << 32;
inline constexpr std::uint64_t name_me = std::uint64_t{1} << 33;
inline constexpr std::uint64_t v4_nc = std::uint64_t{1} << 34;
inline constexpr std::uint64_t alias = std::uint64_t{1} << 35;
inline constexpr std::uint64_t altact_sig = std::uint64_t{1} << 37; // OTP 28 and later

// The flags that a peer must offer: OTP 25's mandatory set. Bit 26 stands for all of them.
inline constexpr std::uint64_t required = extended_references | fun_tags | new_fun_tags |
                                          extended_pids_ports | export_ptr_tag | bit_binaries | new_floats |
                                          utf8_atoms | map_tag | big_creation | handshake_23;

// The flags that OTP 26 and later require in addition; always offered.
inline constexpr std::uint64_t required_by_otp_26 = required | unlink_id | v4_nc;

// All that this node can do. A visible node adds `published`. `name_me` is added only in an answer to a peer
// that asked for a name.
inline constexpr std::uint64_t offered = required_by_otp_26 | mandatory_25_digest | dist_monitor |
                                         dist_monitor_name | unicode_io | dist_hdr_atom_cache |
                                         small_atom_tags | send_sender | big_seqtrace_labels | exit_payload |
                                         fragments | spawn | alias | altact_sig;

static_assert(required == 0x1070F94);
static_assert(required_by_otp_26 == 0x403070F94);

// `flags`, with bit 26 replaced by the flags it stands for (and kept).
constexpr std::uint64_t expanded(std::uint64_t flags) {
  return (flags & mandatory_25_digest) ? flags | required : flags;
}

} // namespace coppice::dist::flag
