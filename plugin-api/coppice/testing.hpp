// SPDX-License-Identifier: MIT
// Runs an actor without a node, for a plugin's own unit tests. A test delivers calls, casts and messages,
// lets time pass, looks at what the actor sent, called, spawned and logged, saves its state and restores it
// in another version.
//
//   coppice::testing::actor counter(coppice::testing::plugin::linked(), {.args = settings{5}});
//   CHECK(counter.call(add{2}) == 7);
//   counter.advance(1s);                                       // timers that are due fire, in order
//   CHECK(counter.did.sent.at(0).term == tick{1});
//
// Everything runs in the test's thread, inside the calls of this class; each returns when the actor has
// nothing more to do. The actor behaves as in a node. Works with any test framework: an impossible request
// throws testing::failure. Header-only; <coppice/testing/erlang.hpp> adds Erlang's syntax.
#pragma once

#include <coppice/draft/event_handler.h>
#include <coppice/draft/router.h>
#include <coppice/draft/statem.h>
#include <coppice/lifecycle.h>
#include <coppice/server.h>

#include <optional>

#include <coppice/detail/statem_terms.hpp>
#include <coppice/testing/form.hpp>
#include <coppice/testing/plugin.hpp>

namespace coppice::testing {

/// The limit of postponed events of a state machine, as in its configuration.
struct postponed_options {
  std::size_t limit = 10'000; ///< events
  statem_overflow on_full = statem_overflow::exit;
};

/// How an actor starts. When an actor is restored, members that are not set keep their former values.
struct settings {
  std::string_view actor = {}; ///< an actor type of the plugin; empty: the first
  value args = {};             ///< none: the empty map
  value env = {};              ///< none: the empty map
  std::string name = {};       ///< registered name
  /// What happens to a message that no callback takes; empty: the class decides. Has precedence, as a
  /// configuration's value.
  std::optional<coppice::unhandled> unhandled = {};
  /// Its node and the other processes while it starts. The actor has a copy, which its own serve(…) and
  /// similar functions extend.
  std::optional<neighbours> among = {};
  /// For a router: the destinations of its configured routes, by name.
  std::map<std::string, value> routes = {};
  /// For a state machine, which keeps them when it is restored.
  postponed_options postponed = {};
  /// For an actor for datagrams, which keeps its sockets when it is restored; see coppice/testing/net.hpp.
  udp_options udp = {};
};

/// The term that save_state wrote, and the process that it was written for.
struct saved_state {
  std::int32_t status = COPPICE_E_UNSUPPORTED;
  std::uint32_t version = 0;
  value term; ///< none with COPPICE_OK: this actor has no state and needs none
  /// Pid, name, links, monitors, aliases, timers, requests and clock at the time of saving. Null: a new
  /// process.
  std::shared_ptr<const detail::process> process = {};
  const coppice_actor_type* by = nullptr; ///< the code that wrote it. Null: unknown
};

/// The answer to a call; the reply may come later.
class answer {
 public:
  explicit answer(std::shared_ptr<const detail::awaited> waits) : waits_(std::move(waits)) {}
  explicit operator bool() const { return waits_->answered; }
  /// The reply. Throws failure if there is none yet.
  const value& reply() const {
    if (!waits_->answered) throw failure("this call has not been answered");
    return waits_->reply;
  }
  /// The reply as a T. Throws failure if it is none.
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

namespace detail {
/// An rvalue of plugin: it would be destroyed at the end of its expression.
template <class P>
concept nobodys_plugin = std::is_same_v<std::remove_const_t<P>, plugin>;
} // namespace detail
#define COPPICE_KEPT_PLUGIN_                                                                              \
  "this plugin is closed before its actor is used: keep it in a variable that outlives the actor, const " \
  "plugin shop = plugin::load(file);"

/// An actor under test, without a node: it runs in the thread of the test, as soon as it is given something.
/// Its clock stands still until advance().
class actor {
 public:
  /// Starts the actor: create, init, and everything that init asks for. status() gives the result. The plugin
  /// must outlive the actor: give a loaded one a name, `const plugin shop = plugin::load(file);`.
  explicit actor(const plugin& from, const settings& how = {}) : actor(from, how, nullptr) {}
  template <detail::nobodys_plugin P>
  explicit actor(P&& from, const settings& how = {}) : actor(from, how, nullptr) {
    static_assert(std::is_lvalue_reference_v<P>, COPPICE_KEPT_PLUGIN_);
  }
  /// Restores the actor in another generation: create, restore_state and, before any message, after_restore.
  /// status() gives the result.
  static actor restored(const plugin& from, const saved_state& saved, const settings& how = {}) {
    if (!saved.term && saved.status != COPPICE_OK) throw failure("there is no saved state");
    return actor(from, how, &saved);
  }
  template <detail::nobodys_plugin P>
  static actor restored(P&& from, const saved_state& saved, const settings& how = {}) {
    static_assert(std::is_lvalue_reference_v<P>, COPPICE_KEPT_PLUGIN_);
    return actor(from, how, &saved);
  }
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;
  ~actor() {
    for (const auto& [name, each] : std::exchange(world_.beside, {})) leave(*each);
    detail::end(world_, atom("killed"));
    if (created_ && lifecycle_.destroy != nullptr) lifecycle_.destroy(state_);
    detail::name_leaks(world_, type_.name);
  }

