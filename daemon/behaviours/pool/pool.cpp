// SPDX-License-Identifier: MIT
// See pool.hpp. The pool passes every request to a worker by process::ask(): calls as calls, other messages
// as messages that are acknowledged. So all of them count among the requests that the worker holds. Messages
// of the pool's supervisor come as notices, which no other process can send.
#include "behaviours/pool/pool.hpp"

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/unique_keys.hpp>

#include "base/log.hpp"
#include "behaviours/supervision/child_spec_term.hpp"
#include "runtime/crash_notes.hpp"
#include "runtime/kept_messages.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view resize_tag = "$coppice_pool_resize";

message error_answer(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

// {worker_down, Reason}
message worker_down_reason(const message& reason) {
  message_writer out(reason.size() + 32);
  out.tuple(2);
  out.atom("worker_down");
  out.raw(reason.bytes());
  return out.take();
}

} // namespace

message pool::resize_request(std::uint32_t size) {
  message_writer out;
  out.tuple(2);
  out.atom(resize_tag);
  out.unsigned_integer(size);
  return out.take();
}

pool::pool(pool_order by, std::shared_ptr<const supervision> shared, std::string label, unsigned above)
    : by_(std::move(by)),
      shared_(std::move(shared)),
      policies_(shared_->resources.find<pool_policies>()),
      label_(std::move(label)),
      above_(above),
      dispatcher_(*by_.options, static_cast<std::uint32_t>(workers().children.size())),
      least_(dispatcher_.size()) {}

pool::~pool() = default;

outcome pool::init(process& self) {
  self.trap_exit(true);
  self.use_reserved_stacks();
  began_ = self.now();
  runtime::spawn_options options;
  options.label = label_;
  options.link = true;
  options.priority = by_.child->priority;
  auto started = gen::start(
      self, std::move(options),
      std::make_unique<supervisor>(by_.child->supervisor, shared_, label_, above_ + 1, self.self()));
  if (!started) {
    using kind = gen::start_error::kind;
    if (started.error().what == kind::init) return runtime::stop(started.error().reason);
    return runtime::stop(started.error().what == kind::exiting ? runtime::reasons::killed()
                                                               : gen::system_limit());
  }
  supervisor_ = *started;
  if (auto* const board = shared_->resources.find<metrics::board>())
    on_board_ = board->enter({{"pool", label_}}, counters_);
  publish(self);
  return runtime::carry_on();
}

// The pool's supervisor stops the workers within their limits.
void pool::terminate(process& self, const message&) {
  if (!supervisor_) return;
  const runtime::reference ended = self.monitor(supervisor_, true);
  self.exit(supervisor_, runtime::reasons::shutdown());
  (void)self.await(ended);
}

outcome pool::receive_call(process& self, const runtime::call_id& call, message request) {
  if (!takes_calls()) [[unlikely]]
    return behaviour::receive_call(self, call, std::move(request));
  pool_caller caller{call, {}, true, call.ref().is_of_client()};
  if (take_own_call(self, caller, request)) return runtime::carry_on();
  const etf::bytes bytes = request.bytes();
  pool_request one;
  one.caller = std::move(caller);
  one.body = std::move(request);
  submit(self, std::move(one), bytes);
  return runtime::carry_on();
}

outcome pool::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  pool_caller caller{{}, whole.slice(from).compact(), false};
  const auto reference = gen::call_reference(self, from);
  caller.watches = reference && self.caller(*reference);
  caller.of_client = reference && reference->is_of_client();
  const message body = whole.slice(request);
  if (take_own_call(self, caller, body)) return runtime::carry_on();
  pool_request one;
  one.caller = std::move(caller);
  one.body = body.compact();
  submit(self, std::move(one), request);
  return runtime::carry_on();
}

outcome pool::take_cast(process& self, const message& whole, etf::bytes request) {
  pool_request one;
  one.body = whole;
  submit(self, std::move(one), request);
  return runtime::carry_on();
}

