// SPDX-License-Identifier: MIT
// An actor without a node, for a plugin's own unit tests: deliver calls, casts and messages, let time pass,
// look at what it sent, called, spawned and logged, save its state and restore it in another version.
//
//   coppice::testing::actor counter(coppice::testing::plugin::linked(), {.args = settings{5}});
//   CHECK(counter.call(add{2}) == 7);
//   counter.advance(1s);                                       // timers that are due fire, in order
//   CHECK(counter.did.sent.at(0).term == tick{1});
//
// Everything runs in the test's thread and only inside these calls; each returns when the actor has nothing
// more to do. The engine is the server's of the node in small. Works with any test framework: what cannot
// be asked for throws testing::failure. Header-only; <coppice/testing/erlang.hpp> adds Erlang's syntax.
#pragma once

#include <coppice/testing/plugin.hpp>

#include <optional>

namespace coppice::testing {

struct settings {
  std::string_view actor = {}; ///< which of the plugin's; empty: the first
  value args = empty_map();
  value env = empty_map();
  std::string name = {}; ///< registered name
  std::string_view node = "test@localhost";
};

/// What save_state wrote.
struct saved_state {
  std::int32_t status = COPPICE_E_UNSUPPORTED;
  std::uint32_t version = 0;
  value term;
};

/// The reply to a call, once there is one.
class answer {
 public:
  explicit answer(std::shared_ptr<const detail::awaited> waits) : waits_(std::move(waits)) {}
  explicit operator bool() const { return waits_->answered; }
  const value& reply() const {
    if (!waits_->answered) throw failure("this call has not been answered");
    return waits_->reply;
  }
  template <class T>
  T as() const {
    return reply().as<T>();
  }
  friend bool operator==(const answer& a, const value& expected) { return a && a.reply() == expected; }
  friend std::ostream& operator<<(std::ostream& out, const answer& shown) {
    return shown ? out << shown.reply() : out << "(no reply)";
  }

 private:
  std::shared_ptr<const detail::awaited> waits_;
};

class actor {
 public:
  /// Starts it: create, init, and what that asks for. Look at status().
  explicit actor(const plugin& from, const settings& how = {}) : actor(from, how, nullptr) {}
  /// Carries it over from another generation: create, restore_state.
  static actor restored(const plugin& from, const saved_state& saved, const settings& how = {}) {
    if (!saved.term) throw failure("there is no saved state");
    return actor(from, how, &saved);
  }
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;
  ~actor() {
    detail::end(world_, atom("killed"));
    if (created_ && callbacks_.destroy != nullptr) callbacks_.destroy(state_);
    detail::world* mine = &world_;
    detail::latest.compare_exchange_strong(mine, nullptr);
  }

  /// What init or restore_state came to.
  std::int32_t status() const { return status_; }
  bool alive() const { return !world_.dead; }
  /// Why it ended, or did not start.
  const value& reason() const { return world_.reason; }
  const value& pid() const { return world_.self; }
  const value& parent() const { return world_.parent; }
  /// On its own clock, which only advance() and waiting move.
  nanoseconds now() const { return world_.now; }
  const std::vector<timer>& timers() const { return world_.timers; }
  const std::set<value>& links() const { return world_.links; }

