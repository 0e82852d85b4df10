// SPDX-License-Identifier: MIT
// What surrounds one actor under test: a clock that moves when told, what the actor did, those it can call,
// and the messages on their way to it. Behind a `coppice_actor*` there is a world. Nothing runs by itself:
// <coppice/testing.hpp> drives it. Header-only. One thread, but for post.
#pragma once

#include <coppice/log.h>
#include <coppice/message.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <coppice/testing/value.hpp>

namespace coppice::testing {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// What a process that the actor calls does about a request.
struct response {
  std::int32_t status = COPPICE_OK; ///< COPPICE_E_EXIT, E_NOPROC, E_NODEDOWN; E_TIMEOUT: it never answers
  value term;                       ///< the reply, or the exit reason
};
inline response replies(value reply) {
  return {COPPICE_OK, std::move(reply)};
}
inline response exits(value reason) {
  return {COPPICE_E_EXIT, std::move(reason)};
}
inline response nodedown() {
  return {COPPICE_E_NODEDOWN, {}};
}
inline response silence() {
  return {COPPICE_E_TIMEOUT, {}};
}

// What an actor did. Destinations, pids and references are terms.
struct sent_message {
  value to, term;
  bool is_cast = false;
  bool priority = false;
};
struct made_call {
  value to, request;
  nanoseconds patience{}; ///< nanoseconds::max(): no deadline
  std::uint64_t id = 0;   ///< of a request; 0: a call
};
struct child {
  std::string actor, name;
  value args, pid;
  bool linked = false, monitored = false;
};
struct remote_child {
  std::string node, module, function;
  value args, options, pid;
  bool linked = false, monitored = false;
};
struct sent_exit {
  value pid, reason; ///< or an alias
  bool priority = false;
};
struct log_line {
  std::int32_t level = COPPICE_LOG_INFO;
  std::string text;
  std::map<std::string, value> fields;
};
struct timer {
  std::uint64_t id = 0;
  nanoseconds due{}; ///< on the actor's clock
  value to, term;    ///< no `to`: the actor itself
};

/// In the order it happened; a test reads and clears as it likes.
struct journal {
  std::vector<sent_message> sent;
  std::vector<made_call> calls;
  std::vector<child> children;
  std::vector<remote_child> remote_children;
  std::vector<sent_exit> exits;
  std::vector<log_line> logs;
  std::vector<std::string> complaints; ///< rules of the ABI that it broke
  std::string label;
};

namespace detail {

/// What a plugin did wrong without an actor that could be blamed.
struct complaint_box {
  std::mutex lock;
  std::vector<std::string> texts;
};
inline complaint_box complaints;
inline void complain(std::string text) {
  const std::scoped_lock held(complaints.lock);
  complaints.texts.push_back(std::move(text));
}

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
  value from;            ///< of a call
  bool priority = false; ///< before those that are not
};

/// Messages of threads that are not the test's.
struct letterbox {
  std::mutex lock;
  std::condition_variable came;
  std::deque<value> letters;
  bool closed = false; ///< the actor has ended
};

struct world {
  std::string plugin;
  value self, parent, node, args, env;
  std::string name;
  journal did;
  nanoseconds now = 1000s;
  std::vector<timer> timers;
  std::deque<letter> mailbox;
  std::map<value, std::function<response(value)>> callees; ///< by destination
  std::map<std::string, value> names;                      ///< of others here
  std::function<value(const child&)> refuse_child;
  std::function<response(const remote_child&)> answer_spawn;
  std::map<std::uint64_t, open_request> requests;
  std::deque<ended_request> ended;
  std::set<value> links, aliases, priority_aliases, nodes;
  std::map<value, value> monitors; ///< what is monitored, by reference
  std::shared_ptr<letterbox> letters = std::make_shared<letterbox>();
  std::uint64_t last_id = 0;
  bool trapping = false, restricted = false, dead = false;
  value reason; ///< why it is dead
  std::string error_text;
  value error_reason;

