// SPDX-License-Identifier: MIT
// Calls between processes of this node, and of Coppice nodes that agreed on it, travel without the tuples
// that gen.erl puts them into (signal::bare); here those are made for who wants to see them. Any thread.
#pragma once

#include <array>
#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <vector>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

// What stands before the From in a call.
inline constexpr std::array<std::uint8_t, 13> call_head{104, 3,   119, 9,   '$', 'g', 'e',
                                                        'n', '_', 'c', 'a', 'l', 'l'};

// The From of a call, {Pid, [alias|Ref]}, and within it what an answer is tagged with.
class written_from {
 public:
  written_from(const node_names& names, const call_id& call);
  written_from(const written_from&) = delete;
  written_from& operator=(const written_from&) = delete;

  etf::bytes bytes() const { return long_.empty() ? etf::bytes(short_).first(size_) : etf::bytes(long_); }
  etf::bytes tag() const { return bytes().subspan(tag_at_); } // [alias|Ref]

 private:
  node_forms::from short_; // if it fits: the first size_ bytes are written
  std::vector<std::uint8_t> long_;
  std::size_t size_ = 0;
  std::size_t tag_at_ = 0;
};

// {'$gen_call', {Pid, [alias|Ref]}, Request}; in the request's memory if nobody else has it and there is
// room.
message whole_call(const node_names& names, const call_id& call, message request);
// {[alias|Ref], Reply}, the same way.
message whole_answer(const node_names& names, const call_id& call, message reply);
// One that is bare, on its way to `to`, as whoever knows nothing of that gets it.
signal_ptr enveloped(const node_names& names, const destination& to, signal_ptr bare);
// The Reply of {Tag, Reply}; empty: it is no such tuple.
message reply_in(message whole);
// Past [alias|Ref]; false, and the cursor stays: there is none.
bool skip_alias(etf::cursor& at);

} // namespace coppice::runtime