  /// gen_server:call. The reply may come later: the answer knows.
  answer call(const value& request) {
    etf::vector_writer from(64);
    from.tuple(2);
    from.raw(detail::fresh_pid("caller@localhost").bytes());
    from.list(1);
    from.atom("alias");
    from.raw(detail::fresh_reference("caller@localhost").bytes());
    const value who = value::of(from.take());
    const auto waits = std::make_shared<detail::awaited>();
    detail::open_froms[who] = waits;
    world_.mailbox.push_back({detail::delivery::call, request, who});
    settle();
    return answer(waits);
  }
  void cast(const value& term) { deliver({detail::delivery::cast, term, {}}); }
  /// A plain message.
  void send(const value& term) { deliver({detail::delivery::info, term, {}}); }
  /// The exit signal of another process.
  void exit(const value& from, const value& reason) {
    detail::exit_signal(world_, from, reason);
    settle();
  }
  /// As its supervisor ends it.
  void shut_down(const value& reason = atom("shutdown")) { exit(world_.parent, reason); }
  /// Ends what it monitors: each monitor of `whom` gets its 'DOWN'.
  void down(const value& whom, const value& reason) {
    std::vector<value> references;
    for (const auto& [reference, monitored] : world_.monitors) {
      if (monitored == whom) references.push_back(reference);
    }
    if (references.empty()) throw failure("nothing monitors that process");
    for (const value& each : references) {
      world_.monitors.erase(each);
      send(std::tuple(etf::atom{"DOWN"}, each.term(), etf::atom{"process"}, whom.term(), reason.term()));
    }
  }
  /// Lets time pass; what is due on the way happens at its own time.
  void advance(nanoseconds time) {
    const nanoseconds end = world_.now + time;
    for (;;) {
      settle();
      const auto next = next_event();
      if (!next || *next > end) break;
      world_.now = std::max(world_.now, *next);
    }
    world_.now = std::max(world_.now, end);
    settle();
  }
  /// Waits (in real time) for a message that a thread of the plugin posts; false if none came.
  bool await_post(std::chrono::milliseconds patience = 10s) {
    {
      std::unique_lock held(world_.letters->lock);
      const auto came = [this] { return !world_.letters->letters.empty(); };
      if (!world_.letters->came.wait_for(held, patience, came)) return false;
    }
    settle();
    return true;
  }

  /// Who answers calls to a name here, "name@node", and how: replies(…), exits(…), silence(). Its pid.
  value serve(std::string_view name, std::function<response(value request)> does) {
    const auto cut = name.find('@');
    const std::string_view node = cut == name.npos ? detail::node_of(world_) : name.substr(cut + 1);
    const std::string_view local = name.substr(0, cut);
    const value process = detail::fresh_pid(node);
    world_.callees[process] = does;
    world_.callees[std::pair(etf::atom{local}, etf::atom{node})] = does;
    if (cut == name.npos) {
      world_.callees[etf::atom{local}] = std::move(does);
      world_.names[std::string(local)] = process;
    }
    return process;
  }
  /// Decides which children do not start: a term is why not.
  void refuse_children(std::function<value(const child&)> why) { world_.refuse_child = std::move(why); }
  /// Answers for other nodes what they are asked to spawn: replies({}) makes the process, whose pid the
  /// journal has; any other response is why not. Without this they are down.
  void serve_spawns(std::function<response(const remote_child&)> answer) {
    world_.answer_spawn = std::move(answer);
  }
  /// Answers a request that met silence; by made_call::id.
  void respond(std::uint64_t id, response what) {
    if (!end_request(id, std::move(what))) throw failure("there is no open request of that id");
    settle();
  }

  saved_state save() {
    saved_state out;
    if (callbacks_.save_state == nullptr) return out;
    out.version = type_.state_version;
    out.status = written(
        out.term, [&](coppice_writer* w) { return callbacks_.save_state(self(), state_, &out.version, w); });
    return out;
  }
  /// What sys:get_status shows; save_state's term without a format_status, else `opaque`.
  value format_status() {
    value shown;
    if (callbacks_.format_status == nullptr)
      shown = save().term;
    else
      written(shown, [&](coppice_writer* w) { return callbacks_.format_status(self(), state_, w); });
    return shown ? shown : atom("opaque");
  }
  /// A changed configuration. COPPICE_UNHANDLED: the node would restart it.
  std::int32_t config_change(const value& args) {
    const value before = std::exchange(world_.args, args);
    if (callbacks_.config_change == nullptr) return COPPICE_UNHANDLED;
    const detail::lent old_args(before);
    const detail::lent new_args(args);
    const std::int32_t status =
        run([&] { return callbacks_.config_change(self(), state_, old_args.get(), new_args.get()); });
    if (status != COPPICE_UNHANDLED) follow(status);
    settle();
    return status;
  }

  journal& did = world_.did;