  /// The status of init or restore_state.
  std::int32_t status() const { return status_; }
  /// False: it has ended, or did not start.
  bool alive() const { return !world_.dead; }
  /// Why it ended, or did not start.
  const value& reason() const { return world_.reason; }
  /// Its pid.
  const value& pid() const { return world_.self; }
  /// The pid of the process that started it.
  const value& parent() const { return world_.parent; }
  /// Time on the actor's own clock, which only advance() and waiting move.
  nanoseconds now() const { return world_.now; }
  /// The wall clock advances with now() and starts at the beginning of 2026; a test may set it.
  std::chrono::sys_time<nanoseconds> wall_now() const {
    return std::chrono::sys_time<nanoseconds>(nanoseconds(detail::wall_time(world_)));
  }
  /// Sets the wall clock; the actor's own clock stays as it is.
  void set_wall(std::chrono::sys_time<nanoseconds> to) {
    world_.wall_at_zero = to.time_since_epoch() - world_.now;
  }
  /// The timers that have not fired.
  const std::vector<timer>& timers() const { return world_.timers; }
  /// The flags of each link, by pid.
  const std::map<value, std::uint32_t>& links() const { return world_.links; }
  /// The monitors, by reference.
  const std::map<value, monitored>& monitors() const { return world_.monitors; }

  // For a state machine; see coppice/testing/statem.hpp.
  const value& state() const { return machine().is.state(); }
  /// The running time-outs. Those of zero have fired before a test can look.
  std::vector<set_timeout> timeouts() const {
    std::vector<set_timeout> all;
    for (const auto& armed : machine().timers)
      machine().is.each_timeout([&](std::uint32_t type, const statem_machine<value>::timeout& one) {
        if (type == armed.type && one.serial == armed.serial)
          all.push_back({type, one.about, one.content, armed.due});
      });
    return all;
  }
  /// The contents of postponed events, oldest first.
  std::vector<value> postponed() const {
    std::vector<value> all;
    for (std::size_t i = 0; i < machine().is.postponed_count(); ++i)
      all.push_back(machine().is.postponed(i).content);
    return all;
  }

