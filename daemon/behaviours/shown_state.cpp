// SPDX-License-Identifier: MIT
// {system, From, {'$coppice_shown_state', Deadline}}, answered by the text as a binary, or `undefined`. A
// server that comes to it after the deadline, as a slow format_status or a long handler has it, does nothing
// for those who have gone: however many ask, it works for one at a time, and for nobody in vain.
#include "behaviours/shown_state.hpp"

#include "behaviours/system_notice.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::process;

constexpr std::string_view tag = "$coppice_shown_state";
constexpr std::size_t longest = 10'000; // characters

} // namespace

std::optional<std::string> ask_shown_state(process& self, const runtime::pid& of, base::nanos deadline) {
  runtime::message_writer body;
  body.tuple(2);
  body.atom(tag);
  body.integer(deadline);
  const auto answer = ask_by_notice(self, of, body.take().bytes(), deadline);
  if (!answer) return std::nullopt;
  etf::bytes text;
  if (!etf::cursor(answer->bytes()).read_binary(text)) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(text.data()), text.size());
}

bool asks_shown_state(process& self, const gen::request& what) {
  etf::cursor at(what.body.bytes());
  return self.origin().notice && at.read_tuple_of(2) && at.read_atom_is(tag);
}

void tell_shown_state(process& self, const gen::request& asked, const std::function<message()>& state) {
  etf::cursor at(asked.body.bytes());
  base::nanos deadline = 0;
  if (!at.read_tuple_of(2) || !at.skip() || !at.read_integer(deadline) || base::mono_now() >= deadline)
    return;
  runtime::message_writer out;
  if (const message shown = state()) {
    out.binary(runtime::shown(shown, longest));
  } else {
    out.atom("undefined");
  }
  gen::reply(self, asked.from, out.take());
}

} // namespace coppice::behaviours