 private:
  // As wide as the table of this header; what the plugin's lacks is null.
  static coppice_server table_of(const coppice_actor_type& type) {
    if (std::string_view(type.table) != COPPICE_SERVER_1)
      throw failure("only servers can be tested, not " + std::string(type.table));
    coppice_server table{};
    const auto size = *static_cast<const std::uint32_t*>(type.callbacks);
    std::memcpy(&table, type.callbacks, std::min<std::size_t>(size, sizeof table));
    return table;
  }

  actor(const plugin& from, const settings& how, const saved_state* saved)
      : type_(from.type(how.actor)), callbacks_(table_of(type_)) {
    world_.plugin = from.id();
    world_.node = etf::atom{how.node};
    world_.self = detail::fresh_pid(how.node);
    world_.parent = detail::fresh_pid(how.node);
    world_.args = how.args;
    world_.env = how.env;
    world_.name = how.name;
    if (saved == nullptr) {
      start();
    } else {
      restore(*saved);
    }
  }

  coppice_actor* self() { return world_.handle(); }

  template <class Callback>
  std::int32_t run(Callback callback) {
    const detail::turn entered(&world_);
    return callback();
  }
  template <class Callback>
  std::int32_t run_restricted(Callback callback) {
    world_.restricted = true;
    const std::int32_t status = run(callback);
    world_.restricted = false;
    return status;
  }
  template <class Callback>
  std::int32_t written(value& into, Callback callback) {
    coppice_writer out;
    detail::write_begin(256, &out);
    std::int32_t status = run_restricted([&] { return callback(&out); });
    coppice_message made{};
    if (status == COPPICE_OK)
      status = detail::finish(&out, &made);
    else
      detail::discard(&out);
    if (status == COPPICE_OK) into = *detail::take(&made);
    return status;
  }

  bool create() {
    if (callbacks_.create != nullptr)
      status_ = run_restricted([&] { return callbacks_.create(self(), &state_); });
    created_ = status_ == COPPICE_OK;
    if (!created_) detail::end(world_, stop_reason(status_));
    return created_;
  }
  void start() {
    if (!create()) return;
    const detail::lent args(world_.args);
    if (callbacks_.init != nullptr)
      status_ = run([&] { return callbacks_.init(self(), state_, args.get()); });
    if (status_ == COPPICE_IGNORE) return detail::end(world_, atom("normal"));
    if (status_ == COPPICE_UNHANDLED) status_ = COPPICE_E_INVALID;
    if (status_ == COPPICE_STOP || status_ < COPPICE_OK) return detail::end(world_, stop_reason(status_));
    follow(status_);
    settle();
  }
  void restore(const saved_state& saved) {
    if (!create()) return;
    const detail::lent term(saved.term);
    status_ = callbacks_.restore_state == nullptr ? COPPICE_E_VERSION : run_restricted([&] {
      return callbacks_.restore_state(self(), state_, saved.version, term.get());
    });
    if (status_ != COPPICE_OK) detail::end(world_, stop_reason(status_));
  }

  void deliver(detail::letter what) {
    world_.mailbox.push_back(std::move(what));
    settle();
  }

  // Until nothing is left to do at this time.
  void settle() {
    constexpr int most = 1'000'000;
    for (int steps = 0; !world_.dead; ++steps) {
      if (steps == most) throw failure("the actor does not come to rest: it keeps sending itself messages");
      if (!step()) return;
    }
  }
  bool step() {
    detail::fire_timers(world_);
    take_posts();
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
    return ask_callees();
  }
  void take_posts() {
    const std::scoped_lock held(world_.letters->lock);
    for (value& each : world_.letters->letters)
      world_.mailbox.push_back({detail::delivery::info, std::move(each), {}});
    world_.letters->letters.clear();
  }
  // Requests that were not put to anyone yet, and those whose time is over.
  bool ask_callees() {
    for (auto& [id, open] : world_.requests) {
      if (open.due <= world_.now) return end_request(id, silence());
      if (std::exchange(open.asked_already, true)) continue;
      response got = detail::ask(world_, open.asked.to, open.asked.request);
      if (got.status == COPPICE_E_TIMEOUT) continue;
      return end_request(id, std::move(got));
    }
    return false;
  }
  bool end_request(std::uint64_t id, response what) {
    const auto found = world_.requests.find(id);
    if (found == world_.requests.end()) return false;
    world_.ended.push_back({id, found->second.tag, std::move(what)});
    world_.requests.erase(found);
    return true;
  }
  std::optional<nanoseconds> next_event() const {
    std::optional<nanoseconds> first;
    const auto at = [&first](nanoseconds due) { first = std::min(first.value_or(due), due); };
    for (const timer& each : world_.timers) at(each.due);
    for (const auto& [id, open] : world_.requests) at(open.due);
    return world_.dead ? std::nullopt : first;
  }

