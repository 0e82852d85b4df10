// SPDX-License-Identifier: MIT
// Functions of rpc that an actor implements. In the process's own turn.
#include <coppice/etf/cursor.hpp>
#include <string_view>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/rpc/functions.hpp"

namespace coppice::services {
namespace {

namespace gen = behaviours::gen;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr base::nanos start_patience = 5 * base::nanos_per_second;

// {Function, Argument…} May yield.
message request_of(process& self, std::string_view function, etf::bytes arguments) {
  etf::cursor at(arguments);
  etf::bytes text;
  std::uint32_t length = 0;
  message_writer out;
  if (at.read_string(text)) {
    out.tuple(static_cast<std::uint32_t>(text.size()) + 1);
    out.atom(function);
    for (const auto number : text) out.integer(number);
    return out.take();
  }
  at.read_list(length);
  if (length == 0) return message::atom(function);
  out.tuple(length + 1);
  out.atom(function);
  etf::bytes argument;
  portions work(self);
  for (std::uint32_t i = 0; i < length && read_long_term(at, argument, work); ++i) {
    work.add(argument.size());
    out.raw(argument);
  }
  return out.take();
}

message reason_in(const gen::call_error& error) {
  using kind = gen::call_error::kind;
  if (error.what == kind::exit) return error.reason;
  return message::atom(error.what == kind::timeout ? "timeout" : "noproc");
}

// A linked instance whose init has returned, or the reason why there is none.
expected<runtime::pid, message> start(process& self, const std::string& actor) {
  const auto failed = [](std::string_view text) {
    message_writer out;
    out.tuple(2);
    out.atom("start_failed");
    out.binary(text);
    return unexpected(out.take());
  };
  auto* const factory = self.host().factory();
  if (factory == nullptr) return failed("this node has no plugins");
  runtime::actor_spec spec;
  spec.actor = actor;
  auto does = factory->make(spec);
  if (!does) return failed(does.error().text);
  runtime::spawn_options how;
  how.link = true;
  how.label = actor + " for rpc";
  auto made = gen::start(self, std::move(how), std::move(*does), self.now() + start_patience);
  if (made) return *made;
  using kind = gen::start_error::kind;
  const gen::start_error& error = made.error();
  if (error.what == kind::spawn) return failed(error.error.text);
  if (error.what == kind::ignored) return unexpected(error.reason);
  if (error.what == kind::init) return unexpected(runtime::error_message(error.reason));
  return failed(error.what == kind::timeout ? "its init did not end in time"
                                            : "there is no room to wait for it");
}

} // namespace

callable call_of_actor(std::string actor, std::string function) {
  return [actor = std::move(actor), function = std::move(function)](process& self,
                                                                    etf::bytes arguments) -> answer {
    // If this process is killed, the link ends the instance too. Exits are trapped, so that the instance's
    // end is only the call's result.
    const bool trapped = self.trap_exit(true);
    const auto instance = start(self, actor);
    auto reply = instance
                     ? gen::call(self, *instance, request_of(self, function, arguments), runtime::no_deadline)
                     : gen::call_result(unexpected(gen::call_error{}));
    if (instance) {
      self.unlink(*instance);
      self.exit(*instance, message::atom("shutdown"));
    }
    self.trap_exit(trapped);
    if (!instance) return answer::exited(instance.error());
    if (!reply) return answer::exited(reason_in(reply.error()));
    return std::move(*reply);
  };
}

} // namespace coppice::services