outcome pool::take_info(process& self, const message& m) {
  if (gen::exit_notice exit; gen::read_exit(self, m, exit)) {
    if (exit.from != supervisor_) return runtime::carry_on();
    supervisor_ = {};
    return runtime::stop(exit.reason);
  }
  if (self.origin().notice) {
    etf::cursor at(m.bytes());
    std::uint64_t worker = 0;
    if (at.read_atom_is(tick_tag)) return tick(self), runtime::carry_on();
    if (at.read_atom_is(idle_tag)) {
      idle_armed_ = false;
      return shrink_by_need(self), runtime::carry_on();
    }
    if (at.read_tuple_of(3) && at.read_atom_is(supervisor::started_tag)) {
      const bool numbered = at.read_unsigned(worker) && worker >= 1 && worker <= dispatcher_.known();
      const auto pid = runtime::read_pid(at, self.host().nodes());
      if (numbered && pid) dispatcher_.worker_up(static_cast<std::uint32_t>(worker - 1), *pid, self.now());
      serve(self);
    }
    return runtime::carry_on();
  }
  pool_request one;
  one.body = m;
  submit(self, std::move(one), m.bytes());
  return runtime::carry_on();
}

std::uint64_t pool::hash_of(etf::bytes request) const {
  const pool_spec& options = dispatcher_.options();
  if (options.dispatch != pool_dispatch::hash) return 0;
  etf::cursor at(request);
  std::uint32_t arity = 0;
  if (options.key == 0 || !at.read_tuple(arity) || arity < options.key) return etf::equality_hash(request);
  etf::bytes element;
  for (std::uint32_t i = 0; i < options.key; ++i) at.read_term(element);
  return etf::equality_hash(element);
}

void pool::submit(process& self, pool_request one, etf::bytes request) {
  if (one.caller && dispatcher_.options().dispatch == pool_dispatch::broadcast)
    return answer(self, one.caller, error_answer("broadcast"));
  one.hash = hash_of(request);
  one.only = chosen_for(self, one);
  if (const auto worker = dispatcher_.free_worker(one.hash, one.only); worker && give(self, *worker, one))
    return publish(self);
  // Where memory is scarce only empty mailboxes take messages, and so does the queue.
  if (dispatcher_.queued() != 0 && runtime::block_memory::scarce())
    return refuse(self, one, counters_->rejected);
  if (const auto refused = dispatcher_.add(std::move(one), self.now()))
    refuse(self, *refused, counters_->rejected);
  serve(self);
}

// False: the worker has ended, and `one` is as it was.
bool pool::give(process& self, std::uint32_t worker, pool_request& one) {
  const bool kept = dispatcher_.options().on_death == on_worker_death::retry_once && !one.tried;
  message body = kept ? one.body : std::move(one.body);
  using asking = process::asking;
  const asking how = !one.caller            ? asking::message
                     : one.caller.of_client ? asking::client_call
                                            : asking::call;
  const auto number = self.ask(dispatcher_.pid_of(worker), std::move(body), how);
  if (!number) {
    one.body = std::move(body); // not sent, so still there
    dispatcher_.worker_down(worker, self.now());
    return false;
  }
  if (!kept) one.body = {};
  dispatcher_.given(worker, *number, std::move(one), self.now());
  return true;
}

// Whether the caller no longer waits for the answer.
bool pool::gave_up(process& self, const pool_request& one) const {
  const pool_caller& by = one.caller;
  if (!by || !by.watches) return false;
  if (by.call.who) return !self.caller(by.call.ref());
  const auto reference = gen::call_reference(self, by.from.bytes());
  return reference && !self.caller(*reference);
}

void pool::serve(process& self) {
  while (auto next = dispatcher_.next()) {
    pool_request& one = next->request;
    if (gave_up(self, one)) {
      counters_->expired.add_alone();
      continue;
    }
    if (!give(self, next->worker, one)) dispatcher_.take_back(std::move(one), next->worker);
  }
  arm(self);
  grow_by_need(self);
  publish(self);
}

void pool::arm(process& self) {
  const base::nanos due = dispatcher_.queued() == 0 || armed_ != 0 ? 0 : dispatcher_.next_due();
  if (due == 0 || due == runtime::no_deadline) return;
  armed_ = std::max(due, self.now() + tick_time);
  self.remind(armed_, message::atom(tick_tag));
}

void pool::tick(process& self) {
  if (self.now() >= armed_) armed_ = 0;
  if (settles_ != 0 && self.now() >= settles_) {
    settles_ = 0;
    dispatcher_.settle();
  }
  for (const pool_request& one : dispatcher_.expired(self.now())) refuse(self, one, counters_->expired);
  if (!resizings_.empty()) remove_drained(self);
  serve(self);
}

void pool::refuse(process& self, const pool_request& one, pool_counters::number& counted) {
  counted.add_alone();
  if (const auto said = last_word(self, one)) {
    if (*said && !gave_up(self, one)) answer(self, one.caller, *said);
    return;
  }
  const pool_overload told = dispatcher_.options().on_full;
  if (!one.caller || told == pool_overload::drop_new || told == pool_overload::drop_old) return;
  if (!gave_up(self, one)) answer(self, one.caller, error_answer("overloaded"));
}

