// SPDX-License-Identifier: MIT
// The implementation of replayed_stage.hpp.
#include "replayed_stage.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace coppice::test {

using behaviours::stage_role;
using runtime::message;
using runtime::outcome;

namespace {

message written(const runtime::reference& one, const runtime::node_names& nodes) {
  runtime::message_writer out;
  runtime::write(out, one, nodes);
  return out.take();
}

// The elements of a tuple. Empty: it is no tuple.
std::vector<etf::bytes> elements(etf::bytes tuple) {
  etf::cursor at(tuple);
  std::uint32_t arity = 0;
  std::vector<etf::bytes> out;
  if (!at.read_tuple(arity)) return out;
  for (etf::bytes each; arity != 0 && at.read_term(each); --arity) out.push_back(each);
  return out;
}

bool is_atom(etf::bytes term, std::string_view name) {
  return etf::cursor(term).read_atom_is(name);
}

} // namespace

replayed_stage::replayed_stage(recorded_names& names, runtime::node_names& nodes, std::string name,
                               std::deque<recorded_line> callbacks, chooser routes)
    : names_(names),
      nodes_(nodes),
      name_(std::move(name)),
      callbacks_(std::move(callbacks)),
      routes_(routes) {}

bool replayed_stage::start(const message& role_and_options) {
  const auto parts = elements(role_and_options.bytes());
  REQUIRE(parts.size() == 2);
  const auto role = is_atom(parts[0], "producer")            ? stage_role::producer
                    : is_atom(parts[0], "producer_consumer") ? stage_role::producer_consumer
                                                             : stage_role::consumer;
  auto options = behaviours::read_stage_options(role, parts[1], behaviours::default_options(role));
  if (!options) return false;
  engine_ = std::make_unique<behaviours::stage_engine>(role, std::move(*options), names_.pid_of(name_),
                                                       nodes_, static_cast<behaviours::stage_port&>(*this));
  end(engine_->start());
  return true;
}

void replayed_stage::receive(const message& m) {
  take(m);
  run();
}

void replayed_stage::run() {
  while (engine_ != nullptr && (later_ || !to_self_.empty())) {
    if (!to_self_.empty()) {
      const message next = std::move(to_self_.front());
      to_self_.pop_front();
      take(next);
    } else {
      later_ = false;
      end(engine_->go_on());
    }
  }
}

void replayed_stage::take(const message& m) {
  if (engine_ == nullptr) return;
  const auto parts = elements(m.bytes());
  if (parts.size() == 3 && is_atom(parts[0], "$gen_call")) return take_call(parts[1], parts[2]);
  if (parts.size() == 2 && is_atom(parts[0], "$gen_cast")) {
    const auto known = engine_->cast(parts[1]);
    return end(known ? *known : follow("handle_cast," + names_.text_of(parts[1])));
  }
  const auto known = engine_->receive(m);
  end(known ? *known : follow("handle_info," + names_.text_of(m.bytes())));
}

void replayed_stage::take_call(etf::bytes from, etf::bytes request) {
  const auto to = elements(from);
  const auto reply = [&](etf::bytes what) {
    const std::string text = "{" + names_.text_of(to[1]) + "," + names_.text_of(what) + "}";
    return text;
  };
  message answered;
  if (const auto known = engine_->call(request, answered)) {
    if (answered) done.push_back("reply " + reply(answered.bytes()));
    return end(*known);
  }
  const auto asked = elements(request);
  if (!asked.empty() && is_atom(asked[0], "ask")) {
    std::uint64_t count = 0;
    etf::cursor(asked[2]).read_unsigned(count);
    CHECK(engine_->ask(asked[1], count));
  } else if (!asked.empty() && is_atom(asked[0], "cancel")) {
    CHECK(engine_->cancel(asked[1], asked[2]));
  } else if (!asked.empty() && is_atom(asked[0], "push_after")) {
    done.push_back("out " + reply(message::atom("ok").bytes()));
  }
  const std::string returns = answer("handle_call," + names_.text_of(request));
  const message term = names_.term_of(returns);
  const auto parts = elements(term.bytes());
  if (is_atom(parts[0], "stop")) {
    done.push_back("reply " + reply(parts[2]));
    return end(runtime::stop(message::copy_of(parts[1])));
  }
  engine_->emit(message::copy_of(parts.back()));
  if (is_atom(parts[0], "reply")) done.push_back("reply " + reply(parts[1]));
}

void replayed_stage::down(const std::string& name, const std::string& whom, const std::string& text) {
  if (engine_ == nullptr) return;
  for (const auto& [mine, watched] : monitors_)
    if (watched == whom && names_.same("#Ref<" + name + ">", names_.text_of(mine.bytes()))) break;
  const message m = names_.term_of(text);
  etf::bytes reference, reason;
  REQUIRE(behaviours::read_down(m.bytes(), reference, reason));
  const auto known = engine_->down(reference, reason);
  CHECK(known.has_value());
  if (known) end(*known);
  run();
}

