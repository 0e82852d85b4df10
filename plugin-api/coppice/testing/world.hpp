// SPDX-License-Identifier: MIT
// The object behind the `coppice_actor*` of an actor under test: its process, which outlives its code, and
// the test's records of it. Nothing runs by itself: <coppice/testing.hpp> drives it. In the
// test's thread, except members said to be guarded.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <coppice/detail/behaviours.h>
#include <coppice/plugin.h>
#include <coppice/testing/neighbours.hpp>
#include <coppice/testing/udp_options.hpp>

namespace coppice::testing::detail {

/// A call to the actor that waits for its reply; found by its From, also from a later generation.
struct awaited {
  bool answered = false;
  value reply;
};
inline std::map<value, std::weak_ptr<awaited>> open_froms;

/// A call that its handler left without a reply; its caller waits until `due` at most.
struct open_call {
  value request;
  nanoseconds due{};
  std::shared_ptr<const awaited> waits;
  const char* remedy;
};

struct open_request {
  made_call asked;
  std::uint64_t tag = 0;
  nanoseconds due{};
  bool asked_already = false;
  value context = {}; ///< kept with it; none: nothing was
};
struct ended_request {
  std::uint64_t id = 0, tag = 0;
  response outcome;
  value context = {};
};

enum class delivery : std::uint8_t { call, cast, info, event };
struct letter {
  delivery how = delivery::info;
  value term;
  value from = {};       ///< of a call
  bool priority = false; ///< comes before messages without priority
  bool of_timer = false; ///< a timer of the actor has fired
};

/// Messages from other threads than the test's.
struct letterbox {
  std::mutex lock;
  std::condition_variable came;
  std::deque<value> letters;
  bool closed = false; ///< the actor has ended
};

struct world;
/// A source of callbacks: the engine of the actor's behaviour, or one beside it, such as the two of
/// coppice/testing/net.hpp. One beside it stays when the actor's code is replaced, and its class has a
/// constexpr `interface_name`. In the test's thread.
class engine : public std::enable_shared_from_this<engine> {
 public:
  engine() = default;
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  virtual ~engine() = default;

  struct call {
    const char* callback; ///< null: `make` runs its callbacks by world::run, and is given no state
    std::function<std::int32_t(coppice_actor* self, void* state)> make;
    bool ends_actor = false; ///< after the callback
    value reason{};          ///< exit reason; none: `normal`
  };
  /// The callback to make now. Empty: none at this time.
  virtual std::optional<call> next(world& w) = 0;
  /// The callback for a message, which the engine then takes in place of the actor. Empty: the actor takes
  /// it.
  virtual std::optional<call> takes(const letter&) { return std::nullopt; }
  /// The time of the next callback; nanoseconds::max(): never.
  virtual nanoseconds due() const = 0;
  /// It belongs to another generation now; null: to none until an actor is restored.
  virtual void carried_to(world* next) = 0;
  virtual bool is_of(const world& w) const = 0;
  /// Its actor has ended; `orderly`: not by a failure.
  virtual void ended(bool orderly) = 0;
};

/// The engine of an actor's behaviour. It takes every message that no engine beside it takes, and each
/// generation of the actor's code has a new one; its next() comes before any message. In the test's thread.
class behaviour : public engine {
 public:
  /// Runs init by `callback` and returns its status.
  virtual std::int32_t init(const std::function<std::int32_t()>& callback) { return callback(); }
  /// After a successful init. An error: the actor has ended.
  virtual std::int32_t starts() { return COPPICE_OK; }
  /// Before the actor is restored.
  virtual void restores() {}

  std::optional<call> next(world&) override { return std::nullopt; }
  nanoseconds due() const override { return nanoseconds::max(); }
  /// The callback for the end of a request. Empty: none.
  virtual std::optional<call> answered(const ended_request& what) = 0;
  /// Acts on a status that only this behaviour knows. False: it knows no such status.
  virtual bool follows(std::int32_t) { return false; }
  /// Before the actor's terminate.
  virtual void stops(const value&) {}

  /// Whether the actor is called by a manager of events, which it can leave.
  virtual bool takes_events() const { return false; }
  virtual void leave_manager(const value&) {}

  void carried_to(world*) final {}
  bool is_of(const world& w) const final { return &w == &world_; }
  void ended(bool) final {}

 protected:
  explicit behaviour(world& of) : world_(of) {}

  world& world_;
};

/// The other actors of a scene, see coppice/testing/scene.hpp: signals of one actor to another one go there.
/// In the test's thread.
class surroundings {
 public:
  surroundings() = default;
  surroundings(const surroundings&) = delete;
  surroundings& operator=(const surroundings&) = delete;

  /// A new actor, before its first callback.
  virtual void enters(world& who) = 0;
  virtual nanoseconds now() const = 0;
  /// Runs until nothing is left to do at this time.
  virtual void go_on() = 0;
  virtual void advance(nanoseconds time) = 0;
  virtual void message(world& from, const value& to, letter what, std::uint32_t flags) = 0;
  virtual void exit(world& from, const value& to, const value& reason) = 0;
  virtual void linked(world& from, const value& to) = 0;
  virtual void unlinked(world& from, const value& to) = 0;
  virtual void monitors(world& from, const value& reference) = 0;
  /// None: no actor of the scene has that name.
  virtual value whereis(const std::string& name) = 0;
  /// The exit reason, or no term: it has started, and `made` has its pid. Empty: its plugin is not known
  /// here.
  virtual std::optional<value> spawn(world& from, child& made) = 0;
  /// Waits for the response to a call. Empty: no actor of the scene is called.
  virtual std::optional<response> ask(world& from, const value& to, const value& request,
                                      nanoseconds patience) = 0;
  /// Passes a request on, whose response comes later. False: no actor of the scene is asked.
  virtual bool asks(world& from, std::uint64_t id) = 0;
  /// Waits until that request has ended or its time is over.
  virtual void wait_for(world& from, std::uint64_t id) = 0;

