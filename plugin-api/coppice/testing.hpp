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
// throws testing::failure. A test is linked with libcoppice-testing, `pkg-config --libs coppice-testing`;
// <coppice/testing/erlang.hpp> adds Erlang's syntax.
#pragma once

#include <coppice/lifecycle.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <coppice/testing/metrics.hpp>
#include <coppice/testing/neighbours.hpp>
#include <coppice/testing/plugin.hpp>
#include <coppice/testing/udp_options.hpp>

namespace coppice::testing {

namespace detail {
struct awaited;
struct letter;
struct process;
struct world;
class behaviour;
class surroundings;
} // namespace detail

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
  explicit operator bool() const;
  /// The reply. Throws failure if there is none yet.
  const value& reply() const;
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
  const std::unique_ptr<detail::world> whole_;
  detail::world& world_ = *whole_;

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
  static actor restored(const plugin& from, const saved_state& saved, const settings& how = {});
  template <detail::nobodys_plugin P>
  static actor restored(P&& from, const saved_state& saved, const settings& how = {}) {
    static_assert(std::is_lvalue_reference_v<P>, COPPICE_KEPT_PLUGIN_);
    return actor(from, how, &saved);
  }
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;
  ~actor();

  /// The status of init or restore_state.
  std::int32_t status() const { return status_; }
  /// False: it has ended, or did not start.
  bool alive() const;
  /// Why it ended, or did not start.
  const value& reason() const;
  /// Its pid.
  const value& pid() const;
  /// The pid of the process that started it.
  const value& parent() const;
  /// Time on the actor's own clock, which only advance() and waiting move.
  nanoseconds now() const;
  /// The wall clock advances with now() and starts at the beginning of 2026; a test may set it.
  std::chrono::sys_time<nanoseconds> wall_now() const;
  /// Sets the wall clock; the actor's own clock stays as it is.
  void set_wall(std::chrono::sys_time<nanoseconds> to);
  /// The timers that have not fired.
  const std::vector<timer>& timers() const;
  /// The flags of each link, by pid.
  const std::map<value, std::uint32_t>& links() const;
  /// The monitors, by reference.
  const std::map<value, monitored>& monitors() const;

  // For a state machine; see coppice/testing/statem.hpp.
  const value& state() const;
  /// The running time-outs. Those of zero have fired before a test can look.
  std::vector<set_timeout> timeouts() const;
  /// The contents of postponed events, oldest first.
  std::vector<value> postponed() const;

  /// gen_server:call. The reply may come later; the returned answer tells.
  answer call(const value& request);
  /// As call(), from the process `caller`.
  answer call_as(const value& caller, const value& request);
  /// A cast, as gen_server:cast sends it.
  void cast(const value& term);
  /// gen_event:notify, for an event handler.
  void notify(const value& event);
  /// gen_event:delete_handler: returns the term that `removed` wrote. The actor has then ended.
  value remove(const value& why);
  /// Delivers a plain message.
  void send(const value& term);
  /// Delivers a message sent to the actor's pid, its name or an alias. False: `to` does not (or no longer)
  /// belong to the actor.
  bool send(const value& to, const value& term, std::uint32_t flags = 0);
  /// Delivers an exit signal of another process. If the two are linked, the link ends.
  void exit(const value& from, const value& reason);
  /// Ends the actor as its supervisor does. An event handler is told by its manager that it ends: `stop`.
  void shut_down(const value& reason = atom("shutdown"));
  /// Ends a monitored process: each monitor of `whom` gets its 'DOWN'.
  void down(const value& whom, const value& reason);
  /// Loses a node: each link and monitor there ends with noconnection, and nodedown is sent if the node is
  /// monitored.
  void lose(std::string_view node);
  /// Lets time pass. Each timer fires at its own time; one that becomes due while a callback runs fires when
  /// the callback has returned.
  void advance(nanoseconds time);
  /// Waits (in real time) for a message that a thread of the plugin posts. False: none came.
  bool await_post(std::chrono::milliseconds patience = 10s);

  // Other processes: as in coppice/testing/neighbours.hpp, from now on.
  value serve(std::string_view name, std::function<response(value request)> does);
  void refuse_children(std::function<value(const child&)> why);
  void serve_spawns(std::function<response(const remote_child&)> does);
  void connect(std::string_view node);
  /// Answers a request that silence() left open; `id` is made_call::id.
  void respond(std::uint64_t id, response what);

  /// The saved state, with all that a reload carries over; actor::restored() goes on from it.
  saved_state save();
  /// The result of sys:get_status: that of format_status, else save_state's term, else `opaque`.
  value format_status();
  /// Changes the configuration; without `env` the env stays. COPPICE_UNHANDLED: a node would restart the
  /// actor. An error: the actor goes on unchanged.
  std::int32_t config_change(const value& args, const value& env = {});

  /// The record of the actor so far: messages sent, lines logged, complaints.
  journal& did;

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

  actor(const plugin& from, const settings& how, const saved_state* saved) : actor(from, how, saved, {}) {}
  actor(const plugin& from, const settings& how, const saved_state* saved, const place& where);

  coppice_actor* self();

  std::int32_t run(const char* name, const std::function<std::int32_t()>& callback);
  // Runs a callback that may only compute.
  std::int32_t compute(const char* name, const std::function<std::int32_t()>& callback);
  // The callback's status; if it made a forbidden call, it has failed whatever it returned.
  std::int32_t judged(std::int32_t status);
  // Runs a callback that may only compute and writes a term.
  std::int32_t written(const char* name, value& into,
                       const std::function<std::int32_t(coppice_writer*)>& callback);

  bool create();
  void start();
  void restore(const saved_state& saved);
  // A state needs code that has a state, and such code needs a saved one.
  std::int32_t restore_state(const saved_state& saved);

  // Other code of the same version reads and writes the same form of state.
  void judge_version(const saved_state& saved);

  // Sends the message of each monitor of those processes. False: there was none.
  bool end_monitors(const value& reason, const std::function<bool(const value& whom)>& is_meant);

  void deliver(detail::letter what);

  // A callback runs, or the test acts for one: messages wait until it has returned.
  bool is_busy() const;
  // Runs until nothing is left to do at this time.
  void settle();
  // For a scene: whether step() would do something now.
  bool has_work() const;
  bool step_once();
  bool step();
  void take_posts();
  // Handles requests that were not yet given to their callees, and those whose deadline has passed.
  bool ask_callees();
  bool end_request(std::uint64_t id, response what);
  std::optional<nanoseconds> next_event() const;

  void dispatch(const detail::letter& what);
  // Acts on the status of a callback.
  void follow(std::int32_t status);
  void stop(const value& reason);

  const coppice_actor_type& type_;
  const coppice_lifecycle lifecycle_;
  std::unique_ptr<detail::behaviour> plays_; // the engine of the actor's behaviour
  void* state_ = nullptr;
  bool created_ = false;
  bool settling_ = false;
  std::int32_t status_ = COPPICE_OK;
};

#undef COPPICE_KEPT_PLUGIN_

} // namespace coppice::testing