outcome pool::receive_parcel(process& self, std::unique_ptr<runtime::parcel> given) {
  for (std::uint32_t tries = dispatcher_.size(); tries != 0; --tries) {
    given_parcel_ = (given_parcel_ + 1) % dispatcher_.size();
    if (const runtime::pid worker = dispatcher_.pid_of(given_parcel_)) {
      self.hand(worker, std::move(given));
      break;
    }
  }
  return runtime::carry_on(); // no worker runs: it is dropped
}

outcome pool::receive_answer(process& self, std::uint64_t number, runtime::ask_result result) {
  using kind = runtime::ask_result::kind;
  if (const auto asked = inside_.take(number)) {
    if (asked->what != inside_call::kind::forwarded)
      return resized(self, *asked, result), runtime::carry_on();
    if (result.what == kind::answer) answer(self, asked->caller, std::move(result.term));
    return runtime::carry_on(); // else the supervisor has ended, and so will the pool
  }
  const bool lost = result.what == kind::down;
  auto ended = dispatcher_.ended(number, lost, self.now());
  if (!ended) return runtime::carry_on();
  if (lost) {
    lose(self, std::move(*ended), result.term);
  } else {
    counters_->handled.add_alone();
    if (result.what == kind::answer) answer(self, ended->request.caller, std::move(result.term));
  }
  if (!resizings_.empty()) remove_drained(self);
  serve(self);
  return runtime::carry_on();
}

void pool::lose(process& self, pool_dispatcher::ending gone, const message& reason) {
  pool_request& one = gone.request;
  if (gone.runs && !self.host().alive(dispatcher_.pid_of(gone.worker)))
    dispatcher_.worker_down(gone.worker, self.now());
  if (!one.tried && one.body && !gave_up(self, one)) {
    counters_->retried.add_alone();
    return dispatcher_.retry(std::move(one), gone.worker, self.now());
  }
  counters_->lost.add_alone();
  if (!one.caller) return;
  message why = worker_down_reason(reason);
  const bool told = one.caller.call.who ? self.end_call(one.caller.call.ref(), std::move(why))
                                        : gen::end_call(self, one.caller.from, std::move(why));
  if (!told) counters_->unanswered.add_alone();
}

void pool::answer(process& self, const pool_caller& to, message term) {
  if (to.call.who)
    self.reply(to.call, std::move(term));
  else if (to.from)
    gen::reply(self, to.from.bytes(), std::move(term));
}

bool pool::take_own_call(process& self, pool_caller& caller, const message& request) {
  etf::cursor at(request.bytes());
  std::string_view what;
  if (at.peek() == etf::kind::atom) {
    if (!at.read_atom(what)) return false;
    if (what != "which_children" && what != "count_children") return false;
    return forward(self, std::move(caller), request), true;
  }
  if (!at.read_tuple_of(2) || !at.read_atom(what)) return false;
  constexpr std::array<std::string_view, 2> changes{"terminate_child", "restart_child"};
  const bool here = self.origin().here();
  if (std::ranges::find(changes, what) != changes.end()) {
    if (here || shared_->rights.may_supervise(self.name()))
      return forward(self, std::move(caller), request), true;
    return answer(self, caller, error_answer("not_allowed")), true;
  }
  if (what == "get_childspec" && !here && !shared_->rights.may_supervise(self.name()))
    return answer(self, caller, bare_childspec(at.rest())), true;
  if (what == "get_childspec" || (what == supervisor::restart_tag && here))
    return forward(self, std::move(caller), request), true;
  if (!here) return false;
  if (what == resize_tag) {
    std::uint64_t size = 0;
    if (!at.read_unsigned(size) || size < 1 || size > most_workers)
      answer(self, caller, error_answer("badarg"));
    else
      resize(self, {.size = static_cast<std::uint32_t>(size),
                    .caller = std::move(caller),
                    .least = static_cast<std::uint32_t>(size)});
    return true;
  }
  if (what != pending_orders::tag || shared_->orders == nullptr) return false;
  if (std::any ordered = shared_->orders->take(at.rest()); ordered.has_value())
    carry_out(self, std::move(caller), std::move(ordered));
  else
    answer(self, caller, error_answer("no_such_order"));
  return true;
}