  /// gen_server:call. The reply may come later; the returned answer tells.
  answer call(const value& request) { return call_as(detail::fresh_pid("caller@localhost"), request); }
  /// As call(), from the process `caller`.
  answer call_as(const value& caller, const value& request) {
    const auto [who, waits] = detail::begin_call(caller, "caller@localhost");
    world_.mailbox.push_back({detail::delivery::call, request, who});
    settle();
    return answer(waits);
  }
  /// A cast, as gen_server:cast sends it.
  void cast(const value& term) { deliver({detail::delivery::cast, term}); }
  /// gen_event:notify, for an event handler.
  void notify(const value& event) {
    if (!is_handler_) throw failure("this actor is no event handler");
    deliver({detail::delivery::event, event});
  }
  /// gen_event:delete_handler: returns the term that `removed` wrote. The actor has then ended.
  value remove(const value& why) {
    if (!is_handler_) throw failure("this actor is no event handler");
    if (world_.dead) throw failure("this event handler has ended");
    take_leave(why);
    detail::end(world_, atom("normal"));
    return did.left.back().result;
  }
  /// Delivers a plain message.
  void send(const value& term) { deliver({detail::delivery::info, term}); }
  /// Delivers a message sent to the actor's pid, its name or an alias. False: `to` does not (or no longer)
  /// belong to the actor.
  bool send(const value& to, const value& term, std::uint32_t flags = 0) {
    const bool came = detail::arrives(world_, to, {detail::delivery::info, term}, flags);
    settle();
    return came;
  }
  /// Delivers an exit signal of another process. If the two are linked, the link ends.
  void exit(const value& from, const value& reason) {
    const auto link = world_.links.find(from);
    const bool priority = link != world_.links.end() && (link->second & COPPICE_PRIORITY) != 0;
    world_.links.erase(from);
    detail::exit_signal(world_, from, reason, priority);
    settle();
  }
  /// Ends the actor as its supervisor does. An event handler is told by its manager that it ends: `stop`.
  void shut_down(const value& reason = atom("shutdown")) {
    if (is_handler_ && !world_.dead)
      remove(atom("stop"));
    else
      exit(world_.parent, reason);
  }
  /// Ends a monitored process: each monitor of `whom` gets its 'DOWN'.
  void down(const value& whom, const value& reason) {
    if (!end_monitors(reason, [&](const value& monitored) { return monitored == whom; }))
      throw failure("nothing monitors that process");
    settle();
  }
  /// Loses a node: each link and monitor there ends with noconnection, and nodedown is sent if the node is
  /// monitored.
  void lose(std::string_view node) {
    const auto is_there = [node](const value& whom) { return detail::node_of(whom) == node; };
    world_.others.disconnect(node);
    end_monitors(atom("noconnection"), is_there);
    std::vector<value> linked;
    for (const auto& [pid, flags] : world_.links)
      if (is_there(pid)) linked.push_back(pid);
    for (const value& pid : linked) exit(pid, atom("noconnection"));
    const std::size_t times = world_.nodes.erase(std::string(node));
    for (std::size_t i = 0; i < times; ++i) send(std::pair(etf::atom{"nodedown"}, etf::atom{node}));
    settle();
  }
  /// Lets time pass. Each timer fires at its own time; one that becomes due while a callback runs fires when
  /// the callback has returned.
  void advance(nanoseconds time) {
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
  /// Waits (in real time) for a message that a thread of the plugin posts. False: none came.
  bool await_post(std::chrono::milliseconds patience = 10s) {
    {
      std::unique_lock held(world_.letters->lock);
      const auto came = [this] { return !world_.letters->letters.empty(); };
      if (!world_.letters->came.wait_for(held, patience, came)) return false;
    }
    settle();
    return true;
  }

  // Other processes: as in coppice/testing/neighbours.hpp, from now on.
  value serve(std::string_view name, std::function<response(value request)> does) {
    return world_.others.serve(name, std::move(does));
  }
  void refuse_children(std::function<value(const child&)> why) {
    world_.others.refuse_children(std::move(why));
  }
  void serve_spawns(std::function<response(const remote_child&)> does) {
    world_.others.serve_spawns(std::move(does));
  }
  void connect(std::string_view node) { world_.others.connect(node); }
  /// Answers a request that silence() left open; `id` is made_call::id.
  void respond(std::uint64_t id, response what) {
    if (!end_request(id, std::move(what))) throw failure("there is no open request of that id");
    settle();
  }

  /// What save_state gives, with all that a reload carries over; actor::restored() goes on from it.
  saved_state save() {
    saved_state out;
    out.process = std::make_shared<detail::process>(world_);
    if (lifecycle_.save_state == nullptr) {
      if (lifecycle_.create == nullptr) out.status = COPPICE_OK;
      return out;
    }
    out.version = type_.state_version;
    out.by = &type_;
    out.status = judged(written("save_state", out.term, [&](coppice_writer* w) {
      return lifecycle_.save_state(self(), state_, &out.version, w);
    }));
    forget_error();
    return out;
  }
  /// The result of sys:get_status: that of format_status, else save_state's term, else `opaque`.
  value format_status() {
    value shown;
    if (lifecycle_.format_status == nullptr)
      shown = save().term;
    else
      written("format_status", shown,
              [&](coppice_writer* w) { return lifecycle_.format_status(self(), state_, w); });
    forget_error();
    return shown ? shown : atom("opaque");
  }
  /// Changes the configuration; without `env` the env stays. COPPICE_UNHANDLED: a node would restart the
  /// actor. An error: the actor goes on unchanged.
  std::int32_t config_change(const value& args, const value& env = {}) {
    if (lifecycle_.config_change == nullptr) return COPPICE_UNHANDLED;
    const value former_env = world_.env;
    if (env) world_.env = env;
    const detail::lent old_args(world_.args);
    const detail::lent new_args(args);
    const std::int32_t status = run("config_change", [&] {
      return lifecycle_.config_change(self(), state_, old_args.get(), new_args.get());
    });
    if (status == COPPICE_UNHANDLED || status < COPPICE_OK) {
      world_.env = former_env;
      forget_error();
    } else {
      world_.args = args;
      follow(status);
    }
    settle();
    return status;
  }

  /// What the actor has done so far: messages sent, lines logged, complaints.
  journal& did = world_.did;

  /// For other headers of the kit that drive the actor: its process, whose go_on() returns when the actor has
  /// nothing more to do.
  detail::world& process() { return world_; }

 private:
  friend class scene;

  // Where an actor of a scene starts.
  struct place {
    detail::surroundings* around = nullptr;
    value parent = {};
  };
  // The engine now belongs to the next generation, or to none.
  void leave(detail::engine& engine) {
    if (engine.is_of(world_)) engine.carried_to(nullptr);
  }

  actor(const plugin& from, const settings& how, const saved_state* saved) : actor(from, how, saved, {}) {}
  actor(const plugin& from, const settings& how, const saved_state* saved, const place& where)
      : type_(from.type(how.actor)),
        lifecycle_(detail::table_of<coppice_lifecycle>(type_, COPPICE_LIFECYCLE_1)),
        handler_(detail::table_of<coppice_event_handler>(type_, COPPICE_EVENT_HANDLER_DRAFT_2)),
        is_handler_(std::string_view(type_.behaviour) == "event_handler"),
        server_(is_handler_ ? detail::as_server(handler_)
                            : detail::table_of<coppice_server>(type_, COPPICE_SERVER_1)),
        statem_(detail::table_of<coppice_statem>(type_, COPPICE_STATEM_DRAFT_2)),
        router_(detail::table_of<coppice_router>(type_, COPPICE_ROUTER_DRAFT_2)),
        routes_(how.routes),
        is_machine_(std::string_view(type_.behaviour) == "statem"),
        postponed_(how.postponed),
        unhandled_(how.unhandled ? *how.unhandled : from.unhandled_of(type_.name)) {
    detail::process& mine = world_;
    mine.args = mine.env = empty_map();
    mine.udp = how.udp;
    if (saved != nullptr && saved->process != nullptr) mine = *saved->process;
    if (how.args) mine.args = how.args;
    if (how.env) mine.env = how.env;
    if (!how.name.empty()) mine.name = how.name;
    if (how.among) mine.others = *how.among;
    if (where.parent) mine.parent = where.parent;
    if (where.around != nullptr) mine.now = where.around->now();
    mine.node = etf::atom{mine.others.node()};
    if (!mine.self) mine.self = detail::fresh_pid(mine.others.node());
    if (!mine.parent) mine.parent = detail::fresh_pid(mine.others.node());
    world_.plugin = from.id();
    world_.type = &type_;
    world_.go_on = [this] { settle(); };
    world_.around = where.around;
    if (world_.around != nullptr) world_.around->enters(world_);
    for (const auto& [name, each] : world_.beside) each->carried_to(&world_);
    if (saved == nullptr)
      start();
    else
      restore(*saved);
  }

  coppice_actor* self() { return world_.handle(); }

  template <class Callback>
  std::int32_t run(const char* name, Callback callback) {
    const detail::turn entered(world_, name, false);
    return callback();
  }
  // Runs a callback that may only compute.
  template <class Callback>
  std::int32_t compute(const char* name, Callback callback) {
    const detail::turn entered(world_, name, true);
    world_.refused.clear();
    return callback();
  }
  // The callback's status; if it made a forbidden call, it has failed whatever it returned.
  std::int32_t judged(std::int32_t status) {
    if (world_.refused.empty()) return status;
    world_.error_reason = {};
    world_.error_text = std::exchange(world_.refused, {});
    return COPPICE_E_CONTEXT;
  }
  // Runs a callback that may only compute and writes a term.
  template <class Callback>
  std::int32_t written(const char* name, value& into, Callback callback) {
    coppice_writer out;
    detail::write_begin(256, &out);
    std::int32_t status = compute(name, [&] { return callback(&out); });
    coppice_message made{};
    if (status == COPPICE_OK)
      status = detail::finish(&out, &made);
    else
      detail::discard(&out);
    if (status == COPPICE_OK) into = *detail::take(&made);
    return status;
  }

  bool create() {
    if (lifecycle_.create != nullptr)
      status_ = compute("create", [&] { return lifecycle_.create(self(), &state_); });
    created_ = status_ == COPPICE_OK;
    status_ = judged(status_);
    if (status_ != COPPICE_OK) detail::end(world_, stop_reason(status_));
    return status_ == COPPICE_OK;
  }
  void start() {
    if (!create()) return;
    const detail::lent args(world_.args);
    if (is_machine_) {
      world_.machine.emplace();
      world_.machine->is.bound(postponed_.limit, postponed_.on_full);
      world_.machine->open = true;
    }
    if (lifecycle_.init != nullptr)
      status_ = run("init", [&] { return lifecycle_.init(self(), state_, args.get()); });
    if (is_machine_) world_.machine->open = false;
    if (status_ == COPPICE_IGNORE) return detail::end(world_, atom("normal"));
    if (status_ == COPPICE_UNHANDLED) status_ = COPPICE_E_INVALID;
    if (status_ == COPPICE_STOP || status_ < COPPICE_OK) return detail::end(world_, stop_reason(status_));
    if (is_machine_ && !start_machine()) return;
    follow(status_);
    settle();
  }
  void restore(const saved_state& saved) {
    if (is_machine_ && !world_.machine) throw failure("a state machine is restored with its process");
    if (!create()) return;
    status_ = restore_state(saved);
    judge_version(saved);
    if (status_ != COPPICE_OK) return detail::end(world_, stop_reason(status_));
    if (lifecycle_.after_restore != nullptr) {
      const std::int32_t after =
          run("after_restore", [&] { return lifecycle_.after_restore(self(), state_); });
      follow(after == COPPICE_UNHANDLED ? COPPICE_OK : after);
    }
    settle();
  }
  // A state needs code that has a state, and such code needs a saved one.
  std::int32_t restore_state(const saved_state& saved) {
    if (!saved.term) return lifecycle_.create == nullptr ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
    if (lifecycle_.restore_state == nullptr) return COPPICE_E_UNSUPPORTED;
    const detail::lent term(saved.term);
    return judged(compute("restore_state", [&] {
      return lifecycle_.restore_state(self(), state_, saved.version, term.get());
    }));
  }

  // Other code of the same version reads and writes the same form of state.
  void judge_version(const saved_state& saved) {
    if (saved.by == nullptr || saved.by == &type_ || saved.version != type_.state_version || !saved.term)
      return;
    value again;
    if (status_ == COPPICE_OK && lifecycle_.save_state != nullptr)
      written("save_state", again, [&](coppice_writer* w) {
        std::uint32_t version = saved.version;
        return lifecycle_.save_state(self(), state_, &version, w);
      });
    if (status_ == COPPICE_OK) forget_error();
    const std::string changed =
        status_ != COPPICE_OK ? "its restore_state refuses" : detail::change_of_form(saved.term, again);
    if (!changed.empty())
      did.complaints.push_back("its state_version is still " + std::to_string(saved.version) + ", but " +
                               changed +
                               " what the code before it saved: raise state_version, and read both forms");
  }

  // Sends the message of each monitor of those processes. False: there was none.
  template <class Whom>
  bool end_monitors(const value& reason, Whom is_meant) {
    std::vector<value> references;
    for (const auto& [reference, each] : world_.monitors)
      if (is_meant(each.whom)) references.push_back(reference);
    for (const value& reference : references) {
      const monitored each = world_.monitors.at(reference);
      detail::end_monitor(world_, reference);
      detail::put(world_, {detail::delivery::info,
                           std::tuple(each.tag.term(), reference.term(), etf::atom{"process"},
                                      each.whom.term(), reason.term()),
                           {},
                           (each.flags & COPPICE_PRIORITY) != 0});
    }
    return !references.empty();
  }

  void deliver(detail::letter what) {
    world_.mailbox.push_back(std::move(what));
    settle();
  }

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
  // A callback runs, or the test acts for one: messages wait until it has returned.
  bool is_busy() const { return settling_ || world_.callback.load() != nullptr; }
  // Runs until nothing is left to do at this time.
  void settle() {
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
  // For a scene: whether step() would do something now.
  bool has_work() const {
    if (world_.dead || is_busy()) return false;
    if (!world_.mailbox.empty() || !world_.ended.empty() || begins_) return true;
    const auto due = next_event();
    const auto unasked = [](const auto& each) { return !each.second.asked_already; };
    if ((due && *due <= world_.now) || std::ranges::any_of(world_.requests, unasked)) return true;
    const std::scoped_lock held(world_.letters->lock);
    return !world_.letters->letters.empty();
  }
  bool step_once() {
    const raised now_settling(settling_);
    return !world_.dead && step();
  }
  bool step() {
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
  // Runs at most one callback.
  bool take_from(detail::engine& engine) {
    if (!engine.is_of(world_)) return false;
    const auto due = engine.next(world_);
    if (!due) return false;
    const std::int32_t status = run(due->callback, [&] { return due->make(self(), state_); });
    follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
    if (due->ends_actor && !world_.dead) stop(due->reason ? due->reason : atom("normal"));
    return true;
  }
  void take_posts() {
    const std::scoped_lock held(world_.letters->lock);
    for (value& each : world_.letters->letters)
      world_.mailbox.push_back({detail::delivery::info, std::move(each)});
    world_.letters->letters.clear();
  }
  // Handles requests that were not yet given to their callees, and those whose deadline has passed.
  bool ask_callees() {
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
  bool end_request(std::uint64_t id, response what) {
    const auto found = world_.requests.find(id);
    if (found == world_.requests.end()) return false;
    world_.ended.push_back({id, found->second.tag, std::move(what), std::move(found->second.context)});
    world_.requests.erase(found);
    return true;
  }
  std::optional<nanoseconds> next_event() const {
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

  void dispatch(const detail::letter& what) {
    if (is_machine_) return take_event(what);
    if (router_.route != nullptr && !parents_exit(what) && take_to_route(what)) return;
    if (what.how == detail::delivery::call) return handle_call(what);
    const bool is_cast = what.how == detail::delivery::cast;
    const bool is_event = what.how == detail::delivery::event;
    const auto handler = is_event  ? handler_.handle_event
                         : is_cast ? server_.handle_cast
                                   : server_.handle_info;
    const char* const name = is_event ? "handle_event" : is_cast ? "handle_cast" : "handle_info";
    if (const auto reason = parents_exit(what)) return stop(*reason);
    const detail::lent term(what.term);
    const std::int32_t status = handler == nullptr
                                    ? COPPICE_UNHANDLED
                                    : run(name, [&] { return handler(self(), state_, term.get()); });
    if (what.of_timer && status == COPPICE_UNHANDLED)
      did.complaints.push_back("its timer has sent it " + detail::show(what.term.bytes()) +
                               ", which no callback takes: the timer is lost");
    const bool dropped = !is_cast || is_handler_ || unhandled_ != coppice::unhandled::exit;
    if (dropped && status == COPPICE_UNHANDLED) return forget_error(); // it may have been logged
    decide("bad_cast", what.term, status);
  }
  void handle_call(const detail::letter& what) {
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
  // True: the router forwarded it.
  bool take_to_route(const detail::letter& what) {
    routed_message one;
    one.kind = what.how == detail::delivery::call   ? COPPICE_ROUTED_CALL
               : what.how == detail::delivery::cast ? COPPICE_ROUTED_CAST
                                                    : COPPICE_ROUTED_INFO;
    one.content = what.term;
    one.from = what.from;
    const std::int32_t status = decide_route("route", router_.route, one, {});
    follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
    if (!world_.dead && one.decided) pass(std::move(one));
    return world_.dead || one.decided;
  }
  template <class Callback>
  std::int32_t decide_route(const char* name, Callback callback, routed_message& one, const value& reason) {
    const detail::lent content(one.content);
    const std::string before = one.route;
    coppice_routed given{};
    given.size = sizeof given;
    given.kind = one.kind;
    given.content = *content.get();
    given.route = {reinterpret_cast<const std::uint8_t*>(before.data()), before.size()};
    std::optional<detail::lent> from;
    std::optional<detail::lent> why;
    if (one.from) given.from = from.emplace(one.from).bytes();
    if (reason) given.reason = why.emplace(reason).bytes();
    one.decided = false;
    world_.routing = {&routes_, &one};
    const std::int32_t status = run(name, [&] { return callback(self(), state_, &given); });
    world_.routing = {};
    if (status != COPPICE_OK) one.decided = false;
    return status;
  }
  void pass(routed_message one) {
    world_.did.routed.push_back(one);
    if (!one.to) return;
    ++one.tries;
    if (one.kind != COPPICE_ROUTED_CALL) {
      world_.did.sent.push_back({one.to, one.content, one.kind == COPPICE_ROUTED_CAST, 0});
      return;
    }
    const response got = world_.others.ask(one.to, one.content);
    if (got.status == COPPICE_OK) return answer_routed(one, got.term);
    if (got.status == COPPICE_E_TIMEOUT) return; // the caller is not answered
    const value reason = got.status == COPPICE_E_NOPROC     ? atom("noproc")
                         : got.status == COPPICE_E_NODEDOWN ? atom("nodedown")
                                                            : got.term;
    constexpr std::uint32_t most_tries = 8;
    if (router_.failed != nullptr && one.tries < most_tries) {
      const std::int32_t status = decide_route("failed", router_.failed, one, reason);
      follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
      if (world_.dead) return;
      if (one.decided) return pass(std::move(one));
    }
    answer_routed(
        one, std::pair(etf::atom{"error"}, std::tuple(etf::atom{"not_routed"}, one.route, reason.term())));
  }
  static void answer_routed(const routed_message& one, const value& reply) {
    const auto open = detail::open_froms.find(one.from);
    const auto waits = open == detail::open_froms.end() ? nullptr : open->second.lock();
    if (waits && !waits->answered) *waits = {true, reply};
  }
  // With `log` and `ignore` the caller gets no answer.
  void refuse_call(const detail::letter& what) {
    const std::string why = std::exchange(world_.error_text, {});
    forget_error();
    const auto open = detail::open_froms.find(what.from);
    const auto waits = open == detail::open_froms.end() ? nullptr : open->second.lock();
    if (unhandled_ != coppice::unhandled::reply_error || !waits || waits->answered) return;
    const std::string text = why.empty() ? "the server takes no such request" : why;
    *waits = {true, std::pair(etf::atom{"error"}, std::pair(etf::atom{"bad_request"}, text))};
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

  // ---- event handlers ----

  // Runs once; the journal has the term that `removed` wrote.
  void take_leave(const value& why, const value& next = {}, const value& next_args = {}) {
    value result = atom("ok");
    if (handler_.removed != nullptr) {
      const detail::lent given(why);
      coppice_writer out;
      detail::write_begin(64, &out);
      const std::uint8_t* const begin = out.at;
      const std::int32_t status =
          run("removed", [&] { return handler_.removed(self(), state_, given.get(), &out); });
      coppice_message made{};
      if (status == COPPICE_OK && out.at != begin && detail::finish(&out, &made) == COPPICE_OK)
        result = *detail::take(&made);
      else
        detail::discard(&out);
      if (status != COPPICE_OK) result = std::pair(etf::atom{"EXIT"}, stop_reason(status).term());
    }
    did.left.push_back({why, std::move(result), next, next_args});
  }
  // Acts on COPPICE_REMOVE_HANDLER or COPPICE_SWAP_HANDLER.
  void leave_manager(std::int32_t status) {
    const value said = std::exchange(world_.error_reason, {});
    forget_error();
    if (status == COPPICE_REMOVE_HANDLER) {
      take_leave(atom("remove_handler"));
      return detail::end(world_, atom("normal"));
    }
    etf::cursor at(said.bytes());
    etf::bytes args, next, next_args;
    if (!said || !at.read_tuple_of(3) || !at.read_term(args) || !at.read_term(next) ||
        !at.read_term(next_args))
      return stop(std::pair(etf::atom{"bad_swap_handler"}, (said ? said : atom("normal")).term()));
    take_leave(value::of(args), value::of(next), value::of(next_args));
    detail::end(world_, atom("normal"));
  }

  // ---- state machines ----

  using step_of_machine = statem_machine<value>::step;

  const detail::machine_in_test& machine() const {
    if (!world_.machine) throw failure("this actor is no state machine");
    return *world_.machine;
  }
  // Applies init's transition. False: the actor has ended.
  bool start_machine() {
    auto& machine = *world_.machine;
    detail::machine_effects effects(world_);
    note_transition(0, {}, {});
    const bool started = machine.is.has_started();
    if (started && machine.is.start(effects) != step_of_machine::failed) {
      world_.did.transitions.back().to = machine.is.state();
      return begins_ = true;
    }
    status_ = COPPICE_E_INVALID;
    const value no_state = std::pair(etf::atom{"bad_return_from_init"}, etf::atom{"ok"});
    detail::end(world_, started ? fault_reason() : no_state);
    return false;
  }
  void note_transition(std::uint32_t event, const value& content, const value& from) {
    world_.did.transitions.push_back({event, content, from, {}, std::exchange(world_.machine->said, {})});
  }
  bool fire_timeout() {
    auto& machine = *world_.machine;
    const auto sooner = [](const auto& a, const auto& b) { return a.due < b.due; };
    const auto next = std::min_element(machine.timers.begin(), machine.timers.end(), sooner);
    if (next == machine.timers.end() || next->due > world_.now) return false;
    const auto fired = *next;
    machine.timers.erase(next);
    if (auto event = machine.is.fire(fired.type, fired.about, fired.serial))
      drive(machine.is.begin(std::move(*event)));
    return true;
  }
  void take_event(const detail::letter& what) {
    if (const auto reason = parents_exit(what)) return stop(*reason);
    const std::uint32_t type = what.how == detail::delivery::call   ? COPPICE_STATEM_EVENT_CALL
                               : what.how == detail::delivery::cast ? COPPICE_STATEM_EVENT_CAST
                                                                    : COPPICE_STATEM_EVENT_INFO;
    drive(world_.machine->is.begin({type, what.from, what.term}));
    if (type == COPPICE_STATEM_EVENT_CALL) detail::leave_open(world_, what);
  }
  // Runs until the machine waits for an event.
  void drive(step_of_machine next) {
    auto& machine = *world_.machine;
    detail::machine_effects effects(world_);
    while (!world_.dead && (next == step_of_machine::handle || next == step_of_machine::enter)) {
      const bool enters = next == step_of_machine::enter;
      const statem_event<value> event = enters ? statem_event<value>{0, {}, {}} : machine.is.current();
      const value before = machine.is.old_state();
      const std::int32_t status = callback_of_machine(event, before);
      note_transition(event.type, event.content, before);
      if (status == COPPICE_STOP)
        return stop(machine.is.reply_only(effects) ? stop_reason(status) : fault_reason());
      if (status != COPPICE_OK && status != COPPICE_HIBERNATE) {
        machine.is.drop_transition();
        if (status != COPPICE_UNHANDLED) return stop(stop_reason(status));
        if (!refuse_event(event)) return;
      }
      forget_error();
      next = machine.is.finish(effects, statem_.enter != nullptr);
      world_.did.transitions.back().to = machine.is.state();
    }
    if (next == step_of_machine::failed && !world_.dead) stop(fault_reason());
  }
  // Calls handle_event, or enter for an event without a type.
  std::int32_t callback_of_machine(const statem_event<value>& event, const value& before) {
    auto& machine = *world_.machine;
    const value now = machine.is.state();
    const detail::lent state(now);
    const detail::lent old_state(before);
    std::optional<detail::lent> about;
    std::optional<detail::lent> content;
    if (event.about) about.emplace(event.about);
    if (event.content) content.emplace(event.content);
    coppice_statem_event given{};
    given.size = sizeof given;
    given.type = event.type;
    given.state = state.bytes();
    if (event.type == 0) given.old_state = old_state.bytes();
    if (event.type == COPPICE_STATEM_EVENT_CALL && about) given.from = about->bytes();
    if (event.type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT && about) given.name = about->bytes();
    if (event.type == COPPICE_STATEM_EVENT_RESPONSE && about) world_.context = about->bytes();
    if (content) given.content = *content->get();
    given.id = event.id;
    given.tag = event.tag;
    given.status = event.status;
    const auto handler = event.type == 0 ? statem_.enter : statem_.handle_event;
    machine.open = true;
    const std::int32_t status = run(event.type == 0 ? "enter" : "handle_event", [&] {
      return handler == nullptr ? COPPICE_UNHANDLED : handler(self(), state_, &given);
    });
    machine.open = false;
    world_.context = {};
    return status;
  }
  // Treats an event that handle_event did not take. False: the actor has ended.
  bool refuse_event(const statem_event<value>& event) {
    const bool call = event.type == COPPICE_STATEM_EVENT_CALL;
    if (!call && event.type != COPPICE_STATEM_EVENT_CAST) return true;
    if (unhandled_ == coppice::unhandled::exit)
      return stop(std::pair(etf::atom{call ? "bad_call" : "bad_cast"}, event.content.term())), false;
    if (call) refuse_call({detail::delivery::call, event.content, event.about});
    return true;
  }
  value fault_reason() {
    etf::vector_writer out(64);
    const value data = save().term;
    write_fault(out, machine().is, data ? data : atom("opaque"));
    return value::of(out.take());
  }

  void decide(std::string_view unhandled, const value& term, std::int32_t status) {
    if (status != COPPICE_UNHANDLED) return follow(status);
    stop(std::pair(etf::atom{unhandled}, term.term()));
  }
  // Acts on the status of a callback.
  void follow(std::int32_t status) {
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
  void forget_error() {
    world_.error_text.clear();
    world_.error_reason = {};
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

  const coppice_actor_type& type_;
  const coppice_lifecycle lifecycle_;
  const coppice_event_handler handler_;
  const bool is_handler_;
  const coppice_server server_;
  const coppice_statem statem_;
  const coppice_router router_;
  const std::map<std::string, value> routes_;
  const bool is_machine_;
  const postponed_options postponed_;
  detail::world world_;
  void* state_ = nullptr;
  const coppice::unhandled unhandled_;
  bool created_ = false;
  bool settling_ = false;
  bool begins_ = false; // a state machine has not handled its first events yet
  std::int32_t status_ = COPPICE_OK;
};

#undef COPPICE_KEPT_PLUGIN_

} // namespace coppice::testing
