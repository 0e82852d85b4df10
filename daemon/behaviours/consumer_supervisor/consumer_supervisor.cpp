// SPDX-License-Identifier: MIT
// See consumer_supervisor.hpp. To the engine it is a consumer whose subscriptions are all manual: this file
// decides how many events are asked for, and when. Starting a child parks the process within the engine's
// callback. Messages that come meanwhile, also ends of children, wait until all events of the list are
// handled.
#include "behaviours/consumer_supervisor/consumer_supervisor.hpp"

#include <coppice/etf/cursor.hpp>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "behaviours/stage/event_list.hpp"
#include "behaviours/stage/report.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/messages/small_integers.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

// The tag of {Pid, Tag}.
std::string_view tag_of(const message& party) {
  etf::cursor at(party.bytes());
  at.read_tuple_of(2);
  at.skip();
  return {reinterpret_cast<const char*>(at.rest().data()), at.rest().size()};
}

// Requests such as {'$subscribe', …} and {'$info', …}, which a consumer takes.
bool is_stage_request(etf::bytes request, std::string_view& name) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  at.read_tuple(arity);
  return at.read_atom(name) && name.starts_with('$') && !name.starts_with("$coppice");
}

} // namespace

class consumer_supervisor::port final : public process_port {
 public:
  explicit port(consumer_supervisor& of) : of_(of) {}

  outcome handle_demand(std::uint64_t) override { return runtime::carry_on(); }
  outcome handle_events(const message& events, const message& from) override {
    return of_.start_children(events, from);
  }
  outcome handle_subscribe(peer, const message& options, const message& from, bool& manual) override {
    manual = true;
    of_.add_source(options, from);
    return runtime::carry_on();
  }
  outcome handle_cancel(bool, const message&, const message& from) override {
    of_.drop_source(from);
    return runtime::carry_on();
  }
  dispatcher::outlet::choice choose(const message&, std::uint64_t&) override {
    return dispatcher::outlet::choice::none;
  }
  bool format_discarded(std::uint64_t) override { return true; }

 private:
  consumer_supervisor& of_;
};

consumer_supervisor::consumer_supervisor(std::shared_ptr<const child_spec> of,
                                         std::shared_ptr<const supervision> shared, std::string label,
                                         unsigned above)
    : supervisor(of->supervisor, std::move(shared), std::move(label), above),
      of_(std::move(of)),
      port_(std::make_unique<port>(*this)) {}

consumer_supervisor::~consumer_supervisor() = default;

outcome consumer_supervisor::on_start(process& self) {
  auto options =
      read_stage_options(stage_role::consumer, of_->options.bytes(), default_options(stage_role::consumer));
  if (!options) return runtime::stop(bad_options(options.error().text));
  if (outcome begun = supervisor::on_start(self); begun.stops()) return begun;
  self_ = &self;
  port_->attach(self);
  engine_ = std::make_unique<stage_engine>(stage_role::consumer, std::move(*options), self.self(),
                                           self.host().nodes(), *port_);
  return engine_->start();
}

// ---- requests ----

// Any process that can subscribe this supervisor to a producer can make it start children.
bool consumer_supervisor::may_subscribe(process& self) const {
  if (self.origin().here() || obeys_peers(self)) return true;
  base::log::warning("supervisor",
                     "{}: a subscription by {} was refused: distribution.allow.supervise does not name this "
                     "supervisor",
                     label(), self.host().nodes().name(self.origin().node));
  return false;
}

native_server::call_answer consumer_supervisor::handle_call(process& self, const message& from,
                                                            const message& request) {
  if (etf::cursor(request.bytes()).read_atom_is("count_children")) return reply(count_children());
  std::string_view name;
  if (!is_stage_request(request.bytes(), name)) return supervisor::handle_call(self, from, request);
  if (name == "$subscribe" && !may_subscribe(self))
    return reply(runtime::error_message(message::atom("not_allowed")));
  message answer;
  auto next = engine_->call(request.bytes(), answer);
  if (!next) return supervisor::handle_call(self, from, request);
  call_answer out{std::nullopt, std::move(*next)};
  if (answer) out.reply = std::move(answer);
  return out;
}

outcome consumer_supervisor::handle_cast(process& self, const message& request) {
  std::string_view name;
  if (self.origin().notice || !is_stage_request(request.bytes(), name))
    return supervisor::handle_cast(self, request);
  if (name == "$subscribe" && !may_subscribe(self)) return runtime::carry_on();
  auto next = engine_->cast(request.bytes());
  return next ? std::move(*next) : supervisor::handle_cast(self, request);
}