// To the supervisor inside the pool a request that is passed on is one of this node.
message pool::bare_childspec(etf::bytes id) const {
  etf::cursor at(id);
  std::uint64_t number = 0;
  if (!at.read_unsigned(number) || number < 1 || number > dispatcher_.known())
    return error_answer("not_found");
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  write_child_spec(out, *worker_spec(static_cast<std::uint32_t>(number - 1)), shown_args::none);
  return out.take();
}

void pool::forward(process& self, pool_caller caller, message request) {
  ask_supervisor(self, std::move(request), {inside_call::kind::forwarded, std::move(caller), 0});
}

bool pool::ask_supervisor(process& self, message request, inside_call about) {
  const auto number = self.ask(supervisor_, std::move(request), process::asking::call);
  if (number) inside_[*number] = std::move(about);
  return number.has_value();
}

void pool::carry_out(process& self, pool_caller caller, std::any ordered) {
  if (auto* const mine = std::any_cast<pool_order>(&ordered))
    return adopt(self, std::move(*mine), std::move(caller));
  forward(self, std::move(caller), shared_->orders->add(std::move(ordered)));
}

void pool::publish(process& self) {
  if (dispatcher_.options().on_full == pool_overload::park_sender) {
    const auto waiting = static_cast<std::uint32_t>(dispatcher_.queued());
    if (waiting > kept_)
      runtime::count_kept(self, waiting - kept_);
    else if (waiting < kept_)
      runtime::count_released(self, kept_ - waiting);
    kept_ = waiting;
  }
  if (by_.size != nullptr) by_.size->store(dispatcher_.known(), std::memory_order_relaxed);
  counters_->workers.set(dispatcher_.size());
  counters_->queued.set(dispatcher_.queued());
  counters_->held.set(dispatcher_.held());
}

// A map of dispatch, size, max, queued, held, handled, rejected, expired, retried, lost, unanswered,
// misdirected, grown, shrunk, uptime_ms and workers: see write_worker().
message pool::write_report(process& self, bool with_workers) {
  const std::pair<std::string_view, std::uint64_t> numbers[] = {
      {"size", dispatcher_.size()},
      {"max", most_size()},
      {"queued", dispatcher_.queued()},
      {"held", dispatcher_.held()},
      {"handled", counters_->handled.value()},
      {"rejected", counters_->rejected.value()},
      {"expired", counters_->expired.value()},
      {"retried", counters_->retried.value()},
      {"lost", counters_->lost.value()},
      {"unanswered", counters_->unanswered.value()},
      {"misdirected", counters_->misdirected.value()},
      {"grown", counters_->grown.value()},
      {"shrunk", counters_->shrunk.value()},
      {"uptime_ms", static_cast<std::uint64_t>(base::to_milliseconds(self.now() - began_).count())}};
  message_writer out(256);
  out.map(static_cast<std::uint32_t>(std::size(numbers)) + (with_workers ? 2 : 1));
  out.atom("dispatch");
  out.atom(text(dispatcher_.options().dispatch));
  for (const auto& [name, value] : numbers) {
    out.atom(name);
    out.unsigned_integer(value);
  }
  if (!with_workers) return out.take();
  out.atom("workers");
  out.list(dispatcher_.known());
  for (std::uint32_t worker = 0; worker < dispatcher_.known(); ++worker) write_worker(self, out, worker);
  if (dispatcher_.known() != 0) out.nil();
  return out.take();
}

// A map of pid (undefined: it does not run), held, queued, handled, lost, busy_ms and restarts.
void pool::write_worker(process& self, message_writer& out, std::uint32_t worker) const {
  const pool_worker_row row = dispatcher_.row(worker, self.now());
  message_writer id;
  id.unsigned_integer(worker + 1);
  const auto child = shared_->tree->child(self.self(), id.take().bytes());
  const std::pair<std::string_view, std::uint64_t> numbers[] = {
      {"held", row.held},
      {"queued", row.queued},
      {"handled", row.handled},
      {"lost", row.lost},
      {"busy_ms", static_cast<std::uint64_t>(base::to_milliseconds(row.busy).count())},
      {"restarts", child ? child->restarts : 0}};
  out.map(static_cast<std::uint32_t>(std::size(numbers)) + 1);
  out.atom("pid");
  if (row.pid && self.host().alive(row.pid)) // a worker that ended idle is noticed only when it is asked
    out.binary(runtime::to_text(row.pid, self.host().nodes()));
  else
    out.atom("undefined");
  for (const auto& [name, value] : numbers) {
    out.atom(name);
    out.unsigned_integer(value);
  }
}

} // namespace coppice::behaviours
