// SPDX-License-Identifier: MIT
// The request is {system, From, {'$coppice_shown_state', Deadline, all | without_state}}, answered by
// {Text | undefined, Engine, Debug}. A server that reads it after the deadline, because of a slow
// format_status or a long handler, skips it, as the asker has gone. So it never works for an asker that has
// gone, however many ask.
#include "behaviours/gen/shown_state.hpp"

#include "behaviours/gen/system_notice.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::process;

constexpr std::string_view tag = "$coppice_shown_state";
constexpr std::string_view all = "all";
constexpr std::string_view without_state = "without_state";
constexpr std::size_t longest = 10'000; // characters

// `report`: a map; empty: none.
void write_engine(runtime::message_writer& out, std::string_view kind, const message& report) {
  etf::cursor own(report.bytes());
  std::uint32_t pairs = 0;
  if (report) own.read_map(pairs);
  out.map(pairs + 1);
  out.atom("kind");
  out.atom(kind);
  if (pairs != 0) out.raw(own.rest());
}

} // namespace

shown_state ask_shown_state(process& self, const runtime::pid& of, base::nanos deadline, shown_part wanted) {
  runtime::message_writer body;
  body.tuple(3);
  body.atom(tag);
  body.integer(deadline);
  body.atom(wanted == shown_part::all ? all : without_state);
  const auto answer = ask_by_notice(self, of, body.take().bytes(), deadline);
  shown_state out;
  if (!answer) return out;
  etf::cursor at(answer->bytes());
  etf::bytes text;
  etf::bytes engine;
  if (!at.read_tuple_of(3)) return out;
  if (at.read_binary(text))
    out.state = std::string(reinterpret_cast<const char*>(text.data()), text.size());
  else
    at.skip();
  const bool has_engine = at.peek() == etf::kind::map;
  if (!at.read_term(engine)) return out;
  if (has_engine) out.engine = answer->slice(engine);
  if (at.read_binary(text)) out.debug.assign(reinterpret_cast<const char*>(text.data()), text.size());
  return out;
}

bool asks_shown_state(process& self, const gen::request& what) {
  etf::cursor at(what.body.bytes());
  return self.origin().notice && at.read_tuple_of(3) && at.read_atom_is(tag);
}

void tell_shown_state(process& self, const gen::request& asked, const std::function<message()>& state,
                      std::string_view kind, const std::function<message()>& engine,
                      const std::string& debug) {
  etf::cursor at(asked.body.bytes());
  base::nanos deadline = 0;
  std::string_view wanted;
  if (!at.read_tuple_of(3) || !at.skip() || !at.read_integer(deadline) || !at.read_atom(wanted) ||
      base::mono_now() >= deadline)
    return;
  runtime::message_writer out;
  out.tuple(3);
  if (const message shown = wanted == all ? state() : message()) {
    out.binary(runtime::shown(shown, longest));
  } else {
    out.atom("undefined");
  }
  write_engine(out, kind, engine());
  out.binary(debug);
  gen::reply(self, asked.from, out.take());
}

} // namespace coppice::behaviours
