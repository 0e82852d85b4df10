// SPDX-License-Identifier: MIT
// `application` by rpc: running applications and their configuration, and start and stop of the applications
// in distribution.allow.start. Asks the controller, which never waits. In the process's own turn.
#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "behaviours/application/controller.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/peers/peer_bounds.hpp"
#include "services/rpc/functions.hpp"

namespace coppice::services {
namespace {

namespace gen = behaviours::gen;
using behaviours::application_controller;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::array<std::uint8_t, 1> nil_term{106};
constexpr base::nanos patience = 5 * base::nanos_per_second;

gen::call_result ask(process& self, const message& question, base::nanos deadline) {
  const auto to = runtime::destination::named(std::string(application_controller::registered_name));
  return gen::call(self, to, question.bytes(), deadline);
}

answer answer_of(process& self, const message& question) {
  auto reply = ask(self, question, self.now() + patience);
  if (reply) return std::move(*reply);
  using kind = gen::call_error::kind;
  if (reply.error().what == kind::exit) return answer::exited(reply.error().reason);
  return answer::exited(message::atom(reply.error().what == kind::timeout ? "timeout" : "noproc"));
}

// A default is given back, in one turn. A long one is an error.
bool is_long(etf::bytes of_default) {
  return of_default.size() > longest_key;
}

// The elements of the argument list, of which there are at most three: the functions' arities are in their
// keys. Empty: a term is incomplete. May yield.
std::optional<std::vector<etf::bytes>> read_all(process& self, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::vector<etf::bytes> out;
  portions work(self);
  if (!at.read_list(length)) return std::nullopt;
  for (out.resize(length); etf::bytes & one : out) {
    if (!read_long_term(at, one, work)) return std::nullopt;
  }
  return out;
}

std::string_view atom_in(etf::bytes term) {
  std::string_view name;
  etf::cursor(term).read_atom(name);
  return name;
}

message env_of(process& self, std::string_view application) {
  auto reply = ask(self, application_controller::env_request(application), self.now() + patience);
  return reply ? *reply : message();
}

// The value in the env, a map. Empty: there is none. The env is of this node's configuration and no longer
// than that, so it is read in one go.
std::optional<etf::bytes> value_of(const message& env, std::string_view wanted) {
  etf::cursor at(env.bytes());
  std::uint32_t count = 0;
  if (!env || !at.read_map(count)) return std::nullopt;
  for (; count != 0; --count) {
    etf::bytes key;
    etf::bytes value;
    if (!at.read_term(key) || !at.read_term(value)) return std::nullopt;
    if (atom_in(key) == wanted) return value;
  }
  return std::nullopt;
}

// get_env(Key), (Application, Key), (Application, Key, Default). The caller of an rpc belongs to no
// application.
answer get_env(process& self, etf::bytes arguments) {
  const auto given = read_all(self, arguments);
  if (!given || given->empty() || (given->size() == 3 && is_long(given->back()))) return {};
  if (given->size() == 1) return message::atom("undefined");
  const message env = env_of(self, atom_in(given->front()));
  const auto found = value_of(env, atom_in((*given)[1]));
  if (given->size() == 3) return message::copy_of(found ? *found : given->back());
  if (!found) return message::atom("undefined");
  message_writer out(found->size() + 16);
  out.tuple(2);
  out.atom("ok");
  out.raw(*found);
  return out.take();
}

// get_env for an application without settings: undefined, or the default.
answer no_env(process& self, etf::bytes arguments) {
  const auto given = read_all(self, arguments);
  if (!given || given->empty() || (given->size() == 3 && is_long(given->back()))) return {};
  return given->size() == 3 ? message::copy_of(given->back()) : message::atom("undefined");
}

// [{Key, Value}]
answer get_all_env(process& self, etf::bytes arguments) {
  const auto given = read_all(self, arguments);
  const message env = given && given->size() == 1 ? env_of(self, atom_in(given->front())) : message();
  etf::cursor at(env.bytes());
  std::uint32_t count = 0;
  if (env) at.read_map(count);
  message_writer out(env.size() + 64);
  if (count != 0) out.list(count);
  for (; count != 0; --count) {
    etf::bytes key;
    etf::bytes value;
    if (!at.read_term(key) || !at.read_term(value)) return {};
    out.tuple(2);
    out.raw(key);
    out.raw(value);
  }
  out.nil();
  return out.take();
}

message not_allowed() {
  return runtime::error_message(message::atom("not_allowed"));
}

// {error, {already_started, Name}}
bool runs_already(const message& reply) {
  etf::cursor at(reply.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("error") && at.read_tuple_of(2) &&
         at.read_atom_is("already_started");
}

} // namespace

void add_application_functions(function_table& into) {
  for (const std::string_view name : {"which_applications", "loaded_applications"}) {
    const auto list = [name](process& self, etf::bytes) { return answer_of(self, message::atom(name)); };
    into["application:" + std::string(name) + "/0"] = list;
    if (name == "which_applications") into["application:which_applications/1"] = list; // time-out
  }
  for (const char* const key : {"get_env/1", "get_env/2", "get_env/3"}) {
    into[std::string("application:") + key] = no_env;
  }
  const auto none = [](process&, etf::bytes) -> answer { return message::immortal(nil_term); };
  into["application:get_all_env/0"] = none;
  into["application:get_all_env/1"] = none;
}

void add_env_functions(function_table& into) {
  for (const char* const key : {"get_env/1", "get_env/2", "get_env/3"}) {
    into[std::string("application:") + key] = get_env;
  }
  into["application:get_all_env/0"] = get_all_env;
  into["application:get_all_env/1"] = get_all_env;
}

void grant_applications(function_table& into, const std::vector<std::string>& names) {
  const auto order = [&names](message (*request)(std::string_view), bool running_is_well) {
    return [names, request, running_is_well](process& self, etf::bytes arguments) -> answer {
      const auto given = read_all(self, arguments);
      if (!given || given->empty()) return {};
      const std::string_view name = atom_in(given->front());
      if (std::find(names.begin(), names.end(), name) == names.end()) return not_allowed();
      auto reply = ask(self, request(name), runtime::no_deadline);
      if (!reply) return answer::exited(message::atom("noproc"));
      return running_is_well && runs_already(*reply) ? message::atom("ok") : std::move(*reply);
    };
  };
  into["application:start/1"] = order(&application_controller::start_request, false);
  into["application:ensure_started/1"] = order(&application_controller::start_request, true);
  into["application:stop/1"] = order(&application_controller::stop_request, false);
}

} // namespace coppice::services
