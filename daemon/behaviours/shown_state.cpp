// SPDX-License-Identifier: MIT
// {system, From, '$coppice_shown_state'}, answered by the text as a binary, or `undefined`.
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
  const auto answer = ask_by_notice(self, of, message::atom(tag).bytes(), deadline);
  if (!answer) return std::nullopt;
  etf::bytes text;
  if (!etf::cursor(answer->bytes()).read_binary(text)) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(text.data()), text.size());
}

bool asks_shown_state(process& self, const gen::request& what) {
  return self.origin().notice && etf::cursor(what.body.bytes()).read_atom_is(tag);
}

void tell_shown_state(process& self, const message& from, const message& state) {
  runtime::message_writer out;
  if (state) {
    out.binary(runtime::shown(state, longest));
  } else {
    out.atom("undefined");
  }
  gen::reply(self, from, out.take());
}

} // namespace coppice::behaviours
