// SPDX-License-Identifier: MIT
// The calls and casts of a saga: from its users, {start, …}, {outcome, Tx}, {subscribe, Tx}, {cancel, Tx,
// Reason}, and from other sagas, {saga_…, Key, …}. The terms may be anything. In the process's own turn.
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/log_counted.hpp"
#include "base/random.hpp"
#include "behaviours/gen/report_fields.hpp"
#include "behaviours/saga/saga_engine.hpp"
#include "behaviours/saga/saga_words.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;

namespace {

constexpr std::size_t most_shown = 100; // open units in a report
constexpr std::size_t most_listed = 1000;
constexpr std::size_t most_steps_shown = 1000;                  // of one transaction
constexpr std::size_t most_of_answer = 200;                     // bytes of its text
constexpr std::size_t most_beside_value = std::size_t{1} << 20; // bytes of a step's key, or of options
// Bytes of a caller's address, which is kept until the answer. The caller chooses its tag.
constexpr std::size_t longest_caller = 4096;
constexpr std::string_view look_word = "$coppice_saga_look";
constexpr std::string_view resolve_word = "$coppice_saga_resolve";
constexpr std::array<std::string_view, 4> wanted_words{"all", "in_doubt", "parked",
                                                       "overdue"}; // by wanted_units
constexpr std::uint64_t longest_lifespan_ms = std::uint64_t{1} << 40;

std::string drawn_id() {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(base::random_u64()),
                static_cast<unsigned long long>(base::random_u64()));
  return text.data();
}

// A text, or an atom.
bool read_id(etf::cursor& at, std::string& into) {
  std::string_view word;
  if (!at.read_atom(word)) return at.read_text(into);
  into = word;
  return true;
}

// Tx, and nothing behind it. False: it is no id.
bool read_tx(etf::cursor& at, std::string& into) {
  return read_id(at, into) && saga::is_sound(into);
}

message no_tx() {
  return gen::refusal("Tx is the id of a transaction, a text of 1 to 255 bytes");
}

// The id and the lifespan of {start, Value, Options}. Returns what is wrong with them. Empty: nothing.
std::string read_options(etf::cursor& at, saga::start_request& into) {
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs)) return "the options of a start are a map";
  for (std::uint32_t i = 0; i < pairs; ++i) {
    std::string_view key;
    if (!at.read_atom(key)) return "the options of a start are id and lifespan";
    if (key == "id") {
      if (!read_tx(at, into.tx)) return "id is a text of 1 to 255 bytes";
    } else if (key == "lifespan") {
      std::uint64_t ms = 0;
      if (!at.read_unsigned(ms) || ms == 0 || ms > longest_lifespan_ms)
        return "lifespan is a number of milliseconds above 0";
      into.lifespan = static_cast<base::nanos>(ms) * base::nanos_per_ms;
    } else {
      return "the options of a start are id and lifespan";
    }
  }
  return {};
}

} // namespace

std::optional<outcome> saga_engine::take_call(const message& whole, etf::bytes from, etf::bytes request) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view word;
  if (!at.read_tuple(arity) || !at.read_atom(word)) return std::nullopt;
  const bool looks = word == look_word && arity == 3, resolves = word == resolve_word && arity == 3;
  if ((looks && !self_.origin().here()) || (resolves && !self_.origin().notice)) {
    gen::reply(self_, from, runtime::error_message(message::atom("not_allowed")));
    return runtime::carry_on();
  }
  if (looks) {
    gen::reply(self_, from, look(at));
    return runtime::carry_on();
  }
  if (turned_away(from, word, request.size())) return runtime::carry_on();
  if (resolves) {
    resolve(whole.slice(from), at);
    return carry_out();
  }
  if (word == "start" && (arity == 2 || arity == 3)) {
    if (!may_ask()) {
      gen::reply(self_, from, runtime::error_message(message::atom("not_allowed")));
      return runtime::carry_on();
    }
    if (!start(whole.slice(from), at, arity)) return runtime::carry_on();
    return carry_out();
  }
  if (word == "outcome" && arity == 2) {
    std::string tx;
    gen::reply(self_, from, read_tx(at, tx) ? outcome_term(core_->outcome_of(tx)) : no_tx());
    return runtime::carry_on();
  }
  if (word == "subscribe" && arity == 2) {
    gen::reply(self_, from, subscribe(from, at));
    return runtime::carry_on();
  }
  if (word == "cancel" && arity == 3) {
    cancel(whole.slice(from), at);
    return carry_out();
  }
  if (!word.starts_with("saga_")) return std::nullopt;
  take_request(whole.slice(from), request);
  return carry_out();
}

// Whether the sender may start transactions, and its steps are taken. This node always may.
bool saga_engine::may_ask() const {
  return self_.origin().here() || takes_steps_of(settings_, origin_node());
}

