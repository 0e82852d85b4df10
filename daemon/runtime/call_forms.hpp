// SPDX-License-Identifier: MIT
// Calls between processes of this node travel without the tuples that gen.erl puts them into; here those are
// made for who wants to see them. Any thread.
#pragma once

#include "runtime/ids.hpp"
#include "runtime/message.hpp"

namespace coppice::runtime {

// {'$gen_call', {Pid, [alias|Ref]}, Request}; in the request's memory if nobody else has it and there is
// room.
message whole_call(const node_names& names, const call_id& call, message request);
// {[alias|Ref], Reply}, the same way.
message whole_answer(const node_names& names, const call_id& call, message reply);

} // namespace coppice::runtime
