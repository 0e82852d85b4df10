// SPDX-License-Identifier: MIT
// As in OTP nothing is random: both nodes make the same choice. In a process's own turn.
#include "services/global/conflict.hpp"

#include <coppice/etf/cursor.hpp>
#include <string_view>

#include "base/log.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/global/name_server.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::pid;
using runtime::process;

namespace {

// {global_name_conflict, Name} or {global_name_conflict, Name, Other}
void notify(process& self, const runtime::on_behalf& asker, const pid& to, etf::bytes name,
            const pid* other) {
  message_writer out;
  out.tuple(other == nullptr ? 2 : 3);
  out.atom("global_name_conflict");
  out.raw(name);
  if (other != nullptr) runtime::write(out, *other, self.host().nodes());
  if (to.here())
    asker.send(to, out.take());
  else
    self.send_unbounded(to, out.take());
}

} // namespace

message default_conflict_method() {
  message_writer out;
  out.exported_fun("global", "random_exit_name", 3);
  return out.take();
}

bool is_method_of_global(etf::bytes method) {
  std::string_view module;
  std::string_view function;
  std::uint8_t arity = 0;
  return etf::cursor(method).read_exported_fun(module, function, arity) && module == "global" && arity == 3 &&
         (function == "random_exit_name" || function == "random_notify_name" ||
          function == "notify_all_name");
}

std::optional<conflict_outcome> resolve_conflict(process& self, const runtime::on_behalf& asker,
                                                 etf::bytes method, etf::bytes name, const pid& first,
                                                 const pid& second) {
  std::string_view module;
  std::string_view function;
  std::uint8_t arity = 0;
  if (!etf::cursor(method).read_exported_fun(module, function, arity) || module != "global" || arity != 3)
    return std::nullopt;
  const auto& nodes = self.host().nodes();
  const bool first_stays = nodes.name(first.node) < nodes.name(second.node);
  const pid& loser = first_stays ? second : first;
  if (function == "random_exit_name") {
    base::log::warning("services", "global: {} has two processes, {} and {}: the one on {} is killed",
                       runtime::shown(name), runtime::to_text(first, nodes), runtime::to_text(second, nodes),
                       nodes.name(loser.node));
    if (loser.here())
      asker.exit(loser, message::atom("kill"));
    else
      self.exit(loser, message::atom("kill"));
  } else if (function == "random_notify_name") {
    notify(self, asker, loser, name, nullptr);
  } else if (function == "notify_all_name") {
    notify(self, asker, first, name, &second);
    notify(self, asker, second, name, &first);
    return conflict_outcome::neither;
  } else {
    return std::nullopt;
  }
  return first_stays ? conflict_outcome::first_stays : conflict_outcome::second_stays;
}

// The method registered here for the name, whatever the caller says; none: the name is not being resolved.
static message method_to_resolve(process& self, etf::bytes name, const pid& first, const pid& second) {
  constexpr base::nanos patience = 5 * base::nanos_per_second;
  const auto question =
      global_name_server::method_question(self.host().nodes(), self.origin().node, name, first, second);
  auto answer = behaviours::gen::call(self, runtime::destination::named(global_name_server::registered_name),
                                      question, self.now() + patience);
  if (!answer || runtime::is_atom(*answer, "false")) return {};
  return std::move(*answer);
}

message resolve_it(process& self, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  etf::bytes name;
  portions work(self);
  if (!at.read_list(length) || !skip_long_terms(at, 1, work) || !read_long_term(at, name, work)) return {};
  const auto first = runtime::read_pid(at, self.host().nodes());
  const auto second = first ? runtime::read_pid(at, self.host().nodes()) : std::nullopt;
  if (!second) return {};
  const auto registered = method_to_resolve(self, name, *first, *second);
  if (!registered) return {};
  const auto outcome =
      resolve_conflict(self, runtime::on_behalf::of_origin(self), registered.bytes(), name, *first, *second);
  if (!outcome) return {};
  if (*outcome == conflict_outcome::neither) return message::atom("none");
  message_writer out;
  runtime::write(out, *outcome == conflict_outcome::first_stays ? *first : *second, self.host().nodes());
  return out.take();
}

} // namespace coppice::services