// False: the start is refused.
bool saga_engine::start(const message& from, etf::cursor words, std::uint32_t arity) {
  saga::start_request asked;
  etf::bytes value;
  if (!words.read_term(value)) return false;
  if (arity == 3)
    if (const std::string wrong = read_options(words, asked); !wrong.empty()) {
      gen::reply(self_, from, gen::refusal(wrong));
      return false;
    }
  if (asked.tx.empty()) asked.tx = drawn_id();
  asked.value = term_from(value);
  const std::uint64_t token = ++last_client_;
  clients_[token] = {from.compact(), asked.tx};
  const std::uint64_t before = core_->counted().over_share;
  core_->begin(now(), token, origin_node(), std::move(asked), effects_);
  if (core_->counted().over_share != before) log_share();
  return true;
}

// Logged because the answer to the caller is that of an overloaded saga, while this saga may have room for
// other nodes.
void saga_engine::log_share() const {
  base::log::counted(base::log::level::warning, "saga", settings_.core.self.name(),
                     "{}: takes no more of the node {} for now: one other node has at most three quarters of "
                     "max_transactions, answers.count, limits.in_doubt and the {} bytes that all sagas of "
                     "this node have open for others",
                     settings_.core.self.name(), origin_node(), settings_.core.max_bytes_for_others);
}

void saga_engine::cancel(const message& from, etf::cursor words) {
  std::string tx;
  etf::bytes why;
  if (!read_tx(words, tx) || !words.read_term(why)) {
    gen::reply(self_, from, no_tx());
    return;
  }
  if (why.size() > settings_.core.max_value) {
    gen::reply(self_, from, runtime::error_message(message::atom("limit")));
    return;
  }
  const std::uint64_t token = ++last_client_;
  clients_[token] = {from.compact(), tx};
  core_->cancel(now(), token, origin_node(), tx, term_from(why), effects_);
}

// Behind the word: commit or abort, then the transaction's id.
void saga_engine::resolve(const message& from, etf::cursor words) {
  std::string_view how;
  std::string tx;
  if (!words.read_atom(how) || (how != "commit" && how != "abort") || !read_tx(words, tx)) {
    gen::reply(self_, from, runtime::error_message(message::atom("badarg")));
    return;
  }
  const std::uint64_t token = ++last_client_;
  clients_[token] = {from.compact(), tx};
  core_->resolve(now(), token, tx, how == "commit", effects_);
}

bool saga_engine::is_too_long(std::size_t request) const {
  return request > settings_.core.max_value + most_beside_value;
}

bool saga_engine::turned_away(etf::bytes from, std::string_view word, std::size_t size) {
  const bool requests = word.starts_with("saga_");
  const bool changes = word == "start" || word == "cancel" || word == resolve_word || requests;
  if (!changes && word != "outcome" && word != "subscribe") return false;
  if (stopped_) {
    gen::reply(self_, from, stopped_answer(requests));
    return true;
  }
  // A request that is too long is not read, since reading it takes one turn.
  if (is_too_long(size) || from.size() > longest_caller) {
    gen::reply(self_, from, runtime::error_message(message::atom("limit")));
    return true;
  }
  if (!changes || !is_overloaded()) return false;
  message_writer out;
  out.tuple(2);
  out.atom(requests ? "busy" : "error");
  out.atom("overloaded");
  gen::reply(self_, from, out.take());
  return true;
}

// The outcome of a transaction that is over is told at once.
message saga_engine::subscribe(etf::bytes from, etf::cursor words) {
  std::string tx;
  if (!read_tx(words, tx)) return no_tx();
  etf::cursor at(from);
  const auto who = at.read_tuple_of(2) ? runtime::read_pid(at, self_.host().nodes()) : std::nullopt;
  // Later messages to the subscriber are this process's own, so another node may name only its own processes.
  if (!who || who->node != self_.origin().node) return gen::refusal("a subscriber calls as a process");
  const saga::outcome known = core_->outcome_of(tx);
  if (known.what == saga::outcome_kind::unknown) return runtime::error_message(message::atom("unknown"));
  if (known.what != saga::outcome_kind::open) {
    message_writer out(known.value.encoded.size() + tx.size() + 64);
    out.tuple(3);
    out.atom("saga");
    out.binary(std::string_view(tx));
    out.raw(outcome_term(known).bytes());
    self_.send(*who, out.take(), {.waits = false});
    return message::atom("ok");
  }
  return subscribers_.add(tx, *who) ? message::atom("ok")
                                    : runtime::error_message(message::atom("overloaded"));
}

