// SPDX-License-Identifier: MIT
// A plugin's router. In the process's own turn.
#include "host/actors/router.hpp"

#include "base/log.hpp"
#include "behaviours/gen/report_fields.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/requests.hpp"
#include "host/boundary/sized.hpp"
#include "host/boundary/type_totals.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr runtime::sending without_waiting{.waits = false};

coppice_bytes lend_text(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// The reason why a request ended without an answer, for its caller and failed().
message reason_of(const response& ended) {
  switch (ended.status) {
    case COPPICE_E_NOPROC:
      return message::atom("noproc");
    case COPPICE_E_NODEDOWN:
      return message::atom("nodedown");
    case COPPICE_E_TIMEOUT:
      return message::atom("timeout");
    default:
      return ended.answer;
  }
}

// {Name, Destination}. False: another term.
bool read_route(etf::cursor& at, runtime::node_names& names, std::vector<route>& into) {
  etf::bytes name;
  etf::bytes to;
  if (!at.read_tuple_of(2) || !at.read_binary(name) || !at.read_term(to)) return false;
  const auto whom = destination_of(names, lend_bytes(to));
  if (whom) into.push_back({std::string(name.begin(), name.end()), *whom});
  return whom.has_value();
}

} // namespace

router_code::router_code(const coppice_actor_type& type)
    : server_code(type),
      routing(callbacks_of<coppice_router>(type, COPPICE_ROUTER_DRAFT_2, COPPICE_ROUTER_LEAST)) {}

std::shared_ptr<metrics::counters> router::make_totals(metrics::board* board, const std::string& type,
                                                       const std::string&) {
  return totals_on<router_totals>(board, {{"type", type}});
}

router::router(actor_plan&& plan) : server(std::move(plan)), options_(std::move(plan.options)) {
  identity().totals<router_totals>().running.add();
}

router::~router() {
  identity().totals<router_totals>().running.subtract();
}

void router::count(std::uint64_t& of, metrics::counter router_totals::*all) {
  ++of;
  (identity().totals<router_totals>().*all).add();
}

outcome router::init(process& self) {
  if (options_ && !adopt(options_, self.host().nodes()))
    return runtime::stop(tagged("bad_options", options_.bytes()));
  options_ = {};
  return begin(self);
}

outcome router::take_options(process& self, const message& from, message options) {
  const bool taken = adopt(options, self.host().nodes());
  gen::reply(self, from, taken ? message::atom("ok") : runtime::error_message(message::atom("bad_options")));
  return runtime::carry_on();
}

// {OnFailed, Timeout in ns | infinity, MostPending, [{Name, Destination}]}, written by
// node/assembly/router_term.cpp.
bool router::adopt(const message& options, runtime::node_names& names) {
  settings said;
  std::vector<route> routes;
  if (options) {
    etf::cursor at(options.bytes());
    std::string_view word;
    std::uint32_t count = 0;
    bool good = at.read_tuple_of(4) && at.read_atom(word);
    const auto failed = tree::value_of<tree::router_failure>(word);
    good = good && failed.has_value();
    said.failed = failed.value_or(said.failed);
    if (at.peek() == etf::kind::atom) {
      good = good && at.skip();
      said.timeout = runtime::no_deadline;
    } else {
      good = good && at.read_integer(said.timeout);
    }
    good = good && at.read_unsigned(said.most_pending) && at.read_list(count);
    for (std::uint32_t i = 0; good && i < count; ++i) good = read_route(at, names, routes);
    if (!good) return false;
  }
  settings_ = said;
  std::vector<std::shared_ptr<route>> before = std::exchange(routes_, {});
  for (route& one : routes) {
    const auto same =
        std::ranges::find(before, one.name, [](const auto& was) -> const std::string& { return was->name; });
    if (same == before.end()) {
      routes_.push_back(std::make_shared<route>(std::move(one)));
    } else {
      (*same)->to = std::move(one.to);
      routes_.push_back(*same);
    }
  }
  return true;
}

outcome router::ask(callback asked, const char* name, const passing& one, routing_decision& out,
                    etf::bytes reason) {
  coppice_routed given{};
  given.size = sizeof given;
  given.kind = one.kind;
  given.content = lend(one.content);
  if (one.from) given.from = lend_bytes(one.from.bytes());
  given.route = lend_text(name_of(one));
  given.reason = lend_bytes(reason);
  out.routes = &routes_;
  extra_state& extra = actor().needs_extra();
  extra.deciding = &out;
  const std::int32_t status =
      in_turn(actor(), name, one.content.bytes(), [&] { return asked(&actor(), state(), &given); });
  extra.deciding = nullptr;
  if (status != COPPICE_OK) out.what = routing_decision::kind::none;
  return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, name, one.content.bytes());
}

outcome router::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  passing one{.kind = COPPICE_ROUTED_CALL, .content = whole.slice(request), .from = whole.slice(from)};
  routing_decision where;
  if (outcome next = ask(routing().route, "route", one, where); next.stops()) return next;
  if (where.what != routing_decision::kind::none) return pass(self, std::move(one), where);
  count(own_, &router_totals::own);
  return server::take_call(self, whole, from, request);
}

outcome router::take_cast(process& self, const message& whole, etf::bytes request) {
  passing one{.kind = COPPICE_ROUTED_CAST, .whole = whole, .content = whole.slice(request)};
  routing_decision where;
  if (outcome next = ask(routing().route, "route", one, where); next.stops()) return next;
  if (where.what != routing_decision::kind::none) return pass(self, std::move(one), where);
  count(own_, &router_totals::own);
  return server::take_cast(self, whole, request);
}

