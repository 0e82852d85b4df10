// SPDX-License-Identifier: MIT
// The tuples of gen.erl's calls; see call_forms.hpp. A node whose name is too long for own_forms writes them
// piece by piece. Any thread.
#include "runtime/messages/call_forms.hpp"

#include <array>
#include <cstring>

#include "runtime/messages/raw_message.hpp"

namespace coppice::runtime {
namespace {

constexpr std::array<std::uint8_t, 2> pair_head{104, 2};

void write_tag(etf::writer& out, const node_names& names, const call_id& call) {
  out.list(1);
  out.atom("alias");
  write(out, call.ref(), names);
}

template <std::size_t Size>
message joined(const std::array<std::uint8_t, Size>& head, etf::bytes middle, message last) {
  std::uint8_t* front = nullptr;
  message whole = with_room_in_front(Size + middle.size(), std::move(last), front);
  std::memcpy(front, head.data(), Size);
  std::memcpy(front + Size, middle.data(), middle.size());
  return whole;
}

} // namespace

message whole_call(const node_names& names, const call_id& call, message request) {
  const own_forms& own = names.forms();
  if (own.known()) {
    own_forms::from from;
    own.put_from(from, call.who, call.ref());
    return joined(call_head, {from.data(), own.from_size()}, std::move(request));
  }
  etf::vector_writer out(96 + 2 * names.own().size());
  out.tuple(2);
  write(out, call.who, names);
  write_tag(out, names, call);
  return joined(call_head, out.view(), std::move(request));
}

message whole_answer(const node_names& names, const call_id& call, message reply) {
  const own_forms& own = names.forms();
  if (own.known()) {
    own_forms::from from;
    own.put_from(from, call.who, call.ref());
    return joined(pair_head, etf::bytes(from).subspan(own.tag_at(), own.from_size() - own.tag_at()),
                  std::move(reply));
  }
  etf::vector_writer out(64 + names.own().size());
  write_tag(out, names, call);
  return joined(pair_head, out.view(), std::move(reply));
}

bool skip_alias(etf::cursor& at) {
  constexpr auto& head = own_forms::alias_head;
  if (at.rest().size() < head.size() || std::memcmp(at.rest().data(), head.data(), head.size()) != 0)
    return false;
  etf::cursor ahead = at;
  ahead.advance(head.size());
  etf::reference ref;
  if (!ahead.read_reference(ref)) return false;
  at = ahead;
  return true;
}

message reply_in(message whole) {
  etf::cursor at(whole.bytes());
  if (!at.read_tuple_of(2) || (!skip_alias(at) && !at.skip()) || at.at_end()) return {};
  return std::move(whole).slice(at.rest());
}

} // namespace coppice::runtime