  coppice_actor* handle() { return reinterpret_cast<coppice_actor*>(this); }
};

inline world* of(coppice_actor* self) {
  return reinterpret_cast<world*>(self);
}
/// Whose callback runs; one actor's test may drive another from inside a call.
inline thread_local world* current = nullptr;
/// Whose time it is outside of callbacks.
inline std::atomic<world*> latest{nullptr};
/// Ends a world's being current when a callback returns.
class turn {
 public:
  explicit turn(world* entered) : outer_(std::exchange(current, entered)) {
    if (entered != nullptr) latest = entered;
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() { current = outer_; }

 private:
  world* outer_;
};

inline std::uint32_t next_number() {
  static std::atomic<std::uint32_t> last{100};
  return ++last;
}
inline value fresh_pid(std::string_view node) {
  return etf::pid{node, next_number(), 0, 4};
}
inline value fresh_reference(std::string_view node) {
  return etf::reference{node, 4, 3, {next_number(), 0, 0}};
}
inline std::string_view node_of(const world& w) {
  std::string_view name;
  etf::cursor(w.node.bytes()).read_atom(name);
  return name;
}

/// COPPICE_OK inside a callback of that actor.
inline std::int32_t may_look(coppice_actor* self) {
  if (self == nullptr) return COPPICE_E_INVALID;
  if (of(self) == current) return COPPICE_OK;
  complain("a host call for an actor outside of its callbacks");
  return COPPICE_E_CONTEXT;
}
inline std::int32_t may_call(coppice_actor* self) {
  if (const std::int32_t status = may_look(self); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (w.dead) return COPPICE_E_EXITING;
  if (!w.restricted) return COPPICE_OK;
  w.did.complaints.emplace_back("a host call in a callback that may only compute");
  return COPPICE_E_CONTEXT;
}

/// Bytes that should be one term.
inline std::optional<value> term_of(coppice_bytes from) {
  if (from.data == nullptr || !is_term(view(from))) return std::nullopt;
  return value::of(view(from));
}
/// A pid, an atom, {Name, Node} or a reference.
inline std::optional<value> destination_of(coppice_bytes from) {
  const auto term = term_of(from);
  if (!term) return std::nullopt;
  etf::cursor at(term->bytes());
  std::string_view word;
  const auto kind = at.peek();
  if (kind == etf::kind::pid || kind == etf::kind::reference || kind == etf::kind::atom) return term;
  if (at.read_tuple_of(2) && at.read_atom(word) && at.read_atom(word)) return term;
  return std::nullopt;
}
inline std::string text_of(coppice_bytes from) {
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
inline void exit_signal(world& w, const value& from, const value& reason, bool priority = false) {
  if (is_atom(reason, "kill")) return end(w, atom("killed"));
  if (w.trapping) {
    put(w, {delivery::info, std::tuple(etf::atom{"EXIT"}, from.term(), reason.term()), {}, priority});
  } else if (!is_atom(reason, "normal") || from == w.self) {
    end(w, reason);
  }
}
inline void deliver(world& w, const value& to, value term, bool is_cast, bool priority = false) {
  if (is_self(w, to)) {
    put(w, {is_cast ? delivery::cast : delivery::info,
            std::move(term),
            {},
            priority && w.priority_aliases.contains(to)});
  } else {
    w.did.sent.push_back({to, std::move(term), is_cast, priority});
  }
}
/// Fires what is due on the actor's clock, in order.
inline void fire_timers(world& w) {
  for (;;) {
    const auto first = std::min_element(w.timers.begin(), w.timers.end(), [](const timer& a, const timer& b) {
      return std::pair(a.due, a.id) < std::pair(b.due, b.id);
    });
    if (first == w.timers.end() || first->due > w.now) return;
    timer fired = std::move(*first);
    w.timers.erase(first);
    deliver(w, fired.to ? fired.to : w.self, std::move(fired.term), false);
  }
}

/// What the called process does; nobody there: noproc, or nodedown on another node.
inline response ask(world& w, const value& to, const value& request) {
  const auto found = w.callees.find(to);
  if (found != w.callees.end()) return found->second(request);
  etf::cursor at(to.bytes());
  return {at.peek() == etf::kind::tuple ? COPPICE_E_NODEDOWN : COPPICE_E_NOPROC, {}};
}

} // namespace detail
} // namespace coppice::testing
