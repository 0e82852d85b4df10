// SPDX-License-Identifier: MIT
// What is behind the `coppice_actor*` of an actor under test: its process, which outlives its code, with what
// this test has of it. Nothing runs by itself: <coppice/testing.hpp> drives it. Header-only. In the test's
// thread, but for what says that it is guarded.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <coppice/behaviours.h>
#include <coppice/plugin.h>
#include <coppice/testing/neighbours.hpp>
#include <coppice/testing/udp_options.hpp>

namespace coppice::testing::detail {

/// A call to the actor that awaits its reply; found by its From, also from a later generation.
struct awaited {
  bool answered = false;
  value reply;
};
inline std::map<value, std::weak_ptr<awaited>> open_froms;

/// A call that its handler left without a reply; its caller waits no longer than until `due`.
struct open_call {
  value request;
  nanoseconds due{};
  std::shared_ptr<const awaited> waits;
};

struct open_request {
  made_call asked;
  std::uint64_t tag = 0;
  nanoseconds due{};
  bool asked_already = false;
};
struct ended_request {
  std::uint64_t id = 0, tag = 0;
  response outcome;
};

enum class delivery : std::uint8_t { call, cast, info, event };
struct letter {
  delivery how = delivery::info;
  value term;
  value from = {};       ///< of a call
  bool priority = false; ///< before those that are not
};

/// Messages of threads that are not the test's.
struct letterbox {
  std::mutex lock;
  std::condition_variable came;
  std::deque<value> letters;
  bool closed = false; ///< the actor has ended
};

struct world;
/// What moves an actor beside its mailbox, and stays when its code is replaced: coppice/testing/net.hpp has
/// two. Its class has a constexpr `interface_name`. In the test's thread.
class engine : public std::enable_shared_from_this<engine> {
 public:
  engine() = default;
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  virtual ~engine() = default;

  struct call {
    const char* callback;
    std::function<std::int32_t(coppice_actor* self, void* state)> make;
    bool ends_actor = false; ///< afterwards
    value reason{};          ///< with which; none: `normal`
  };
  /// The callback that is to be made now; none: there is none at this time.
  virtual std::optional<call> next(world& w) = 0;
  /// When time will bring one; nanoseconds::max(): never.
  virtual nanoseconds due() const = 0;
  /// It is another generation's now; null: of none until one is restored.
  virtual void carried_to(world* next) = 0;
  virtual bool is_of(const world& w) const = 0;
  /// Its actor has ended; `orderly`: not by a failure.
  virtual void ended(bool orderly) = 0;
};

/// What stays when an actor's code is replaced.
struct process {
  value self, parent, node, args, env;
  std::string name;
  neighbours others;
  nanoseconds now = 1000s;
  nanoseconds wall_at_zero =
      1767225600s - 1000s; ///< what the wall's clock shows at 0 of `now`: it began 2026
  std::vector<timer> timers;
  std::optional<machine_in_test> machine; ///< of an actor that is a state machine
  routing_in_test routing;                ///< of one that is a router
  udp_options udp;                        ///< of one that takes datagrams
  /// By the name of the host's interface that each stands for; most actors have none.
  std::map<std::string_view, std::shared_ptr<engine>> beside;
  std::map<std::uint64_t, open_request> requests;
  std::vector<open_call> unanswered;
  std::map<value, std::uint32_t> links;   ///< flags, by pid
  std::map<value, std::uint32_t> aliases; ///< flags, by reference
  std::map<value, monitored> monitors;    ///< by reference
  std::multiset<std::string> nodes;       ///< those it monitors
  std::uint64_t last_id = 0;
  bool trapping = false;
};

/// Those there are, so that a pointer which a plugin has kept is known to be stale.
struct world_list {
  std::mutex lock;
  std::set<world*> all;
  std::vector<std::string> complaints; ///< of no actor of these
};
inline world_list worlds;
/// Whose time it is outside of callbacks.
inline std::atomic<world*> latest{nullptr};

struct world : process {
  world() {
    const std::scoped_lock held(worlds.lock);
    worlds.all.insert(this);
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() {
    world* mine = this;
    latest.compare_exchange_strong(mine, nullptr);
    const std::scoped_lock held(worlds.lock);
    worlds.all.erase(this);
    std::ranges::move(overheard, std::back_inserter(worlds.complaints));
  }

  std::string plugin;
  const coppice_actor_type* type = nullptr;
  std::function<void()> go_on; ///< until nothing is left to do at this time
  journal did;
  std::deque<letter> mailbox;
  std::deque<ended_request> ended;
  std::shared_ptr<letterbox> letters = std::make_shared<letterbox>();
  std::atomic<const char*> callback{nullptr}; ///< that runs
  bool computing = false;                     ///< in one that may do nothing else
  std::string refused;                        ///< what that one did all the same, in a sentence
  value asked;                                ///< the From of the call in hand
  bool answered = false;                      ///< that call
  bool dead = false;
  value reason; ///< why it is dead
  std::string error_text;
  value error_reason;
  std::vector<std::string> overheard; ///< complaints of other threads; guarded by worlds.lock

  coppice_actor* handle() { return reinterpret_cast<coppice_actor*>(this); }
};

inline world* of(coppice_actor* self) {
  return reinterpret_cast<world*>(self);
}

/// As wide as the table of this header; what the plugin's lacks is null.
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
/// Made by who asks first.
template <class Engine>
Engine& engine_of(world& w) {
  if (Engine* const found = find_engine<Engine>(w)) return *found;
  const auto made = std::make_shared<Engine>(w); // throws what is wrong with the test's settings
  w.beside.emplace(Engine::interface_name, made);
  return *made;
}
} // namespace coppice::testing::detail