outcome router::take_info(process& self, const message& m) {
  if (actor().extra != nullptr && actor().extra->has_requested) [[likely]] {
    response ended;
    const matched found = match(actor(), m, ended);
    if (found == matched::late) return runtime::carry_on();
    if (found == matched::ended) {
      if (auto one = pending_.take(ended.id)) return answered(self, std::move(*one), ended);
      return take_response(ended);
    }
  }
  if (self.origin().notice) return server::take_info(self, m);
  passing one{.whole = m, .content = m};
  routing_decision where;
  if (outcome next = ask(routing().route, "route", one, where); next.stops()) return next;
  if (where.what != routing_decision::kind::none) return pass(self, std::move(one), where);
  count(own_, &router_totals::own);
  return server::take_info(self, m);
}

outcome router::pass(process& self, passing one, const routing_decision& where) {
  const runtime::destination* to = &where.elsewhere;
  switch (where.what) {
    case routing_decision::kind::discard:
      count(discarded_, &router_totals::discarded);
      return runtime::carry_on();
    case routing_decision::kind::route:
      one.by = where.chosen;
      to = &one.by->to;
      break;
    case routing_decision::kind::elsewhere:
    case routing_decision::kind::none:
      one.by.reset();
      break;
  }
  ++one.tries;
  const message why = send(self, one, *to);
  if (why) return fail(self, std::move(one), why);
  return runtime::carry_on();
}

message router::send(process& self, passing& one, const runtime::destination& to) {
  using kind = runtime::destination::kind;
  std::optional<runtime::pid> here;
  if (to.here() && to.what() == kind::process) here = to.process();
  if (to.here() && to.what() == kind::name) here = self.host().whereis(to.name());
  if (here == self.self()) return message::atom("loop"); // it would come back to this router for ever
  const bool local = to.here() && (to.what() == kind::process || to.what() == kind::name);
  if (local && (!here || !self.host().alive(*here))) return message::atom("noproc");
  runtime::send_status sent = runtime::send_status::ok;
  std::uint64_t* const passed = one.by ? &one.by->passed : &elsewhere_;
  if (one.kind == COPPICE_ROUTED_CALL) {
    if (pending_.size() >= settings_.most_pending) return message::atom("overloaded");
    const base::nanos time = settings_.timeout;
    const base::nanos until = time == runtime::no_deadline ? runtime::no_deadline : self.now() + time;
    const auto asked = begin_request(actor(), to, one.content.bytes(), until, 0, without_waiting,
                                     gen::is_of_client(self, one.from.bytes()));
    if (asked) {
      count(*passed, &router_totals::passed);
      pending_[*asked] = std::move(one);
      return {};
    }
    sent = asked.error();
  } else {
    sent = self.send(to, one.whole, without_waiting);
  }
  switch (sent) {
    case runtime::send_status::ok:
      break;
    case runtime::send_status::full:
      return message::atom("overloaded");
    case runtime::send_status::nodedown:
      return message::atom("nodedown");
    case runtime::send_status::malformed:
      return message::atom("badarg");
  }
  count(*passed, &router_totals::passed);
  return {};
}

outcome router::answered(process& self, passing one, const response& ended) {
  if (ended.status != COPPICE_OK) return fail(self, std::move(one), reason_of(ended));
  gen::reply(self, one.from.bytes(), ended.answer);
  return runtime::carry_on();
}

outcome router::fail(process& self, passing one, const message& reason) {
  count(failed_, &router_totals::failed);
  if (one.by) ++one.by->failed;
  if (settings_.failed == tree::router_failure::callback && routing().failed != nullptr &&
      one.tries < most_tries) {
    routing_decision where;
    if (outcome next = ask(routing().failed, "failed", one, where, reason.bytes()); next.stops()) return next;
    if (where.what != routing_decision::kind::none) return pass(self, std::move(one), where);
  }
  refuse(self, one, reason);
  return runtime::carry_on();
}

void router::refuse(process& self, const passing& one, const message& reason) {
  if (settings_.failed == tree::router_failure::drop) return;
  if (one.kind == COPPICE_ROUTED_CALL) {
    message_writer out(reason.size() + 64);
    out.tuple(3);
    out.atom("not_routed");
    out.binary(name_of(one));
    out.raw(reason.bytes());
    gen::reply(self, one.from.bytes(), runtime::error_message(out.take()));
    return;
  }
  const auto left_out = identity().unhandled.next_line(base::mono_now());
  if (left_out)
    base::log::warning(identity().plugin, "{} could not route a {}{}{}: {}{}",
                       to_text(self.self(), self.host().nodes()),
                       one.kind == COPPICE_ROUTED_CAST ? "cast" : "message", one.by ? " to " : "",
                       name_of(one), runtime::shown(reason), left_out_text(*left_out));
}

std::string_view router::name_of(const passing& one) const {
  return one.by ? std::string_view(one.by->name) : std::string_view();
}

message router::engine_for_people(process& self) {
  message_writer out(256);
  out.map(7);
  behaviours::report::number(out, "pending", pending_.size());
  behaviours::report::number(out, "elsewhere", elsewhere_);
  behaviours::report::number(out, "own", own_);
  behaviours::report::number(out, "discarded", discarded_);
  behaviours::report::number(out, "failed", failed_);
  out.atom("on_failed");
  out.atom(tree::text(settings_.failed));
  out.atom("routes");
  if (!routes_.empty()) out.list(static_cast<std::uint32_t>(routes_.size()));
  for (const auto& one : routes_) {
    out.map(4);
    out.atom("name");
    out.binary(one->name);
    out.atom("to");
    out.binary(to_text(one->to, self.host().nodes()));
    behaviours::report::number(out, "passed", one->passed);
    behaviours::report::number(out, "failed", one->failed);
  }
  out.nil();
  return with_streams(out.take());
}

template hosted_behaviour hosted<router>(const coppice_behaviour* facts);

} // namespace coppice::host