// A request of a coordinator. Its answer is the core's reply, which may come much later.
void saga_engine::take_request(const message& from, etf::bytes request) {
  auto read = saga::decode_message(bytes_of(request));
  auto* const what = read ? std::get_if<saga::request>(&*read) : nullptr;
  if (what == nullptr) {
    gen::reply(self_, from,
               gen::refusal(read ? "a saga's answers, questions and interim values are no calls"
                                 : read.error().text));
    return;
  }
  const std::string node = origin_node();
  // A step that was taken before goes on, whatever the patterns are now.
  if (what->what == saga::request_kind::perform && !may_ask() && !core_->knows(what->key)) {
    gen::reply(self_, from,
               saga_answer({what->what, saga::answer_kind::error, what->key, saga::reason("not_allowed")},
                           what->kind));
    return;
  }
  const saga::address& coordinator = what->key.step.path.back().saga;
  // The core drops every request with a key that belongs to another node.
  const bool may = coordinator.node() == node;
  const saga::commit_kind kind = what->kind;
  const saga_callers::place place(what->key, what->what);
  const saga::counters before = core_->counted();
  core_->receive(now(), {{coordinator.name(), node}, settings_.core.self, std::move(*what)}, effects_);
  if (core_->counted().over_share != before.over_share) log_share();
  if (!may || core_->counted().dropped != before.dropped) return; // it has no answer
  if (keep_caller(place, from, kind)) return;
  // The request counts all the same; its coordinator asks again for the answer.
  saga::reply busy{place.second, saga::answer_kind::busy, place.first, saga::reason("overloaded")};
  gen::reply(self_, from, saga_answer(busy, kind));
}

std::optional<outcome> saga_engine::take_cast(etf::bytes request) {
  etf::cursor at(request);
  if (!at.read_tuple_of(3) || !at.read_atom_is("saga")) return std::nullopt;
  if (is_too_long(request.size())) return runtime::carry_on();
  auto read = read_envelope(request);
  if (!read) return std::nullopt;
  if (!*read || stopped_ || is_overloaded()) return runtime::carry_on();
  auto& [name, body] = **read;
  if (std::holds_alternative<saga::question>(body) || std::holds_alternative<saga::interim_message>(body))
    core_->receive(now(), {{name, origin_node()}, settings_.core.self, std::move(body)}, effects_);
  return carry_out();
}

// ---- for people ----

namespace {

void show(message_writer& out, const saga::open_unit& one) {
  out.map(7);
  out.atom("tx");
  out.binary(std::string_view(one.tx));
  report::number(out, "depth", one.depth);
  out.atom("state");
  out.atom(one.state);
  report::flag(out, "in_doubt", one.in_doubt);
  report::flag(out, "parked", one.parked);
  report::number(out, "left_ms", static_cast<std::uint64_t>(one.left / base::nanos_per_ms));
  out.atom("waits_for");
  if (!one.waits.empty()) out.list(static_cast<std::uint32_t>(one.waits.size()));
  for (const saga::address& whom : one.waits) out.binary(std::string_view(whom.name() + "@" + whom.node()));
  out.nil();
}

void show_list(message_writer& out, const std::vector<saga::open_unit>& all) {
  out.atom("transactions");
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const saga::open_unit& one : all) show(out, one);
  out.nil();
}

void show_answer(message_writer& out, const saga::term& answer) {
  report::text(
      out, "answer",
      answer.encoded.empty() ? std::string() : runtime::shown(bytes_of(answer.encoded), most_of_answer));
}

// `worker`: where the callback of the step that waits for its answer runs. Empty: in no worker.
void show(message_writer& out, std::size_t number, const saga::shown_unit& one, const std::string& worker) {
  out.map(11);
  report::number(out, "part", number);
  report::number(out, "depth", one.open.depth);
  report::text(out, "from", one.from);
  out.atom("state");
  out.atom(one.open.state);
  report::number(out, "attempt", one.attempt);
  report::flag(out, "in_doubt", one.open.in_doubt);
  report::flag(out, "parked", one.open.parked);
  report::flag(out, "heuristic", one.heuristic);
  report::text(out, "worker", worker);
  report::number(out, "left_ms", static_cast<std::uint64_t>(one.open.left / base::nanos_per_ms));
  show_answer(out, one.answer);
}

void show(message_writer& out, std::size_t part, const saga::shown_step& one) {
  out.map(12);
  report::number(out, "part", part);
  report::number(out, "step", one.number);
  report::number(out, "group", one.group);
  report::text(out, "to", one.to.name() + "@" + one.to.node());
  out.atom("state");
  out.atom(one.state);
  report::text(out, "pending", one.pending);
  report::number(out, "attempts", one.attempts);
  report::number(out, "sent", one.sent);
  report::number(out, "next_ms", static_cast<std::uint64_t>(one.next / base::nanos_per_ms));
  report::flag(out, "parked", one.parked);
  report::flag(out, "skipped", one.skipped);
  show_answer(out, one.answer);
}

