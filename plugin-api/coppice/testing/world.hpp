// SPDX-License-Identifier: MIT
// What is behind the `coppice_actor*` of an actor under test: its process, which outlives its code, and what
// this test has of it; how messages and exit signals reach it; and when a host call is in its place, or what
// to complain of. Nothing runs by itself: <coppice/testing.hpp> drives it. Header-only. In the test's
// thread, but for complaints and letters, which other threads leave.
#pragma once

#include <coppice/message.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include <coppice/testing/neighbours.hpp>

namespace coppice::testing::detail {

inline etf::bytes view(coppice_bytes bytes) {
  return {bytes.data, static_cast<std::size_t>(bytes.size)};
}
inline coppice_bytes plain(etf::bytes bytes) {
  return {bytes.data(), bytes.size()};
}
inline bool is_term(etf::bytes bytes) {
  const auto size = etf::validate(bytes);
  return !bytes.empty() && size && *size == bytes.size();
}

/// A call to the actor that awaits its reply; found by its From, also from a later generation.
struct awaited {
  bool answered = false;
  value reply;
};
inline std::map<value, std::weak_ptr<awaited>> open_froms;

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

enum class delivery : std::uint8_t { call, cast, info };
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

/// What stays when an actor's code is replaced.
struct process {
  value self, parent, node, args, env;
  std::string name;
  neighbours others;
  nanoseconds now = 1000s;
  std::vector<timer> timers;
  std::map<std::uint64_t, open_request> requests;
  std::map<value, std::uint32_t> links;   ///< flags, by pid
  std::map<value, std::uint32_t> aliases; ///< flags, by reference
  std::map<value, monitored> monitors;    ///< by reference
  std::multiset<std::string> nodes;       ///< those it monitors
  std::uint64_t last_id = 0;
  bool trapping = false;
};

struct world;
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
/// Whose callback runs on this thread; one actor's test may drive another from inside a call.
inline thread_local world* current = nullptr;

/// Takes what other threads had to complain of into the journal.
inline void hear(world& w) {
  const std::scoped_lock held(worlds.lock);
  std::ranges::move(w.overheard, std::back_inserter(w.did.complaints));
  w.overheard.clear();
}

/// One callback of an actor, from its call to its return.
class turn {
 public:
  turn(world& entered, const char* callback, bool computing)
      : world_(entered),
        outer_(std::exchange(current, &entered)),
        outer_callback_(entered.callback.exchange(callback)),
        outer_computing_(std::exchange(entered.computing, computing)) {
    latest = &entered;
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() {
    world_.computing = outer_computing_;
    world_.callback = outer_callback_;
    current = outer_;
    hear(world_);
  }

 private:
  world& world_;
  world* const outer_;
  const char* const outer_callback_;
  const bool outer_computing_;
};

/// Sets a flag as long as it lives.
class raised {
 public:
  explicit raised(bool& flag) : flag_(flag) { flag_ = true; }
  raised(const raised&) = delete;
  raised& operator=(const raised&) = delete;
  ~raised() { flag_ = false; }

 private:
  bool& flag_;
};

/// What runs beside the actor although a callback of it has not returned.
class beside {
 public:
  beside() : outer_(std::exchange(current, nullptr)) {}
  beside(const beside&) = delete;
  beside& operator=(const beside&) = delete;
  ~beside() { current = outer_; }

