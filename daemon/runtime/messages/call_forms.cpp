// SPDX-License-Identifier: MIT
// The tuples of gen.erl's calls, and a small cache of the forms of other nodes. See call_forms.hpp. Any
// thread.
#include "runtime/messages/call_forms.hpp"

#include <cstring>
#include <string_view>

#include "runtime/messages/raw_message.hpp"

namespace coppice::runtime {
namespace {

constexpr std::array<std::uint8_t, 2> pair_head{104, 2};

// Returns the offset of the tag.
std::size_t write_from(etf::writer& out, std::string_view node, const call_id& call) {
  const reference ref = call.ref();
  out.tuple(2);
  out.pid({node, call.who.id, call.who.serial, call.who.creation});
  const std::size_t tag = out.size();
  out.raw(node_forms::alias_head);
  out.reference({node, ref.creation, ref.count, ref.words});
  return tag;
}

// The forms of nodes whose processes have called lately.
class recent_forms {
 public:
  // Null: the node's name is too long for forms, or the index is out of date. Valid until the next call.
  const node_forms* of(const node_names& names, std::uint32_t node) {
    entry& at = entries_[node % entries_.size()];
    const std::uint64_t epoch = names.epoch();
    if (at.epoch != epoch || at.node != node) [[unlikely]] {
      at.forms = {};
      names.with_name(node, [&](std::string_view name) { at.forms.set(name); });
      at.node = node;
      at.epoch = epoch;
    }
    return at.forms.known() ? &at.forms : nullptr;
  }

 private:
  struct entry {
    std::uint64_t epoch = 0; // node_names::epoch(), which differs between tables; 0: the entry is empty
    std::uint32_t node = 0;
    node_forms forms;
  };
  std::array<entry, 4> entries_;
};
thread_local recent_forms of_recent_callers;

template <std::size_t Size>
message joined(const std::array<std::uint8_t, Size>& head, etf::bytes middle, message last) {
  std::uint8_t* front = nullptr;
  message whole = with_room_in_front(Size + middle.size(), std::move(last), front);
  std::memcpy(front, head.data(), Size);
  std::memcpy(front + Size, middle.data(), middle.size());
  return whole;
}

} // namespace

// Never inlined, as worker::current(): a caller that parks may continue on another thread, which has its own
// cache.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): every byte that is read is written before
[[gnu::noinline]] written_from::written_from(const node_names& names, const call_id& call) {
  asm volatile("");
  const node_forms* const forms =
      call.who.here() ? &names.forms() : of_recent_callers.of(names, call.who.node);
  if (forms != nullptr && forms->known()) [[likely]] {
    forms->put_from(short_, call.who, call.ref());
    size_ = forms->from_size();
    tag_at_ = forms->tag_at();
    return;
  }
  names.with_name(call.who.node, [&](std::string_view node) {
    etf::writer here(short_.data(), short_.data() + short_.size());
    tag_at_ = write_from(here, node, call);
    size_ = here.size();
    if (!here.failed()) return;
    etf::vector_writer out(128 + 2 * node.size());
    tag_at_ = write_from(out, node, call);
    long_.assign(out.view().begin(), out.view().end());
  });
}

message whole_call(const node_names& names, const call_id& call, message request) {
  return joined(call_head, written_from(names, call).bytes(), std::move(request));
}

message whole_answer(const node_names& names, const call_id& call, message reply) {
  return joined(pair_head, written_from(names, call).tag(), std::move(reply));
}

signal_ptr enveloped(const node_names& names, const destination& to, signal_ptr bare) {
  const bool call = (bare->flags & signal::of_call) != 0;
  const reference about = call ? bare->ref : to.alias_ref();
  const call_id id{about.owner(), about.number()};
  const signal_kind kind = bare->kind;
  const pid from = bare->from;
  const reference ref = bare->ref;
  const std::uint64_t number = bare->number;
  const auto flags = static_cast<std::uint16_t>(bare->flags & ~signal::bare);
  const std::uint8_t compression = bare->compression;
  message term = consume(std::move(bare));
  term = call ? whole_call(names, id, std::move(term)) : whole_answer(names, id, std::move(term));
  signal_ptr made = make_signal(kind, from, ref, std::move(term));
  made->number = number;
  made->flags = flags;
  made->compression = compression;
  return made;
}

bool skip_alias(etf::cursor& at) {
  constexpr auto& head = node_forms::alias_head;
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

std::optional<etf::reference> tag_of_reply(etf::bytes term) {
  if (term.size() < 4 || term[0] != static_cast<std::uint8_t>(etf::tag::small_tuple) || term[1] != 2)
    return std::nullopt;
  etf::cursor in(term);
  if (!in.read_tuple_of(2)) return std::nullopt;
  std::uint32_t length = 0;
  for (unsigned depth = 0; depth < 2 && in.peek() == etf::kind::list && in.read_list(length); ++depth)
    if (in.read_atom_is("alias")) break;
  etf::reference found;
  if (!in.read_reference(found)) return std::nullopt;
  return found;
}

} // namespace coppice::runtime
