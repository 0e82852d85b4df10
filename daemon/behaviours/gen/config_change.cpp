// SPDX-License-Identifier: MIT
// The requests are {system, From, {'$coppice_config_change', Args, Env}}, the same with
// '$coppice_config_former', and {system, From, {'$coppice_options_change', Options | []}}.
#include "behaviours/gen/config_change.hpp"

#include "behaviours/gen/system_notice.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::process;

constexpr std::string_view config_change_tag = "$coppice_config_change";
constexpr std::string_view config_former_tag = "$coppice_config_former";
constexpr std::string_view options_change_tag = "$coppice_options_change";
constexpr std::string_view late_tag = "config_change_timeout";

bool is_unknown(etf::bytes answer) {
  etf::cursor at(answer);
  return at.read_tuple_of(2) && at.read_atom_is("error") && at.read_tuple_of(2) &&
         at.read_atom_is("unknown_system_msg");
}

message ask(process& self, const runtime::pid& of, const message& request) {
  const auto answer = ask_by_notice(self, of, request.bytes(), base::mono_now() + config_patience);
  if (!answer && answer.error().what == gen::call_error::kind::timeout) {
    return runtime::error_message(message::atom(late_tag));
  }
  if (!answer) return message::atom("unhandled");
  return is_unknown(answer->bytes()) ? message::atom("unhandled") : *answer;
}

message config_request(std::string_view tag, const message& args, const message& env) {
  runtime::message_writer out(args.size() + env.size() + 64);
  out.tuple(3);
  out.atom(tag);
  for (const message& map : {args, env}) {
    if (map) {
      out.raw(map.bytes());
    } else {
      out.map(0);
    }
  }
  return out.take();
}

message options_request(const message& options) {
  runtime::message_writer out(options.size() + 64);
  out.tuple(2);
  out.atom(options_change_tag);
  if (options) {
    out.raw(options.bytes());
  } else {
    out.nil();
  }
  return out.take();
}

} // namespace

message change_config(process& self, const runtime::pid& of, const message& args, const message& env) {
  return ask(self, of, config_request(config_change_tag, args, env));
}

runtime::reference send_former_config(process& self, const runtime::pid& of, const message& args,
                                      const message& env) {
  return send_by_notice(self, of, config_request(config_former_tag, args, env).bytes());
}

message change_options(process& self, const runtime::pid& of, const message& options) {
  return ask(self, of, options_request(options));
}

runtime::reference send_former_options(process& self, const runtime::pid& of, const message& options) {
  return send_by_notice(self, of, options_request(options).bytes());
}

bool is_refusal(etf::bytes answer) {
  etf::cursor at(answer);
  return at.read_tuple_of(2) && at.read_atom_is("error") && !is_unknown(answer);
}

bool is_late(const message& result) {
  etf::cursor at(result.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("error") && at.read_atom_is(late_tag);
}

bool read_config_change(process& self, const gen::request& what, config_change& out) {
  etf::cursor at(what.body.bytes());
  std::string_view tag;
  etf::bytes args;
  if (!self.origin().notice || !at.read_tuple_of(3) || !at.read_atom(tag)) return false;
  if ((tag != config_change_tag && tag != config_former_tag) || !at.read_term(args)) return false;
  out = {what.body.slice(args).compact(), what.body.slice(at.rest()).compact(), tag == config_former_tag};
  return true;
}

bool read_options_change(process& self, const gen::request& what, message& options) {
  etf::cursor at(what.body.bytes());
  if (!self.origin().notice || !at.read_tuple_of(2) || !at.read_atom_is(options_change_tag)) return false;
  options = at.peek() == etf::kind::nil ? message() : what.body.slice(at.rest()).compact();
  return true;
}

} // namespace coppice::behaviours
