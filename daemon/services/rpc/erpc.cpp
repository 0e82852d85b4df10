// SPDX-License-Identifier: MIT
// A refused call fails as on a node without that function: error undef with a stack of one frame. In the
// process's own turn; the handler on a worker's thread.
#include "services/rpc/erpc.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <utility>

#include "base/log.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/sound_term.hpp"
#include "runtime/process.hpp"
#include "services/answers/long_terms.hpp"
#include "services/observer/observer.hpp"
#include "services/peers/peer_bounds.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

struct evaluated {
  answer result; // none: it failed
  const char* error = "undef";
};

evaluated evaluate(process& self, const functions& allowed, etf::bytes module, etf::bytes function,
                   etf::bytes arguments) {
  std::string_view m;
  std::string_view f;
  portions work(self);
  const auto arity = list_length(arguments, work);
  if (!etf::cursor(module).read_atom(m) || !etf::cursor(function).read_atom(f) || !arity)
    return {{}, "badarg"};
  const auto* found = allowed.find(m, f, *arity);
  if (found == nullptr) return {{}, "undef"};
  return {(*found)(self, arguments), "badarg"};
}

// The length of a list by its head. It may be improper: that is found when its elements are read, which may
// take long.
std::optional<std::uint32_t> stated_length(etf::bytes list) {
  etf::cursor at(list);
  std::uint32_t length = 0;
  return at.read_list(length) ? std::optional(length) : std::nullopt;
}

// [{M, F, Args, []}]. Long arguments are not given back, since that would copy and check all of them in one
// turn: their number stands in their place, as in OTP's stacks. If there is none, or the names are no names,
// the stack is empty.
void write_stack(etf::writer& out, etf::bytes module, etf::bytes function, etf::bytes arguments) {
  constexpr std::size_t most_given_back = 65536; // bytes
  const bool is_long = arguments.size() > most_given_back;
  const auto arity = is_long ? stated_length(arguments) : std::nullopt;
  if (module.size() + function.size() > most_given_back || (is_long && !arity)) return out.nil();
  out.list(1);
  out.tuple(4);
  out.raw(module);
  out.raw(function);
  if (is_long)
    out.integer(*arity);
  else
    out.raw(arguments);
  out.nil();
  out.nil();
}

// Runs one call and ends with its result as exit reason.
class one_call : public runtime::behaviour {
 public:
  // `asker`: the index of the calling node.
  one_call(std::shared_ptr<const functions> allowed, message arguments, bool answers, std::uint32_t asker,
           running_calls::token running)
      : allowed_(std::move(allowed)),
        arguments_(std::move(arguments)),
        answers_(answers),
        asker_(asker),
        running_(std::move(running)) {}

  runtime::outcome init(process& self) override {
    self.set_origin({asker_, false});
    etf::cursor at(arguments_.bytes());
    std::uint32_t length = 0;
    etf::bytes tag;
    etf::bytes module;
    etf::bytes function;
    etf::bytes arguments;
    portions work(self);
    const bool whole = at.read_list(length) && (!answers_ || read_long_term(at, tag, work)) &&
                       read_long_term(at, module, work) && read_long_term(at, function, work) &&
                       read_long_term(at, arguments, work) && at.read_nil();
    // The result has the tag, and is made in one turn.
    if (!whole || tag.size() > longest_key) return runtime::stop(message::atom("badarg"));
    if (answers_) {
      message result = erpc_result(self, *allowed_, tag, module, function, arguments);
      // The end of a process takes one turn, and its reason leaves in that.
      runtime::check_before_leaving(self, result);
      return runtime::stop(std::move(result));
    }
    evaluate(self, *allowed_, module, function, arguments);
    return runtime::stop(message::atom("normal"));
  }
  runtime::outcome receive(process&, message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "erpc"; }

 private:
  std::shared_ptr<const functions> allowed_;
  message arguments_;
  bool answers_;
  std::uint32_t asker_;
  running_calls::token running_;
};

void log_refused(runtime::system& system, const dist::spawn_request& request) {
  const bool shell = request.module == "shell" || request.module == "group" || request.module == "user_drv";
  base::log::warning("services", "a spawn of {}:{}/{} by {} was refused: this node runs no Erlang code{}",
                     etf::print_atom(request.module), etf::print_atom(request.function), request.arity,
                     system.nodes().name(request.from.node),
                     shell ? "; instead of -remsh use the `coppice` command on its machine" : "");
}

} // namespace

void log_refused_call(const runtime::system& system, std::uint32_t node) {
  base::log::warning("services", "calls of rpc or erpc by {} are refused: {} of that node run already",
                     system.nodes().name(node), running_calls::most_of_node);
}

