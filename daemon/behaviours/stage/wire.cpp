// SPDX-License-Identifier: MIT
// Reads without copying: the parts of a message stay slices of its bytes.
#include "behaviours/stage/wire.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;

bool read_party(etf::cursor& at, runtime::node_names& names, stage_party& out) {
  etf::cursor inside = at;
  if (!at.read_term(out.whole) || !inside.read_tuple_of(2)) return false;
  const auto pid = runtime::read_pid(inside, names);
  if (!pid || !inside.read_term(out.tag)) return false;
  out.pid = *pid;
  return true;
}

// Whether the term is a list of any length, proper or not.
bool is_list(etf::bytes term) {
  const auto kind = etf::cursor(term).peek();
  return kind == etf::kind::list || kind == etf::kind::nil;
}

stage_message::kind read_producers(etf::bytes what, stage_message& out) {
  using kind = stage_message::kind;
  etf::cursor at(what);
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity)) return kind::other;
  if (arity == 3 && at.read_atom_is("subscribe") && at.read_term(out.current) && at.read_term(out.content))
    return kind::subscribe;
  if (arity != 2) return kind::other;
  if (at.read_atom_is("ask")) {
    const auto number = at.peek();
    if (number != etf::kind::integer) return kind::other;
    return at.read_term(out.content) ? kind::ask : kind::other;
  }
  return at.read_atom_is("cancel") && at.read_term(out.content) ? kind::cancel : kind::other;
}

stage_message::kind read_consumers(etf::bytes what, stage_message& out) {
  using kind = stage_message::kind;
  etf::cursor at(what);
  if (at.read_tuple_of(2))
    return at.read_atom_is("cancel") && at.read_term(out.content) ? kind::cancel : kind::other;
  if (!is_list(what)) return kind::other;
  out.content = what;
  return kind::events;
}

} // namespace

std::optional<stage_message> read_stage_message(etf::bytes m, runtime::node_names& names) {
  etf::cursor at(m);
  stage_message out;
  if (!at.read_tuple_of(3)) return std::nullopt;
  if (at.read_atom_is("$gen_consumer")) {
    out.to = stage_message::side::to_consumer;
  } else if (!at.read_atom_is("$gen_producer")) {
    return std::nullopt;
  }
  if (!read_party(at, names, out.from)) return out;
  out.what = out.to == stage_message::side::to_producer ? read_producers(at.rest(), out)
                                                        : read_consumers(at.rest(), out);
  return out;
}

bool read_current(etf::bytes term, etf::bytes& tag, etf::bytes& reason) {
  etf::cursor at(term);
  return at.read_tuple_of(2) && at.read_term(tag) && at.read_term(reason);
}

bool read_down(etf::bytes m, etf::bytes& ref, etf::bytes& reason) {
  etf::cursor at(m);
  return at.read_tuple_of(5) && at.read_atom_is("DOWN") && at.read_term(ref) && at.skip() && at.skip() &&
         at.read_term(reason);
}

message bad_options(std::string_view text) {
  message_writer out(text.size() + 24);
  out.tuple(2);
  out.atom("bad_opts");
  out.binary(text);
  return out.take();
}

message pair_of(etf::bytes first, etf::bytes second) {
  message_writer out(first.size() + second.size() + 4);
  out.tuple(2);
  out.raw(first);
  out.raw(second);
  return out.take();
}

void write_head(etf::writer& out, std::string_view to, const runtime::pid& self, etf::bytes tag,
                const runtime::node_names& names) {
  out.tuple(3);
  out.atom(to);
  out.tuple(2);
  runtime::write(out, self, names);
  out.raw(tag);
}

} // namespace coppice::behaviours
