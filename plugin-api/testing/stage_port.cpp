// SPDX-License-Identifier: MIT
// The callbacks of a stage under test, and the sides of its subscriptions that the test plays. In the test's
// thread.
#include "stage_port.hpp"

#include <algorithm>
#include <utility>

#include "behaviours.hpp"
#include "behaviours/gen/destination_term.hpp"

namespace coppice::testing::detail {

using behaviours::stage_role;
using runtime::destination;
using runtime::message;
using runtime::outcome;

namespace {

runtime::pid pid_of(const value& term, runtime::node_names& names) {
  etf::cursor at(term.bytes());
  return runtime::read_pid(at, names).value_or(runtime::pid{});
}

value term_of(const message& m) {
  return value::of(m.bytes());
}

// The options that the role starts with, then the configuration's, then init's.
base::result<behaviours::stage_options> all_options(stage_role role, const value& configured,
                                                    const std::vector<value>& said) {
  base::result<behaviours::stage_options> out = behaviours::default_options(role);
  if (configured) out = behaviours::read_stage_options(role, configured.bytes(), std::move(*out));
  for (const value& each : said)
    if (out) out = behaviours::read_stage_options(role, each.bytes(), std::move(*out));
  return out;
}

} // namespace

message stage_message(std::string_view to, const staged_link& from, const value& what) {
  return message::copy_of(
      value(std::tuple(etf::atom{to}, std::pair(from.pid.term(), from.tag.term()), what.term())).bytes());
}

staged_port::staged_port(world& of)
    : world_(&of),
      role_(behaviours::role_of(of.type->behaviour)),
      options_(behaviours::default_options(role_)),
      names_(of.others.node()) {
  carried_to(&of);
}

void staged_port::carried_to(world* next) {
  world_ = next;
  if (next != nullptr) on_ = table_of<coppice_stage>(*next->type, COPPICE_STAGE_DRAFT_2);
}

behaviours::stage_engine& staged_port::made() {
  if (engine_ != nullptr) return *engine_;
  const bool subscribes = !options_.subscribe_to.empty();
  engine_ =
      std::make_unique<behaviours::stage_engine>(role_, std::move(options_), pid_of(world_->self, names_),
                                                 names_, static_cast<behaviours::stage_port&>(*this));
  if (subscribes) steps_.emplace_front([](behaviours::stage_engine& of) { return of.start(); });
  return *engine_;
}

std::optional<std::string> staged_port::configure(const value& options, bool in_init) {
  if (has_engine()) return "a stage is configured before it has a peer or emits events";
  if (in_init) said_.push_back(options);
  auto read = all_options(role_, in_init ? value() : options, said_);
  if (!read) return read.error().text;
  if (read->dispatcher.what == behaviours::dispatcher_options::kind::callback && on_.choose == nullptr)
    return "the dispatcher `callback` needs a callback choose";
  options_ = std::move(*read);
  return std::nullopt;
}

// ---- the stage's turns ----

void staged_port::add(step what) {
  steps_.push_back(std::move(what));
}

void staged_port::add_message(message m) {
  add([this, m = std::move(m)](behaviours::stage_engine& of) {
    auto next = of.receive(m);
    if (!next) deliver(*world_, world_->self, term_of(m), false);
    return next;
  });
}

void staged_port::add_cast(message request) {
  add([request = std::move(request)](behaviours::stage_engine& of) { return of.cast(request.bytes()); });
}

std::optional<engine::call> staged_port::next() {
  if (!has_engine() && steps_.empty() && options_.subscribe_to.empty()) return std::nullopt;
  behaviours::stage_engine& runs = made();
  const auto due = std::ranges::find_if(later_, [this](const later& one) { return one.due <= world_->now; });
  if (due != later_.end()) {
    add([which = due->which](behaviours::stage_engine& of) { return of.subscribe_again(which); });
    later_.erase(due);
  }
  if (steps_.empty()) return std::nullopt;
  step now = std::move(steps_.front());
  steps_.pop_front();
  return engine::call{
      "stage", [this, &runs, now = std::move(now)](coppice_actor*, void*) { return status_of(now(runs)); }};
}

nanoseconds staged_port::due() const {
  nanoseconds first = nanoseconds::max();
  for (const later& each : later_) first = std::min(first, each.due);
  return first;
}

std::int32_t staged_port::status_of(const std::optional<outcome>& what) {
  if (!what || !what->stops() || world_->dead) return COPPICE_OK;
  world_->error_reason = term_of(what->reason());
  return COPPICE_STOP;
}

// ---- callbacks ----

outcome staged_port::after(const char* name, const callback& make) {
  const std::int32_t status = world_->run(name, make);
  world_->follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  return world_->dead ? runtime::stop(message::copy_of(world_->reason.bytes())) : runtime::carry_on();
}

outcome staged_port::handle_demand(std::uint64_t count) {
  return after("handle_demand", [&](coppice_actor* self, void* state) {
    return on_.handle_demand == nullptr ? COPPICE_OK : on_.handle_demand(self, state, count);
  });
}

outcome staged_port::handle_events(const message& events, const message& from) {
  return after("handle_events", [&](coppice_actor* self, void* state) {
    const lent list(term_of(events));
    const lent party(term_of(from));
    return on_.handle_events == nullptr ? COPPICE_OK
                                        : on_.handle_events(self, state, list.get(), party.bytes());
  });
}

outcome staged_port::handle_subscribe(peer what, const message& options, const message& from, bool& manual) {
  const std::uint32_t side = what == peer::producer ? COPPICE_STAGE_PRODUCER : COPPICE_STAGE_CONSUMER;
  return after("handle_subscribe", [&](coppice_actor* self, void* state) {
    const lent given(term_of(options));
    const lent party(term_of(from));
    const std::int32_t status = on_.handle_subscribe == nullptr
                                    ? COPPICE_OK
                                    : on_.handle_subscribe(self, state, side, given.get(), party.bytes());
    manual = status == COPPICE_STAGE_MANUAL && what == peer::producer;
    return manual ? COPPICE_OK : status;
  });
}

outcome staged_port::handle_cancel(bool down, const message& reason, const message& from) {
  const std::uint32_t how = down ? COPPICE_STAGE_DOWN : COPPICE_STAGE_CANCEL;
  return after("handle_cancel", [&](coppice_actor* self, void* state) {
    const lent why(term_of(reason));
    const lent party(term_of(from));
    return on_.handle_cancel == nullptr ? COPPICE_OK
                                        : on_.handle_cancel(self, state, how, why.get(), party.bytes());
  });
}

std::int32_t staged_port::decide(const char* name, std::string_view then, const callback& make) {
  std::string outer_text = std::exchange(world_->error_text, {});
  value outer_reason = std::exchange(world_->error_reason, {});
  const std::int32_t status = world_->run(name, make);
  if (status != COPPICE_OK && status != COPPICE_STAGE_NONE && status != COPPICE_STAGE_BY_HASH)
    tell(level::warning, std::string(name) + " of " + world_->type->name +
                             " failed: " + show(stop_reason(*world_, status).bytes()) + std::string(then));
  world_->error_text = std::move(outer_text);
  world_->error_reason = std::move(outer_reason);
  return status;
}

behaviours::dispatcher::outlet::choice staged_port::choose(const message& event, std::uint64_t& partition) {
  using choice = behaviours::dispatcher::outlet::choice;
  if (on_.choose == nullptr) return choice::by_default;
  const std::int32_t status =
      decide("choose", ": an event goes nowhere", [&](coppice_actor* self, void* state) {
        const lent given(term_of(event));
        return on_.choose(self, state, given.get(), &partition);
      });
  if (status == COPPICE_OK) return choice::index;
  return status == COPPICE_STAGE_BY_HASH ? choice::by_default : choice::none;
}

bool staged_port::format_discarded(std::uint64_t count) {
  if (on_.format_discarded == nullptr) return true;
  return decide("format_discarded", {}, [&](coppice_actor* self, void* state) {
           return on_.format_discarded(self, state, count);
         }) != COPPICE_STAGE_NONE;
}

// ---- the other sides of subscriptions ----

shared_link staged_port::open_link(bool of_consumer, etf::bytes tag) const {
  const value wanted = value::of(tag);
  const auto found = std::ranges::find_if(links, [&](const shared_link& one) {
    return one->open && one->of_consumer == of_consumer && one->tag == wanted;
  });
  return found == links.end() ? nullptr : *found;
}

void staged_port::send(const destination& to, message m, bool) {
  etf::cursor at(m.bytes());
  etf::bytes tag;
  std::uint32_t arity = 0;
  const bool for_consumer = at.read_tuple_of(3) && at.read_atom_is("$gen_consumer");
  if (!for_consumer && !at.read_atom_is("$gen_producer")) return;
  if (!at.read_tuple_of(2) || !at.skip() || !at.read_term(tag) || !at.read_tuple(arity)) return;
  if (arity == 3) {
    etf::bytes instead_of;
    if (at.read_atom_is("subscribe") && at.read_term(instead_of)) subscribes(to, tag, instead_of, at.rest());
    return;
  }
  std::uint64_t count = 0;
  if (at.read_atom_is("ask") && at.read_unsigned(count)) {
    if (const shared_link producer = open_link(false, tag)) producer->asks.push_back(count);
  } else if (at.read_atom_is("cancel")) {
    const value reason = value::of(at.rest());
    if (!for_consumer) {
      if (const shared_link producer = open_link(false, tag)) cancels(*producer, reason);
      return;
    }
    // A second subscription with one tag is refused, while the first one stays open.
    for (const shared_link& each : links)
      if (each->of_consumer && !each->cancelled && destination(pid_of(each->pid, names_)) == to) {
        each->open = false;
        each->cancelled = reason;
      }
  }
}

void staged_port::cancels(staged_link& producer, const value& reason) {
  producer.cancelled = reason;
  add_message(stage_message("$gen_consumer", producer, std::pair(etf::atom{"cancel"}, reason.term())));
}

void staged_port::subscribes(const destination& to, etf::bytes tag, etf::bytes instead_of,
                             etf::bytes options) {
  const auto known = std::ranges::find(found_, to, &std::pair<destination, value>::first);
  const shared_link one = std::make_shared<staged_link>();
  one->of_consumer = false;
  one->to = known == found_.end() ? value() : known->second;
  if (to.what() == destination::kind::process) {
    runtime::message_writer pid;
    runtime::write(pid, to.process(), names_);
    one->pid = term_of(pid.take());
  } else {
    one->pid = fresh_pid("peer@localhost");
  }
  one->tag = value::of(tag);
  one->party =
      std::pair(to.what() == destination::kind::process ? one->pid.term() : one->to.term(), one->tag.term());
  one->options = value::of(options);
  etf::bytes old;
  etf::bytes reason;
  if (behaviours::read_current(instead_of, old, reason)) {
    // The producer ends the former subscription, so it must be the same producer.
    const shared_link former = open_link(false, old);
    if (former && former->to == one->to) cancels(*former, value::of(reason));
  }
  links.push_back(one);
}

std::vector<behaviours::stage_overload> staged_port::send_events(const runtime::pid& to,
                                                                 behaviours::subscriber_id, std::uint64_t,
                                                                 message m, std::uint64_t) {
  etf::cursor at(m.bytes());
  etf::bytes tag;
  if (!at.read_tuple_of(3) || !at.skip() || !at.read_tuple_of(2) || !at.skip() || !at.read_term(tag))
    return {};
  const shared_link consumer = open_link(true, tag);
  const auto events = behaviours::event_list::of(m.slice(at.rest()));
  if (!consumer || !events || pid_of(consumer->pid, names_) != to) return {};
  consumer->received += events->count();
  events->each([&](const message& event) { consumer->events.push_back(term_of(event)); });
  return {};
}

void staged_port::send_self(message m) {
  add_message(std::move(m));
}

message staged_port::monitor(const destination& to) {
  const value reference = fresh_reference(world_->others.node());
  for (const shared_link& each : links)
    if (each->of_consumer && each->open && destination(pid_of(each->pid, names_)) == to)
      monitors_.emplace_back(reference, each);
  return message::copy_of(reference.bytes());
}

void staged_port::demonitor(const message& reference) {
  const value of = term_of(reference);
  if (const shared_link producer = open_link(false, reference.bytes())) producer->open = false;
  for (const auto& [monitor, consumer] : monitors_)
    if (monitor == of) consumer->open = false;
  std::erase_if(monitors_, [&of](const auto& one) { return one.first == of; });
}

value staged_port::monitor_of(const staged_link& one) const {
  if (!one.of_consumer) return one.tag;
  const auto found =
      std::ranges::find_if(monitors_, [&](const auto& each) { return each.second.get() == &one; });
  return found == monitors_.end() ? value() : found->first;
}

message staged_port::make_reference() {
  return message::copy_of(fresh_reference(world_->others.node()).bytes());
}

std::optional<destination> staged_port::find(etf::bytes name) {
  const value term = value::of(name);
  const auto known = std::ranges::find(found_, term, &std::pair<destination, value>::second);
  if (known != found_.end()) return known->first;
  auto read = behaviours::read_destination(name, names_);
  if (!read) return std::nullopt;
  if (read->what() == destination::kind::name) // of a process of the test
    read = pid_of(fresh_pid(world_->others.node()), names_);
  if (std::ranges::find(found_, *read, &std::pair<destination, value>::first) == found_.end())
    found_.emplace_back(*read, term);
  return read;
}

// ---- the rest of a process ----

void staged_port::go_on_later() {
  add([](behaviours::stage_engine& of) { return of.go_on(); });
}

void staged_port::subscribe_later(std::size_t which, base::nanos delay) {
  later_.push_back({world_->now + nanoseconds(delay), which});
}

void staged_port::tell(level how, std::string text) {
  const auto as = how == level::error     ? COPPICE_LOG_ERROR
                  : how == level::warning ? COPPICE_LOG_WARNING
                                          : COPPICE_LOG_INFO;
  world_->did.logs.push_back({as, std::move(text), {}});
}

base::nanos staged_port::now() {
  return world_->now.count();
}

} // namespace coppice::testing::detail