message erpc_result(process& self, const functions& allowed, etf::bytes tag, etf::bytes module,
                    etf::bytes function, etf::bytes arguments) {
  const auto done = evaluate(self, allowed, module, function, arguments);
  message_writer out;
  if (done.result.value || done.result.exit) {
    out.tuple(3);
    out.raw(tag);
    out.atom(done.result.value ? "return" : "exit");
    out.raw((done.result.value ? done.result.value : done.result.exit).bytes());
    return out.take();
  }
  out.tuple(4);
  out.raw(tag);
  out.atom("error");
  out.atom(done.error);
  write_stack(out, module, function, arguments);
  return out.take();
}

message rpc_result(process& self, const functions& allowed, etf::bytes module, etf::bytes function,
                   etf::bytes arguments) {
  auto done = evaluate(self, allowed, module, function, arguments);
  if (done.result.value) return done.result.value;
  message_writer out;
  out.tuple(2);
  out.atom("badrpc");
  out.tuple(2);
  out.atom("EXIT");
  if (done.result.exit) {
    out.raw(done.result.exit.bytes());
    return out.take();
  }
  out.tuple(2);
  out.atom(done.error);
  write_stack(out, module, function, arguments);
  return out.take();
}

namespace {

using spawned = expected<runtime::pid, std::string>;

spawned spawn_here(runtime::system& system, const dist::spawn_request& request, std::string label,
                   std::unique_ptr<runtime::behaviour> does) {
  runtime::spawn_options options;
  options.label = std::move(label);
  options.group_leader = request.group_leader;
  options.worker = system.current_worker();
  auto made = system.spawn(std::move(options), std::move(does));
  if (!made) return unexpected<std::string>("system_limit");
  return *made;
}

// Bytes of the arguments of a spawn that another node asks for.
constexpr std::size_t longest_arguments = std::size_t{1} << 20;

// coppice:spawn('PLUGIN:ACTOR'[, Args])
spawned spawn_actor(runtime::system& system, const dist::spawn_request& request,
                    const behaviours::peer_rights& rights) {
  etf::cursor at(request.arguments.bytes());
  std::uint32_t length = 0;
  std::string_view actor;
  etf::bytes args;
  if (!at.read_list(length) || length < 1 || length > 2 || !at.read_atom(actor))
    return unexpected<std::string>("badarg");
  const auto from = system.nodes().name(request.from.node);
  if (!rights.may_spawn(actor)) {
    base::log::warning("services",
                       "a spawn of {} by {} was refused: distribution.allow.spawn does not name it", actor,
                       from);
    return unexpected<std::string>("notsup");
  }
  // They are read in one go, since nothing may wait here.
  if (request.arguments.size() > longest_arguments) {
    base::log::warning("services",
                       "a spawn of {} by {} was refused: its arguments have {} bytes, more than {}", actor,
                       from, request.arguments.size(), longest_arguments);
    return unexpected<std::string>("system_limit");
  }
  if ((length == 2 && !at.read_term(args)) || !at.read_nil()) return unexpected<std::string>("badarg");
  runtime::actor_spec spec;
  spec.actor = actor;
  spec.label = fmt::format("{} for {}", actor, from);
  if (length == 2) spec.args = request.arguments.slice(args);
  auto does = system.factory() == nullptr ? base::result<std::unique_ptr<runtime::behaviour>>(base::fail(
                                                base::errc::unsupported, "this node has no plugins"))
                                          : system.factory()->make(spec);
  if (!does) {
    base::log::warning("services", "a spawn of {} by {} failed: {}", actor, from, does.error().text);
    return unexpected<std::string>("badarg");
  }
  return spawn_here(system, request, spec.label, std::move(*does));
}

} // namespace

dist::spawn_handler remote_spawns(runtime::system& system, dist::router& router,
                                  std::shared_ptr<const functions> allowed, behaviours::peer_rights rights) {
  return [&system, &router, allowed = std::move(allowed),
          rights = std::move(rights)](const dist::spawn_request& request) -> spawned {
    if (request.module == "coppice" && request.function == "spawn")
      return spawn_actor(system, request, rights);
    const bool of_tools = allowed->observer() && is_for_tools(request);
    const bool call = request.function == "execute_call" && request.arity == 4;
    const bool cast = request.function == "execute_cast" && request.arity == 3;
    const auto given = stated_length(request.arguments.bytes());
    const auto refused = [&] {
      log_refused(system, request);
      return unexpected<std::string>("notsup");
    };
    if (!of_tools && (request.module != "erpc" || (!call && !cast) || given != request.arity))
      return refused();
    bool tell = false;
    auto running = allowed->running().begin(request.from.node, tell);
    if (!running) {
      if (tell) log_refused_call(system, request.from.node);
      return unexpected<std::string>("system_limit");
    }
    std::unique_ptr<runtime::behaviour> does =
        of_tools ? observer_process(router, request, std::move(*running))
                 : std::make_unique<one_call>(allowed, request.arguments, call, request.from.node,
                                              std::move(*running));
    if (does == nullptr) return refused();
    return spawn_here(system, request, of_tools ? "observer_backend" : "erpc", std::move(does));
  };
}

} // namespace coppice::services
