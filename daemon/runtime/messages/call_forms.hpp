// SPDX-License-Identifier: MIT
// The two forms of a gen call. Between processes of this node, and between Coppice nodes that agreed on it, a
// call travels in short form, without the tuples of gen.erl (signal::bare). These functions add the tuples
// for receivers that want them, and recognise them. Any thread.
#pragma once

#include <array>
#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

// The bytes before the From in a call: {'$gen_call', _, _}.
inline constexpr std::array<std::uint8_t, 13> call_head{104, 3,   119, 9,   '$', 'g', 'e',
                                                        'n', '_', 'c', 'a', 'l', 'l'};

// The From of a call, {Pid, [alias|Ref]}, as bytes; the tag of an answer is a part of it.
class written_from {
 public:
  written_from(const node_names& names, const call_id& call);
  written_from(const written_from&) = delete;
  written_from& operator=(const written_from&) = delete;

  etf::bytes bytes() const { return long_.empty() ? etf::bytes(short_).first(size_) : etf::bytes(long_); }
  etf::bytes tag() const { return bytes().subspan(tag_at_); } // [alias|Ref]

 private:
  node_forms::from short_; // used if From fits; the first size_ bytes are written
  std::vector<std::uint8_t> long_;
  std::size_t size_ = 0;
  std::size_t tag_at_ = 0;
};

// {'$gen_call', {Pid, [alias|Ref]}, Request}. Written into the request's block if no one else holds it and it
// has room in front.
message whole_call(const node_names& names, const call_id& call, message request);
// {[alias|Ref], Reply}, written in the same way.
message whole_answer(const node_names& names, const call_id& call, message reply);
// A bare signal on its way to `to`, with its tuple added.
signal_ptr enveloped(const node_names& names, const destination& to, signal_ptr bare);
// The Reply of {Tag, Reply}. Empty: `whole` is no such tuple.
message reply_in(message whole);
// The Ref of an answer that comes to a process itself: {Ref, _}, {[alias|Ref], _} or {[[alias|Ref]|_], _}.
// nullopt: the term is none of these.
std::optional<etf::reference> tag_of_reply(etf::bytes term);
// Moves the cursor behind [alias|Ref]. False: there is none, and the cursor stays.
bool skip_alias(etf::cursor& at);

} // namespace coppice::runtime