 private:
  world* const outer_;
};

/// Of whoever runs on this thread.
inline void complain(std::string text) {
  if (current != nullptr) return current->did.complaints.push_back(std::move(text));
  const std::scoped_lock held(worlds.lock);
  worlds.complaints.push_back(std::move(text));
}
/// Of the callback that runs on this thread.
inline void complain_of_callback(const std::string& function, std::string_view what) {
  complain("its " + std::string(current->callback.load()) + " called " + function + std::string(what));
}
/// A host call with a self whose callback this is not.
inline void complain_of_self(world* self, const std::string& function) {
  if (current != nullptr) return complain_of_callback(function, " with another actor's self");
  const std::scoped_lock held(worlds.lock);
  if (!worlds.all.contains(self))
    return worlds.complaints.push_back(function + " was called with the self of an actor that is gone");
  const char* const running = self->callback;
  self->overheard.push_back(running == nullptr ? function + " was called outside of callbacks"
                                               : function + " was called while " + running +
                                                     " runs, but not on its thread and stack");
}
/// What a callback that only computes is to do instead, in the node's words.
inline std::string_view advice_for(std::string_view callback) {
  if (callback == "create")
    return ", which is not allowed before init: use init, and after_restore for a state that is restored";
  if (callback == "format_status") return ", which is not allowed while a state is shown";
  return ", which is allowed only after the switch: use after_restore";
}

/// COPPICE_OK inside a callback of that actor. `function` is the host call's name, with its interface's.
inline std::int32_t may_look(coppice_actor* self, const char* function) {
  if (self == nullptr) return COPPICE_E_INVALID;
  if (of(self) == current) return COPPICE_OK;
  complain_of_self(of(self), function);
  return COPPICE_E_CONTEXT;
}
/// The same where that callback may do more than compute.
inline std::int32_t may_call(coppice_actor* self, const char* function) {
  if (const std::int32_t status = may_look(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (w.dead) return COPPICE_E_EXITING;
  if (!w.computing) return COPPICE_OK;
  complain_of_callback(function, advice_for(w.callback.load()));
  if (w.refused.empty()) w.refused = w.did.complaints.back();
  return COPPICE_E_CONTEXT;
}

/// Bytes that should be one term.
inline std::optional<value> term_of(coppice_bytes from) {
  if (from.data == nullptr || !is_term(view(from))) return std::nullopt;
  return value::of(view(from));
}
/// The same of one kind.
inline std::optional<value> term_of(coppice_bytes from, etf::kind wanted) {
  auto term = term_of(from);
  return term && etf::cursor(term->bytes()).peek() == wanted ? term : std::nullopt;
}
/// A pid, an atom, {Name, Node} or a reference.
inline std::optional<value> destination_of(coppice_bytes from) {
  auto term = term_of(from);
  if (!term) return std::nullopt;
  etf::cursor at(term->bytes());
  std::string_view word;
  const auto kind = at.peek();
  if (kind == etf::kind::pid || kind == etf::kind::reference || kind == etf::kind::atom) return term;
  if (at.read_tuple_of(2) && at.read_atom(word) && at.read_atom(word)) return term;
  return std::nullopt;
}
inline std::string text_of(coppice_bytes from) {
  if (from.data == nullptr) return {};
  return {reinterpret_cast<const char*>(from.data), static_cast<std::size_t>(from.size)};
}

/// Whether a destination is the actor itself.
inline bool is_self(const world& w, const value& to) {
  if (to == w.self || w.aliases.contains(to)) return true;
  if (w.name.empty()) return false;
  return to == atom(w.name) || to == value(std::pair(etf::atom{w.name}, w.node.term()));
}
inline void end(world& w, value reason) {
  if (w.dead) return;
  w.dead = true;
  w.reason = std::move(reason);
  const std::scoped_lock held(w.letters->lock);
  w.letters->closed = true;
}
inline bool is_atom(const value& term, std::string_view name) {
  return etf::cursor(term.bytes()).read_atom_is(name);
}
/// Behind what waits, or before all that has no priority.
inline void put(world& w, letter what) {
  const auto ordinary = [](const letter& each) { return !each.priority; };
  const auto at = what.priority ? std::ranges::find_if(w.mailbox, ordinary) : w.mailbox.end();
  w.mailbox.insert(at, std::move(what));
}
/// An exit signal, as Erlang treats it.
inline void exit_signal(world& w, const value& from, const value& reason, bool priority) {
  if (is_atom(reason, "kill")) return end(w, atom("killed"));
  if (w.trapping) {
    put(w, {delivery::info, std::tuple(etf::atom{"EXIT"}, from.term(), reason.term()), {}, priority});
  } else if (!is_atom(reason, "normal") || from == w.self) {
    end(w, reason);
  }
}
/// Puts a message into the mailbox if `to` is the actor. By an alias for one message it is the last.
inline bool arrives(world& w, const value& to, letter what, std::uint32_t flags) {
  if (!is_self(w, to)) return false;
  if (const auto alias = w.aliases.find(to); alias != w.aliases.end()) {
    what.priority = (flags & alias->second & COPPICE_PRIORITY) != 0;
    if ((alias->second & COPPICE_ONCE) != 0) {
      w.monitors.erase(to);
      w.aliases.erase(alias);
    }
  }
  put(w, std::move(what));
  return true;
}
inline void deliver(world& w, const value& to, value term, bool is_cast, std::uint32_t flags = 0) {
  const auto how = is_cast ? delivery::cast : delivery::info;
  if (is_self(w, to))
    arrives(w, to, {how, std::move(term)}, flags);
  else
    w.did.sent.push_back({to, std::move(term), is_cast, flags});
}
/// Ends a monitor, and with it the alias that was to last as long.
inline bool end_monitor(world& w, const value& reference) {
  const auto found = w.monitors.find(reference);
  if (found == w.monitors.end()) return false;
  if (found->second.alias != COPPICE_ALIAS_EXPLICIT) w.aliases.erase(reference);
  w.monitors.erase(found);
  return true;
}
/// Fires what is due on the actor's clock, in order.
inline void fire_timers(world& w) {
  for (;;) {
    const auto first = std::ranges::min_element(
        w.timers, {}, [](const timer& each) { return std::pair(each.due, each.id); });
    if (first == w.timers.end() || first->due > w.now) return;
    const timer fired = *first;
    if (fired.period == 0ns) {
      w.timers.erase(first);
    } else { // those it was too late for are left out
      first->due += ((w.now - fired.due) / fired.period + 1) * fired.period;
    }
    deliver(w, fired.to ? fired.to : w.self, fired.term, false);
  }
}

} // namespace coppice::testing::detail