message operators_request(std::string_view word, std::string_view what, std::string_view of) {
  message_writer out;
  out.tuple(3);
  out.atom(word);
  out.atom(what);
  out.binary(of);
  return out.take();
}

} // namespace

message saga_engine::list_request(saga::wanted_units which) {
  return operators_request(look_word, "list", wanted_words[static_cast<std::size_t>(which)]);
}

message saga_engine::show_request(std::string_view tx) {
  return operators_request(look_word, "show", tx);
}

message saga_engine::resolve_request(std::string_view tx, bool commit) {
  return operators_request(resolve_word, commit ? "commit" : "abort", tx);
}

// Behind the word: list or show, then a binary.
message saga_engine::look(etf::cursor words) const {
  std::string_view what;
  std::string of;
  if (!words.read_atom(what) || !words.read_text(of)) return runtime::error_message(message::atom("badarg"));
  core_->note_time(now());
  if (what == "show") return shown(of);
  const auto* const which = std::ranges::find(wanted_words, of);
  if (which == wanted_words.end()) return runtime::error_message(message::atom("badarg"));
  return listed(static_cast<saga::wanted_units>(which - wanted_words.begin()));
}

// {report, #{log, transactions}}
message saga_engine::listed(saga::wanted_units which) const {
  message_writer out(512);
  out.tuple(2);
  out.atom("report");
  out.map(2);
  out.atom("log");
  out.atom(settings_.durable ? "durable" : "volatile");
  show_list(out, core_->open_units(most_listed, which));
  return out.take();
}

// {report, #{tx, log, outcome, parts, steps}}
message saga_engine::shown(const std::string& tx) const {
  const saga::outcome known = core_->outcome_of(tx);
  const std::vector<saga::shown_unit> parts = core_->units_of(tx, most_shown, most_steps_shown);
  if (parts.empty() && known.what == saga::outcome_kind::unknown)
    return runtime::error_message(message::atom("unknown_transaction"));
  std::size_t steps = 0;
  for (const saga::shown_unit& one : parts) steps += one.steps.size();
  message_writer out(1024);
  out.tuple(2);
  out.atom("report");
  out.map(5);
  report::text(out, "tx", tx);
  out.atom("log");
  out.atom(settings_.durable ? "durable" : "volatile");
  report::text(out, "outcome", runtime::shown(outcome_term(known).bytes(), most_of_answer));
  out.atom("parts");
  if (!parts.empty()) out.list(static_cast<std::uint32_t>(parts.size()));
  for (std::size_t i = 0; i < parts.size(); ++i)
    show(out, i + 1, parts[i], workers_ == nullptr ? "" : workers_->place_of(parts[i].calling));
  out.nil();
  out.atom("steps");
  if (steps != 0) out.list(static_cast<std::uint32_t>(steps));
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (const saga::shown_step& one : parts[i].steps) show(out, i + 1, one);
  out.nil();
  return out.take();
}

message saga_engine::report() const {
  const saga::counters& counted = core_->counted();
  constexpr std::array<std::string_view, saga::drop_reasons> reasons{"receiver", "origin", "malformed",
                                                                     "stale", "impossible"};
  message_writer out(512);
  out.map(workers_ == nullptr ? 21 : 22);
  out.atom("commit");
  out.atom(settings_.core.commit == saga::commit_kind::two_phase ? "two_phase" : "compensate");
  out.atom("log");
  out.atom(settings_.durable ? "durable" : "volatile");
  out.atom("stopped"); // false, or why
  if (stopped_)
    out.binary(std::string_view(*stopped_));
  else
    out.atom("false");
  report::flag(out, "overloaded", is_overloaded());
  report::number(out, "open", core_->open());
  report::number(out, "steps", core_->entries());
  report::number(out, "in_doubt", core_->in_doubt());
  report::number(out, "parked", core_->parked());
  report::number(out, "held", held_.size());
  report::number(out, "started", counted.started);
  report::number(out, "refused", counted.refused);
  report::number(out, "committed", counted.committed);
  report::number(out, "compensated", counted.compensated);
  report::number(out, "aborted", counted.aborted);
  report::number(out, "undo_failures", counted.undo_failures);
  report::number(out, "asked_again", counted.asked_again);
  report::number(out, "kept_answers", counted.kept_answers);
  report::number(out, "heuristic", counted.heuristic);
  report::number(out, "heuristic_mismatch", counted.heuristic_mismatch);
  out.atom("dropped");
  out.map(static_cast<std::uint32_t>(reasons.size()));
  for (std::size_t i = 0; i < reasons.size(); ++i) report::number(out, reasons[i], counted.dropped[i]);
  if (workers_ != nullptr) {
    out.atom("workers");
    workers_->write_report(out, most_shown);
  }
  // The first ones: the oldest may be stuck.
  core_->note_time(now());
  show_list(out, core_->open_units(most_shown));
  return out.take();
}

} // namespace coppice::behaviours
