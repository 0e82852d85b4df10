// SPDX-License-Identifier: MIT
// Which callback of an actor under test runs next, and what its status means: timers, messages, answers and
// other engines in the order of a node, one callback at a time. In the test's thread.
#include <coppice/testing.hpp>

#include <algorithm>
#include <utility>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/statem_host.hpp>

namespace coppice::testing {

namespace {

// Sets a flag while it exists.
class raised {
 public:
  explicit raised(bool& flag) : flag_(flag) { flag_ = true; }
  raised(const raised&) = delete;
  raised& operator=(const raised&) = delete;
  ~raised() { flag_ = false; }

 private:
  bool& flag_;
};

} // namespace

void actor::advance(nanoseconds time) {
  if (world_.around != nullptr) return world_.around->advance(time);
  const nanoseconds end = world_.now + time;
  while (!is_busy()) {
    settle();
    const auto next = next_event();
    if (!next || *next > end) break;
    world_.now = std::max(world_.now, *next);
  }
  world_.now = std::max(world_.now, end);
  settle();
  detail::name_unanswered(world_);
}

bool actor::await_post(std::chrono::milliseconds patience) {
  {
    std::unique_lock held(world_.letters->lock);
    const auto came = [this] { return !world_.letters->letters.empty(); };
    if (!world_.letters->came.wait_for(held, patience, came)) return false;
  }
  settle();
  return true;
}

void actor::deliver(detail::letter what) {
  world_.mailbox.push_back(std::move(what));
  settle();
}

void actor::settle() {
  constexpr int most = 1'000'000;
  detail::hear(world_);
  if (world_.around != nullptr) return world_.around->go_on();
  if (is_busy()) return;
  const raised now_settling(settling_);
  for (int steps = 0; !world_.dead; ++steps) {
    if (steps == most) throw failure("the actor does not come to rest: it keeps sending itself messages");
    if (!step()) return;
  }
}

bool actor::has_work() const {
  if (world_.dead || is_busy()) return false;
  if (!world_.mailbox.empty() || !world_.ended.empty() || begins_) return true;
  const auto due = next_event();
  const auto unasked = [](const auto& each) { return !each.second.asked_already; };
  if ((due && *due <= world_.now) || std::ranges::any_of(world_.requests, unasked)) return true;
  const std::scoped_lock held(world_.letters->lock);
  return !world_.letters->letters.empty();
}

bool actor::step_once() {
  const raised now_settling(settling_);
  return !world_.dead && step();
}

bool actor::step() {
  detail::fire_timers(world_);
  take_posts();
  if (is_machine_ && std::exchange(begins_, false)) {
    detail::machine_effects effects(world_);
    drive(world_.machine->is.go_on(effects, statem_.enter != nullptr));
    return true;
  }
  if (is_machine_ && fire_timeout()) return true;
  if (!world_.mailbox.empty()) {
    const detail::letter next = std::move(world_.mailbox.front());
    world_.mailbox.pop_front();
    dispatch(next);
    return true;
  }
  if (!world_.ended.empty()) {
    const detail::ended_request next = std::move(world_.ended.front());
    world_.ended.pop_front();
    on_response(next);
    return true;
  }
  for (const auto& [name, each] : world_.beside)
    if (take_from(*each)) return true;
  return ask_callees();
}

bool actor::take_from(detail::engine& engine, const detail::letter* what) {
  if (!engine.is_of(world_)) return false;
  const auto due = what != nullptr ? engine.takes(*what) : engine.next(world_);
  if (!due) return false;
  const std::int32_t status = run(due->callback, [&] { return due->make(self(), state_); });
  follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  if (due->ends_actor && !world_.dead) stop(due->reason ? due->reason : atom("normal"));
  return true;
}

bool actor::give_to_engines(const detail::letter& what) {
  return !world_.beside.empty() && !parents_exit(what) &&
         std::ranges::any_of(world_.beside, [&](const auto& one) { return take_from(*one.second, &what); });
}

void actor::take_posts() {
  const std::scoped_lock held(world_.letters->lock);
  for (value& each : world_.letters->letters)
    world_.mailbox.push_back({detail::delivery::info, std::move(each)});
  world_.letters->letters.clear();
}

bool actor::ask_callees() {
  const auto next = std::ranges::find_if(world_.requests, [this](const auto& each) {
    return each.second.due <= world_.now || !each.second.asked_already;
  });
  if (next == world_.requests.end()) return false;
  const std::uint64_t id = next->first;
  if (next->second.due <= world_.now) return end_request(id, silence());
  next->second.asked_already = true;
  const made_call asked = next->second.asked;
  if (world_.around != nullptr && world_.around->asks(world_, id)) return true;
  response got = world_.others.ask(asked.to, asked.request);
  if (got.status != COPPICE_E_TIMEOUT) end_request(id, std::move(got));
  return true;
}

bool actor::end_request(std::uint64_t id, response what) {
  const auto found = world_.requests.find(id);
  if (found == world_.requests.end()) return false;
  world_.ended.push_back({id, found->second.tag, std::move(what), std::move(found->second.context)});
  world_.requests.erase(found);
  return true;
}

std::optional<nanoseconds> actor::next_event() const {
  std::optional<nanoseconds> first;
  const auto at = [&first](nanoseconds due) { first = std::min(first.value_or(due), due); };
  for (const timer& each : world_.timers) at(each.due);
  if (world_.machine)
    for (const auto& each : world_.machine->timers) at(each.due);
  for (const auto& [id, open] : world_.requests) at(open.due);
  for (const auto& [name, each] : world_.beside) {
    const nanoseconds due = each->is_of(world_) ? each->due() : nanoseconds::max();
    if (due != nanoseconds::max()) at(due);
  }
  return world_.dead ? std::nullopt : first;
}

void actor::dispatch(const detail::letter& what) {
  if (is_machine_) return take_event(what);
  if (router_.route != nullptr && !parents_exit(what) && take_to_route(what)) return;
  if (give_to_engines(what)) return;
  if (what.how == detail::delivery::call) return handle_call(what);
  const bool is_cast = what.how == detail::delivery::cast;
  const bool is_event = what.how == detail::delivery::event;
  const auto handler = is_event ? handler_.handle_event : is_cast ? server_.handle_cast : server_.handle_info;
  const char* const name = is_event ? "handle_event" : is_cast ? "handle_cast" : "handle_info";
  if (const auto reason = parents_exit(what)) return stop(*reason);
  const detail::lent term(what.term);
  const std::int32_t status =
      handler == nullptr ? COPPICE_UNHANDLED : run(name, [&] { return handler(self(), state_, term.get()); });
  if (what.of_timer && status == COPPICE_UNHANDLED)
    did.complaints.push_back("its timer has sent it " + detail::show(what.term.bytes()) +
                             ", which no callback takes: the timer is lost");
  const bool dropped = !is_cast || is_handler_ || unhandled_ != coppice::unhandled::exit;
  if (dropped && status == COPPICE_UNHANDLED) return forget_error(); // it may have been logged
  decide("bad_cast", what.term, status);
}

void actor::handle_call(const detail::letter& what) {
  const detail::lent term(what.term);
  const detail::lent from(what.from);
  world_.asked = what.from;
  world_.answered = false;
  const std::int32_t status = server_.handle_call == nullptr ? COPPICE_UNHANDLED : run("handle_call", [&] {
    return server_.handle_call(self(), state_, term.get(), from.bytes());
  });
  world_.asked = {};
  if (status == COPPICE_UNHANDLED && unhandled_ != coppice::unhandled::exit) return refuse_call(what);
  decide("bad_call", what.term, status);
  detail::leave_open(world_, what);
}

void actor::refuse_call(const detail::letter& what) {
  const std::string why = std::exchange(world_.error_text, {});
  forget_error();
  const auto open = detail::open_froms.find(what.from);
  const auto waits = open == detail::open_froms.end() ? nullptr : open->second.lock();
  if (unhandled_ != coppice::unhandled::reply_error || !waits || waits->answered) return;
  const std::string text = why.empty() ? "the server takes no such request" : why;
  *waits = {true, std::pair(etf::atom{"error"}, std::pair(etf::atom{"bad_request"}, text))};
}

std::optional<value> actor::parents_exit(const detail::letter& what) const {
  etf::cursor at(what.term.bytes());
  etf::bytes from;
  etf::bytes reason;
  const bool is_exit = what.how == detail::delivery::info && at.read_tuple_of(3) && at.read_atom_is("EXIT") &&
                       at.read_term(from) && at.read_term(reason);
  if (!is_exit || value::of(from) != world_.parent) return std::nullopt;
  return value::of(reason);
}

void actor::on_response(const detail::ended_request& what) {
  if (is_machine_)
    return drive(world_.machine->is.begin({COPPICE_STATEM_EVENT_RESPONSE, what.context, what.outcome.term,
                                           what.id, what.tag, what.outcome.status}));
  if (server_.on_response == nullptr) return;
  std::optional<detail::lent> term;
  std::optional<detail::lent> context;
  if (what.outcome.term) term.emplace(what.outcome.term);
  if (what.context) world_.context = context.emplace(what.context).bytes();
  const coppice_message none{};
  const std::int32_t status = run("on_response", [&] {
    return server_.on_response(self(), state_, what.id, what.tag, what.outcome.status,
                               term ? term->get() : &none);
  });
  world_.context = {};
  follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
}

void actor::decide(std::string_view unhandled, const value& term, std::int32_t status) {
  if (status != COPPICE_UNHANDLED) return follow(status);
  stop(std::pair(etf::atom{unhandled}, term.term()));
}

void actor::follow(std::int32_t status) {
  while (status == COPPICE_CONTINUE && !world_.dead) {
    status = lifecycle_.handle_continue == nullptr
                 ? COPPICE_OK
                 : run("handle_continue", [&] { return lifecycle_.handle_continue(self(), state_); });
    if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
  }
  if (world_.dead || status == COPPICE_OK || status == COPPICE_HIBERNATE) return forget_error();
  if (is_handler_ && (status == COPPICE_REMOVE_HANDLER || status == COPPICE_SWAP_HANDLER))
    return leave_manager(status);
  stop(stop_reason(status));
}

void actor::forget_error() {
  world_.error_text.clear();
  world_.error_reason = {};
}

value actor::stop_reason(std::int32_t status) {
  const std::string text = std::exchange(world_.error_text, {});
  const value reason = std::exchange(world_.error_reason, {});
  const std::string_view word = coppice_status_word(status);
  if (status != COPPICE_STOP && word.empty()) return std::pair(etf::atom{"bad_return_value"}, status);
  if (reason) return reason;
  if (status == COPPICE_STOP) return atom("normal");
  if (text.empty()) return atom(word);
  return std::pair(etf::atom{word}, text);
}

void actor::stop(const value& reason) {
  if (is_handler_) {
    const value failed = std::pair(etf::atom{"error"}, std::pair(etf::atom{"EXIT"}, reason.term()));
    take_leave(detail::is_orderly(reason) ? atom("stop") : failed);
  }
  if (lifecycle_.terminate != nullptr) {
    const detail::lent why(reason);
    forget_error();
    run("terminate", [&] { return lifecycle_.terminate(self(), state_, why.get()), COPPICE_OK; });
    if (world_.error_reason)
      did.complaints.push_back("its terminate failed: " + detail::show(world_.error_reason.bytes()));
    forget_error();
  }
  detail::end(world_, reason);
}

coppice_actor* actor::self() {
  return world_.handle();
}

std::int32_t actor::run(const char* name, const std::function<std::int32_t()>& callback) {
  const detail::turn entered(world_, name, false);
  return callback();
}

std::int32_t actor::compute(const char* name, const std::function<std::int32_t()>& callback) {
  const detail::turn entered(world_, name, true);
  world_.refused.clear();
  return callback();
}

bool actor::is_busy() const {
  return settling_ || world_.callback.load() != nullptr;
}

} // namespace coppice::testing