  void dispatch(const detail::letter& what) {
    const detail::lent term(what.term);
    if (what.how == detail::delivery::call) {
      const detail::lent from(what.from);
      return decide("bad_call", what.term, run([&] {
                      return callbacks_.handle_call == nullptr
                                 ? COPPICE_UNHANDLED
                                 : callbacks_.handle_call(self(), state_, term.get(), from.bytes());
                    }));
    }
    const auto handler = what.how == detail::delivery::cast ? callbacks_.handle_cast : callbacks_.handle_info;
    if (const auto reason = parents_exit(what)) return stop(*reason);
    const std::int32_t status =
        run([&] { return handler == nullptr ? COPPICE_UNHANDLED : handler(self(), state_, term.get()); });
    if (what.how == detail::delivery::info && status == COPPICE_UNHANDLED) return; // logged and dropped
    decide("bad_cast", what.term, status);
  }
  std::optional<value> parents_exit(const detail::letter& what) const {
    etf::cursor at(what.term.bytes());
    etf::bytes from;
    etf::bytes reason;
    const bool is_exit = what.how == detail::delivery::info && at.read_tuple_of(3) &&
                         at.read_atom_is("EXIT") && at.read_term(from) && at.read_term(reason);
    if (!is_exit || value::of(from) != world_.parent) return std::nullopt;
    return value::of(reason);
  }
  void on_response(const detail::ended_request& what) {
    if (callbacks_.on_response == nullptr) return;
    std::optional<detail::lent> term;
    if (what.outcome.term) term.emplace(what.outcome.term);
    const coppice_message none{};
    const std::int32_t status = run([&] {
      return callbacks_.on_response(self(), state_, what.id, what.tag, what.outcome.status,
                                    term ? term->get() : &none);
    });
    follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  }

  void decide(std::string_view unhandled, const value& term, std::int32_t status) {
    if (status != COPPICE_UNHANDLED) return follow(status);
    stop(std::pair(etf::atom{unhandled}, term.term()));
  }
  // What a callback decided.
  void follow(std::int32_t status) {
    while (status == COPPICE_CONTINUE && !world_.dead) {
      status = callbacks_.handle_continue == nullptr
                   ? COPPICE_OK
                   : run([&] { return callbacks_.handle_continue(self(), state_); });
      if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
    }
    if (world_.dead || status == COPPICE_OK || status == COPPICE_HIBERNATE) {
      world_.error_text.clear();
      world_.error_reason = {};
      return;
    }
    stop(stop_reason(status));
  }
  value stop_reason(std::int32_t status) {
    const std::string text = std::exchange(world_.error_text, {});
    const value reason = std::exchange(world_.error_reason, {});
    const std::string_view word = coppice_status_word(status);
    if (status != COPPICE_STOP && word.empty()) return std::pair(etf::atom{"bad_return_value"}, status);
    if (reason) return reason;
    if (status == COPPICE_STOP) return atom("normal");
    if (text.empty()) return atom(word);
    return std::pair(etf::atom{word}, text);
  }
  void stop(const value& reason) {
    if (callbacks_.terminate != nullptr) {
      const detail::lent why(reason);
      run([&] { return callbacks_.terminate(self(), state_, why.get()), COPPICE_OK; });
    }
    detail::end(world_, reason);
  }

  const coppice_actor_type& type_;
  const coppice_server callbacks_;
  detail::world world_;
  void* state_ = nullptr;
  bool created_ = false;
  std::int32_t status_ = COPPICE_OK;
};

} // namespace coppice::testing
