// SPDX-License-Identifier: MIT
// The term of a message that says that a node lives. See node_liveness.hpp.
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include "consensus/node_liveness.hpp"
#include "consensus/wire.hpp"

namespace coppice::consensus {

namespace {

bool read_change(etf::cursor& at, liveness_change& to) {
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity) || !read_id(at, to.follower)) return false;
  if (arity == 1) return true;
  quiescence& offer = to.offer.emplace();
  return arity == 4 && read_id(at, offer.leader) && at.read_unsigned(offer.term) &&
         at.read_unsigned(offer.last);
}

template <class Value>
bool read_all(etf::cursor& at, std::vector<Value>& to, bool (*read)(etf::cursor&, Value&)) {
  std::uint32_t count = 0;
  if (!at.read_list(count) || count > node_liveness::most_changes) return false;
  to.resize(count);
  for (Value& one : to)
    if (!read(at, one)) return false;
  return count == 0 || at.read_nil();
}

} // namespace

void encode(const liveness_message& what, etf::writer& out) {
  out.tuple(11);
  out.atom(liveness_word);
  for (const std::uint64_t one : {what.from, what.to, what.number, what.applied}) out.unsigned_integer(one);
  out.boolean(what.asks);
  for (const std::uint64_t one : {what.floor, what.base, what.upto}) out.unsigned_integer(one);
  if (!what.changes.empty()) out.list(static_cast<std::uint32_t>(what.changes.size()));
  for (const liveness_change& one : what.changes) {
    out.tuple(one.offer ? 4 : 1);
    put_id(one.follower, out);
    if (!one.offer) continue;
    put_id(one.offer->leader, out);
    out.unsigned_integer(one.offer->term);
    out.unsigned_integer(one.offer->last);
  }
  out.nil();
  if (!what.awake.empty()) out.list(static_cast<std::uint32_t>(what.awake.size()));
  for (const member_id& one : what.awake) put_id(one, out);
  out.nil();
}

base::result<liveness_message> decode_liveness(base::bytes_span from) {
  etf::cursor at(from);
  liveness_message made;
  const bool has_head = at.read_tuple_of(11) && at.read_atom_is(liveness_word) &&
                        at.read_unsigned(made.from) && at.read_unsigned(made.to) &&
                        at.read_unsigned(made.number) && at.read_unsigned(made.applied) &&
                        at.read_bool(made.asks) && at.read_unsigned(made.floor) &&
                        at.read_unsigned(made.base) && at.read_unsigned(made.upto);
  if (!has_head || made.from == 0 || made.floor > made.base || made.base > made.upto)
    return base::fail(base::errc::invalid, "no message that a node lives");
  const bool has_changes = read_all(at, made.changes, read_change);
  if (!has_changes || !read_all(at, made.awake, read_id) || !at.at_end())
    return base::fail(base::errc::invalid, "what has changed makes no sense, or is too much");
  return made;
}

} // namespace coppice::consensus
