// SPDX-License-Identifier: MIT
// Calls between processes of this node travel without the tuples that gen.erl puts them into; here those are
// made for who wants to see them. Any thread.
#pragma once

#include <array>
#include <coppice/etf/cursor.hpp>
#include <cstdint>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

// What stands before the From in a call.
inline constexpr std::array<std::uint8_t, 13> call_head{104, 3,   119, 9,   '$', 'g', 'e',
                                                        'n', '_', 'c', 'a', 'l', 'l'};

// {'$gen_call', {Pid, [alias|Ref]}, Request}; in the request's memory if nobody else has it and there is
// room.
message whole_call(const node_names& names, const call_id& call, message request);
// {[alias|Ref], Reply}, the same way.
message whole_answer(const node_names& names, const call_id& call, message reply);
// The Reply of {Tag, Reply}; empty: it is no such tuple.
message reply_in(message whole);
// Past [alias|Ref]; false, and the cursor stays: there is none.
bool skip_alias(etf::cursor& at);

} // namespace coppice::runtime
