// SPDX-License-Identifier: MIT
// The ELF note in which a plugin file declares its content, so that it can be judged without running it.
//
//   section  ".note.coppice", flags "aR" (SHF_ALLOC and kept by the linker), type @note, aligned to 4;
//            being allocated it lies in a PT_NOTE segment and survives `strip`
//   namesz   8            name   "Coppice" and its NUL
//   type     1            descsz length of the JSON text, at most 65536
//   desc     the JSON text, UTF-8, padded with zero bytes to a multiple of 4 (not counted in descsz;
//            trailing zero bytes that are counted are ignored)
//
// Exactly one such note a file. The JSON text:
//
//   {"coppice": 1,                       format of this text
//    "id": "kv",                         [a-z][a-z0-9_]*, at most 64; the file is called ID.so
//    "version": "1.0.0",                 any text, at most 64
//    "build_id": "…",                    optional; absent: the GNU build id of the file, in hex
//    "abi": [1, 0],                      ABI major, and the host minor it needs at least
//    "actors": [                         at least one
//      {"name": "kv",                    like id; unique in the file
//       "behaviour": "server",           the engine that runs it
//       "tables": ["coppice.server/1"],  what it implements, in any order: at most 32 names, each once and
//                                        at most 64: [a-z0-9_.]+/[a-z0-9_.-]+
//       "state_version": 1,              optional, default 0: version of what save_state writes
//       "unhandled": "exit",             optional: what it does with a request that it does not take
//       "takes": ["calls", "web"],       optional: what it is meant for: calls, casts, messages, web; other
//                                        words are ignored
//       "answers": ["requests"],         optional: of the web: requests, events, websockets; other words are
//                                        ignored
//       "states": [{"name": "locked",    optional: the states of a state machine, the initial one first, and
//         "on": [{"event": "code",       their transitions; texts of at most 64 for people; `to` is a state
//                 "to": "open"}]}],
//       "args_schema": {…}}]}            optional: JSON Schema of args, see spec/schema/args_schema.hpp
//
// Other keys are ignored, so that later versions may say more.
#pragma once

#include <coppice/plugin.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coppice::manifest {

inline constexpr std::string_view note_name = "Coppice";
inline constexpr std::string_view note_section = ".note.coppice";
inline constexpr std::uint32_t note_type = 1;
inline constexpr std::size_t note_limit = 64 * 1024;
inline constexpr int note_format = 1;

// The one symbol a plugin exports.
inline constexpr std::string_view plugin_symbol = "coppice_plugin";

// The plugin ABI of this build of the host.
inline constexpr std::uint32_t abi_major = COPPICE_ABI_MAJOR;
inline constexpr std::uint32_t abi_minor = COPPICE_ABI_MINOR;

} // namespace coppice::manifest