 protected:
  ~surroundings() = default;
};

/// The parts of an actor that stay when its code is replaced.
struct process {
  value self, parent, node, args, env;
  std::string name;
  neighbours others;
  nanoseconds now = 1000s;
  nanoseconds wall_at_zero = 1767225600s - 1000s; ///< wall clock when `now` is 0: the beginning of 2026
  std::vector<timer> timers;
  std::optional<machine_in_test> machine; ///< for a state machine
  routing_in_test routing;                ///< for a router
  udp_options udp;                        ///< for an actor for datagrams
  /// By the name of the host's interface that each implements; most actors have none.
  std::map<std::string_view, std::shared_ptr<engine>> beside;
  std::map<std::uint64_t, open_request> requests;
  std::vector<open_call> unanswered;
  std::map<value, std::uint32_t> links;   ///< flags, by pid
  std::map<value, std::uint32_t> aliases; ///< flags, by reference
  std::map<value, monitored> monitors;    ///< by reference
  std::multiset<std::string> nodes;       ///< monitored nodes
  std::uint64_t last_id = 0;
  bool trapping = false;
};

/// Takes what the running callback asks for and the host would carry out later: the effects of a replicated
/// state machine, see coppice/testing/raft.hpp. The arguments are well-formed; each returns the status.
class effect_notes {
 public:
  effect_notes() = default;
  effect_notes(const effect_notes&) = delete;
  effect_notes& operator=(const effect_notes&) = delete;

  virtual std::int32_t send(sent_message what) = 0;
  virtual std::int32_t start(timer what, std::uint64_t& id) = 0;
  virtual std::int32_t cancel(std::uint64_t id) = 0;
  virtual std::int32_t monitor(monitored what, value& reference) = 0;
  virtual std::int32_t demonitor(const value& reference) = 0;

 protected:
  ~effect_notes() = default;
};

/// All existing worlds, so that a pointer kept by a plugin is known to be stale.
struct world_list {
  std::mutex lock;
  std::set<world*> all;
  std::vector<std::string> complaints; ///< complaints about no actor in particular
};
inline world_list worlds;
/// The actor whose time holds outside of callbacks.
inline std::atomic<world*> latest{nullptr};

struct world : process {
  world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world();
  /// The memory of the latest 64 that are gone is not used again, so that a plugin which has kept the pointer
  /// of one does not meet another actor there.
  static void* operator new(std::size_t size);
  static void operator delete(void* memory) noexcept;

  std::string plugin;
  const coppice_actor_type* type = nullptr;
  std::function<void()> go_on; ///< runs until nothing is left to do at this time
  /// For engines that call back more than once in one turn: runs a callback, whose status it returns.
  std::function<std::int32_t(const char* name,
                             const std::function<std::int32_t(coppice_actor*, void*)>& make)>
      run;
  std::function<void(std::int32_t status)> follow; ///< acts on such a status, by which the actor may end
  std::function<void(const value& reason)> stop;
  std::function<value()> data;    ///< what save_state writes; no term: nothing
  surroundings* around = nullptr; ///< null: the actor runs alone
  journal did;
  std::deque<letter> mailbox;
  std::deque<ended_request> ended;
  std::shared_ptr<letterbox> letters = std::make_shared<letterbox>();
  std::atomic<const char*> callback{nullptr}; ///< the running callback
  bool computing = false;                     ///< the running callback may only compute
  effect_notes* noting = nullptr;             ///< while a callback runs whose effects are only noted
  std::string refused;                        ///< a forbidden action of that callback, in a sentence
  value asked;                                ///< the From of the call in hand
  bool answered = false;                      ///< the call in hand was answered
  coppice_bytes context{};                    ///< of the request whose end a callback is told of
  bool dead = false;
  value reason; ///< why the actor has ended
  std::string error_text;
  value error_reason;
  std::vector<std::string> overheard; ///< complaints of other threads; guarded by worlds.lock

  coppice_actor* handle() { return reinterpret_cast<coppice_actor*>(this); }
};

world* of(coppice_actor* self);

/// The table as wide as in this header; members that the plugin's lacks are null.
template <class Table>
Table table_of(const coppice_actor_type& type, const char* name) {
  Table table{};
  const coppice_table* const found = coppice_find_table(&type, name);
  if (found == nullptr) return table;
  std::uint32_t size = 0;
  std::memcpy(&size, found->callbacks, sizeof size);
  std::memcpy(&table, found->callbacks, std::min<std::size_t>(size, sizeof table));
  return table;
}

/// Null: nothing has asked for it yet.
template <class Engine>
Engine* find_engine(const world& w) {
  const auto found = w.beside.find(Engine::interface_name);
  return found == w.beside.end() ? nullptr : static_cast<Engine*>(found->second.get());
}
/// Made by its first user.
template <class Engine>
Engine& engine_of(world& w) {
  if (Engine* const found = find_engine<Engine>(w)) return *found;
  const auto made = std::make_shared<Engine>(w); // throws if the test's settings are wrong
  w.beside.emplace(Engine::interface_name, made);
  return *made;
}

/// By behaviour: the function that makes the engine of such an actor at its start. A header of a behaviour
/// adds a line: `inline const bool … = engines_of_behaviours().emplace(NAME, &begin_with<Engine>).second;`
std::map<std::string_view, void (*)(world&)>& engines_of_behaviours();
template <class Engine>
void begin_with(world& w) {
  engine_of<Engine>(w);
}
} // namespace coppice::testing::detail