std::string replayed_stage::answer(const std::string& called) {
  const std::string what = "{" + called + "}";
  done.push_back("callback " + what);
  const std::string name = called.substr(0, called.find(','));
  const bool is_demand = name == "handle_demand"; // may come where the recording has none
  if (callbacks_.empty() || !callbacks_.front().term.starts_with(is_demand ? what : "{" + name)) {
    if (name == "handle_subscribe") return "automatic";
    return name == "format_discarded" ? "true" : "{noreply,[]}";
  }
  const std::string returns = callbacks_.front().returns;
  callbacks_.pop_front();
  return returns;
}

outcome replayed_stage::follow(const std::string& called) {
  const message term = names_.term_of(answer(called));
  const auto parts = elements(term.bytes());
  if (parts.empty()) return runtime::carry_on(); // the atom automatic or manual
  if (is_atom(parts[0], "stop")) return runtime::stop(message::copy_of(parts[1]));
  engine_->emit(message::copy_of(parts[1]));
  return runtime::carry_on();
}

void replayed_stage::end(const outcome& what) {
  if (!what.stops()) return;
  done.push_back("exit " + names_.text_of(what.reason().bytes()));
  engine_ = nullptr;
}

// ---- the port ----

outcome replayed_stage::handle_demand(std::uint64_t count) {
  return follow("handle_demand," + std::to_string(count));
}

outcome replayed_stage::handle_events(const message& events, const message& from) {
  return follow("handle_events," + names_.text_of(events.bytes()) + "," + names_.text_of(from.bytes()));
}

outcome replayed_stage::handle_subscribe(peer what, const message& options, const message& from,
                                         bool& manual) {
  const std::string called = std::string("handle_subscribe,") +
                             (what == peer::producer ? "producer," : "consumer,") +
                             names_.text_of(options.bytes()) + "," + names_.text_of(from.bytes());
  const std::string said = answer(called);
  manual = said == "manual";
  if (!said.starts_with("{")) return runtime::carry_on();
  const message term = names_.term_of(said);
  return runtime::stop(message::copy_of(elements(term.bytes())[1]));
}

outcome replayed_stage::handle_cancel(bool down, const message& reason, const message& from) {
  return follow(std::string("handle_cancel,{") + (down ? "down," : "cancel,") +
                names_.text_of(reason.bytes()) + "}," + names_.text_of(from.bytes()));
}

behaviours::dispatcher::outlet::choice replayed_stage::choose(const message& event,
                                                              std::uint64_t& partition) {
  using choice = behaviours::dispatcher::outlet::choice;
  std::int64_t number = 0;
  if (routes_ == nullptr || !etf::cursor(event.bytes()).read_integer(number)) return choice::by_default;
  const auto chosen = routes_(number);
  if (!chosen) return choice::none;
  partition = *chosen;
  return choice::index;
}

bool replayed_stage::format_discarded(std::uint64_t count) {
  return answer("format_discarded," + std::to_string(count)) == "true";
}

void replayed_stage::send(const runtime::destination&, message m, bool) {
  done.push_back("out " + names_.text_of(m.bytes()));
}

std::vector<behaviours::stage_overload> replayed_stage::send_events(const runtime::pid&,
                                                                    behaviours::subscriber_id, std::uint64_t,
                                                                    message m, std::uint64_t) {
  done.push_back("out " + names_.text_of(m.bytes()));
  return {};
}

void replayed_stage::send_self(message m) {
  done.push_back("between " + names_.text_of(m.bytes()));
  to_self_.push_back(std::move(m));
}

message replayed_stage::monitor(const runtime::destination& to) {
  message made = written(names_.make_reference(), nodes_);
  runtime::message_writer whom;
  runtime::write(whom, to.process(), nodes_);
  monitors_.emplace_back(made, names_.text_of(whom.take().bytes()));
  return made;
}

void replayed_stage::demonitor(const message& reference) {
  std::erase_if(monitors_, [&reference](const auto& one) { return one.first == reference; });
}

message replayed_stage::make_reference() {
  return written(names_.make_reference(), nodes_);
}

std::optional<runtime::destination> replayed_stage::find(etf::bytes name) {
  etf::cursor at(name);
  if (const auto pid = runtime::read_pid(at, nodes_)) return *pid;
  std::string_view text;
  if (!at.read_atom(text) || !names_.has_pid(std::string(text))) return std::nullopt;
  return names_.pid_of(std::string(text));
}

} // namespace coppice::test
