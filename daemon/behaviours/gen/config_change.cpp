// SPDX-License-Identifier: MIT
// The requests are {system, From, {'$coppice_config_change', Args, Env}} and {system, From,
// {'$coppice_options_change', Options | []}}.
#include "behaviours/gen/config_change.hpp"

#include "behaviours/gen/system_notice.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::process;

constexpr std::string_view config_change_tag = "$coppice_config_change";
constexpr std::string_view options_change_tag = "$coppice_options_change";
constexpr std::string_view late_tag = "config_change_timeout";

message ask(process& self, const runtime::pid& of, const message& request, base::nanos patience) {
  const auto answer = ask_by_notice(self, of, request.bytes(), base::mono_now() + patience);
  if (!answer && answer.error().what == gen::call_error::kind::timeout) {
    return runtime::error_message(message::atom(late_tag));
  }
  if (!answer) return message::atom("unhandled");
  etf::cursor at(answer->bytes());
  const bool unknown = at.read_tuple_of(2) && at.read_atom_is("error") && at.read_tuple_of(2) &&
                       at.read_atom_is("unknown_system_msg");
  return unknown ? message::atom("unhandled") : *answer;
}

} // namespace

message change_config(process& self, const runtime::pid& of, const message& args, const message& env,
                      base::nanos patience) {
  runtime::message_writer out(args.size() + env.size() + 64);
  out.tuple(3);
  out.atom(config_change_tag);
  for (const message& map : {args, env}) {
    if (map) {
      out.raw(map.bytes());
    } else {
      out.map(0);
    }
  }
  return ask(self, of, out.take(), patience);
}

message change_options(process& self, const runtime::pid& of, const message& options, base::nanos patience) {
  runtime::message_writer out(options.size() + 64);
  out.tuple(2);
  out.atom(options_change_tag);
  if (options) {
    out.raw(options.bytes());
  } else {
    out.nil();
  }
  return ask(self, of, out.take(), patience);
}

bool is_late(const message& result) {
  etf::cursor at(result.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("error") && at.read_atom_is(late_tag);
}

bool read_config_change(process& self, const gen::request& what, config_change& out) {
  etf::cursor at(what.body.bytes());
  etf::bytes args;
  if (!self.origin().notice || !at.read_tuple_of(3) || !at.read_atom_is(config_change_tag) ||
      !at.read_term(args)) {
    return false;
  }
  out = {what.body.slice(args).compact(), what.body.slice(at.rest()).compact()};
  return true;
}

bool read_options_change(process& self, const gen::request& what, message& options) {
  etf::cursor at(what.body.bytes());
  if (!self.origin().notice || !at.read_tuple_of(2) || !at.read_atom_is(options_change_tag)) return false;
  options = at.peek() == etf::kind::nil ? message() : what.body.slice(at.rest()).compact();
  return true;
}

} // namespace coppice::behaviours