outcome consumer_supervisor::handle_info(process& self, const message& m) {
  if (auto next = port_->take_message(*engine_, m))
    return self.exiting() ? runtime::carry_on() : std::move(*next);
  return supervisor::handle_info(self, m);
}

message consumer_supervisor::engine_for_people(process& self) {
  return engine_ == nullptr ? message() : report_of(*engine_, self.now());
}

// A map, as ConsumerSupervisor answers, not a list as a supervisor's.
message consumer_supervisor::count_children() const {
  const std::pair<std::string_view, std::size_t> counts[] = {
      {"active", children().running()}, {"specs", 1}, {"supervisors", 0}, {"workers", children().size()}};
  message_writer out;
  out.map(std::size(counts));
  for (const auto& [name, count] : counts) {
    out.atom(name);
    out.unsigned_integer(count);
  }
  return out.take();
}

// ---- children ----

message consumer_supervisor::args_of(etf::bytes event) const {
  message_writer out(event.size() + 32);
  out.map(1);
  out.atom(event_key);
  out.raw(event);
  return merged_args(out.take().bytes());
}

// Takes the arguments of ConsumerSupervisor's start_child: [] or [Event].
message consumer_supervisor::args_for(etf::bytes extra) const {
  etf::cursor at(extra);
  std::uint32_t length = 0;
  etf::bytes event;
  if (etf::bytes numbers; at.read_string(numbers)) // the event is a small integer
    return numbers.size() == 1 ? args_of(runtime::small_integer(numbers[0])) : message();
  if (!at.read_list(length) || length > 1) return {};
  if (length == 0) return merged_args(etf::empty_map);
  return at.read_term(event) ? args_of(event) : message();
}

outcome consumer_supervisor::start_children(const message& events, const message& party) {
  const std::string tag(tag_of(party));
  const auto list = event_list::of(events);
  std::uint64_t started = 0, failed = 0;
  std::vector<message> all;
  if (list) list->each([&all](message event) { all.push_back(std::move(event)); });
  for (const message& event : all) {
    const launched made = add_from_template(*self_, args_of(event.bytes()));
    if (self_->exiting()) return runtime::stop(runtime::reasons::killed());
    if (!made) report::start_failed(label_of_template(), made.error().reason, made.error().note);
    if (!made || !*made) {
      ++failed;
      continue;
    }
    ++started;
    source_of_.emplace(children().find(*made), tag);
  }
  const auto found = sources_.find(tag);
  if (found == sources_.end()) return runtime::carry_on();
  source& from = found->second;
  if (from.children + started + failed > from.max)
    base::log::error("supervisor", "{}: {} has sent {} events where {} children is the most", label(),
                     runtime::shown(party), started + failed, from.max);
  from.children += started;
  from.ended += failed;
  ask(from);
  return runtime::carry_on();
}

void consumer_supervisor::child_left(const child& gone) {
  const auto origin = source_of_.find(&gone);
  if (origin == source_of_.end()) return;
  const auto found = sources_.find(origin->second);
  source_of_.erase(origin);
  if (found == sources_.end()) return;
  --found->second.children;
  ++found->second.ended;
  ask(found->second);
}

// ---- demand ----

void consumer_supervisor::add_source(const message& options, const message& party) {
  const auto read = read_subscription(options.bytes());
  if (!read) return; // the engine has refused it
  source& fresh = sources_[std::string(tag_of(party))];
  fresh = {party, read->min_demand, read->max_demand, 0, 0};
  engine_->ask(party.bytes(), read->max_demand);
}

void consumer_supervisor::drop_source(const message& party) {
  const auto found = sources_.find(tag_of(party));
  if (found != sources_.end()) sources_.erase(found);
}

void consumer_supervisor::ask(source& of) {
  if (of.ended == 0 || of.ended < of.min) return;
  engine_->ask(of.party.bytes(), std::exchange(of.ended, 0));
}

// ---- its kind ----

namespace {

class consumer_supervisors final : public child_kind {
 public:
  std::string_view name() const override { return "supervisor"; }
  std::string_view behaviour() const override { return consumer_supervisor::shown_as; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<consumer_supervisor>(of.spec, of.shared, of.label, of.above);
  }
  // The only actor is the template's, which is a child below it.
  std::vector<actor_use> actors(const child_spec&) const override { return {}; }
};

} // namespace

std::shared_ptr<const child_kind> consumer_supervisor_kind() {
  static const auto only = std::make_shared<const consumer_supervisors>();
  return only;
}

} // namespace coppice::behaviours
