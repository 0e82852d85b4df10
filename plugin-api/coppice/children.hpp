// SPDX-License-Identifier: MIT
// Starts and ends children of a supervisor while the node runs: actors by class or by name, and supervisors
// with children of their own. A supervisor_of is made from the actor that uses it. It asks the supervisor by
// a call, which parks the actor until the answer, for at most 5 s. Header-only. Only in the actor's callbacks
// that may call.
//
//   coppice::supervisor_of games(*this, "games");
//   games.start_child<game>(settings{2}, {.id = "first"});
//   games.start_child(coppice::child_spec::supervisor(
//       {.id = "table", .strategy = "one_for_all"},
//       {coppice::child_spec::of<dealer>(settings{2}), coppice::child_spec::of("shop:till", settings{2})}));
#pragma once

#include <coppice/actor.hpp>
#include <coppice/detail/descriptor.hpp>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

namespace detail {
using done = etf::constant<"ok">;
using error_tag = etf::constant<"error">;

/// Makes a call_error of {error, Reason}.
inline unexpected<call_error> refusal(owned_term reason) {
  return unexpected(call_error{COPPICE_E_REFUSED, std::move(reason), {}});
}
} // namespace detail

/// The bound of a child's mailbox, as the key `mailbox` of the configuration. The supervisor refuses values
/// out of range with a sentence.
struct mailbox_options {
  std::uint32_t limit = 100'000;       ///< messages: 1 to 16,000,000
  std::uint64_t bytes = 0;             ///< 0: no bound of its own
  std::string on_full = "park_sender"; ///< or drop_new, drop_old, exit
};

/// How long a child waits before a restart: `first`, doubled each time; if `first` is 0, from 100 ms. As the
/// configuration's key.
struct backoff_options {
  std::chrono::milliseconds first = 0s;
  std::chrono::milliseconds max = 30s; ///< longest wait; a child that ran this long starts at `first` again
  double jitter = 0.2;                 ///< 0 to 1: random part of a wait
};

/// Restart type, shutdown and so on, as a child's keys in the configuration.
struct child_options {
  std::string id = {};               ///< among its siblings; empty: the actor's name
  std::string restart = "permanent"; ///< or transient, temporary
  std::chrono::milliseconds shutdown = 5s;
  std::string name = {};    ///< registered name; empty: none
  bool significant = false; ///< its end may end the supervisor: auto_shutdown
  std::optional<mailbox_options> mailbox = {};
  std::optional<backoff_options> backoff = {};      ///< none: restarted at once
  std::optional<coppice::unhandled> unhandled = {}; ///< none: the actor class's choice
};

/// Options of a supervisor that is a child, as its keys in the configuration.
struct supervisor_options {
  std::string id = {};   ///< among its siblings; empty: the supervisor's name
  std::string name = {}; ///< registered name; empty: none
  std::string strategy = "one_for_one";
  std::uint32_t intensity = 1;
  std::chrono::seconds period = 5s;
  std::string auto_shutdown = "never";
  std::string on_exceeded = "escalate";
  std::string restart = "permanent";
  bool significant = false;
  std::optional<backoff_options> backoff = {}; ///< none: restarted at once
};

/// A child specification for a supervisor. A value, for any thread.
class child_spec {
 public:
  /// An actor of this plugin, by its class.
  template <class Actor, class Args>
  static child_spec of(const Args& args, const child_options& how = {}) {
    return of(detail::name_of_class<Actor>(), args, how);
  }
  /// "PLUGIN:ACTOR", or "PLUGIN", of a plugin that the node has loaded.
  template <class Args>
  static child_spec of(std::string_view actor_name, const Args& args, const child_options& how = {}) {
    etf::vector_writer out;
    out.map(7U + (how.name.empty() ? 0U : 1U) + (how.mailbox ? 1U : 0U) + (how.backoff ? 1U : 0U) +
            (how.unhandled ? 1U : 0U));
    child_spec::head(out, how.id.empty() ? actor_name : std::string_view(how.id), how.restart,
                     how.significant);
    out.atom("shutdown");
    out.integer(how.shutdown.count());
    out.atom("modules");
    out.list(1);
    out.atom(actor_name.substr(0, actor_name.find(':')));
    out.nil();
    if (!how.name.empty()) pair(out, "name", how.name);
    if (how.mailbox) mailbox(out, *how.mailbox);
    if (how.backoff) backoff(out, *how.backoff);
    if (how.unhandled)
      pair(out, "unhandled", detail::unhandled_words[static_cast<std::size_t>(*how.unhandled)]);
    pair(out, "type", "worker");
    start(out, actor_name);
    etf::encode(out, detail::args_to_write<Args>{args});
    out.nil();
    return child_spec(out);
  }
  /// A supervisor, with its children in starting order. A simple_one_for_one supervisor has one child, the
  /// template. Throws std::invalid_argument if there is neither an id nor a name.
  static child_spec supervisor(const supervisor_options& how, std::span<const child_spec> children) {
    const std::string_view id = how.id.empty() ? how.name : how.id;
    if (id.empty()) throw std::invalid_argument("a supervisor that is to be a child needs an id or a name");
    etf::vector_writer out;
    out.map(how.backoff ? 6 : 5);
    head(out, id, how.restart, how.significant);
    if (how.backoff) backoff(out, *how.backoff);
    pair(out, "type", "supervisor");
    start(out, "supervisor");
    out.tuple(2);
    out.map(how.name.empty() ? 5 : 6);
    pair(out, "strategy", how.strategy);
    pair(out, "auto_shutdown", how.auto_shutdown);
    pair(out, "on_exceeded", how.on_exceeded);
    if (!how.name.empty()) pair(out, "name", how.name);
    out.atom("intensity");
    out.integer(how.intensity);
    out.atom("period");
    out.integer(how.period.count());
    out.list(static_cast<std::uint32_t>(children.size()));
    for (const child_spec& each : children) out.raw(each.term().encoded);
    out.nil();
    out.nil();
    return child_spec(out);
  }
  static child_spec supervisor(const supervisor_options& how, std::initializer_list<child_spec> children) {
    return supervisor(how, std::span(children.begin(), children.size()));
  }

  /// #{id, start, …}, borrowed.
  coppice::term term() const { return encoded_.term(); }

 private:
  explicit child_spec(etf::vector_writer& from) {
    if (from.failed()) throw std::invalid_argument("a child's args have no encoding, or a word no atom");
    encoded_ = coppice::term{from.view()};
  }
  static void pair(etf::writer& out, std::string_view key, std::string_view word) {
    out.atom(key);
    out.atom(word);
  }
  static void head(etf::writer& out, std::string_view id, std::string_view restart, bool significant) {
    pair(out, "id", id);
    pair(out, "restart", restart);
    out.atom("significant");
    out.boolean(significant);
  }
  static void count(etf::writer& out, std::string_view key, std::uint64_t value) {
    out.atom(key);
    out.unsigned_integer(value);
  }
  static void mailbox(etf::writer& out, const mailbox_options& how) {
    out.atom("mailbox");
    out.map(3);
    count(out, "limit", how.limit);
    count(out, "bytes", how.bytes);
    pair(out, "on_full", how.on_full);
  }
  static void backoff(etf::writer& out, const backoff_options& how) {
    out.atom("backoff");
    out.map(3);
    out.atom("first");
    out.integer(how.first.count());
    out.atom("max");
    out.integer(how.max.count());
    out.atom("jitter");
    out.floating(how.jitter);
  }
  // Writes {coppice, start_link, [What, …; the caller adds the argument and the list's end.
  static void start(etf::writer& out, std::string_view what) {
    out.atom("start");
    out.tuple(3);
    out.atom("coppice");
    out.atom("start_link");
    out.list(2);
    out.atom(what);
  }

  owned_term encoded_;
};

/// The children of a supervisor of this node, or of another node whose distribution.allow.supervise names it.
/// Not for the actor's own supervisor during init, since that supervisor waits for init. Children started
/// this way survive a new configuration and end with their supervisor.
class supervisor_of {
 public:
  using started = expected<std::optional<owned_pid>, call_error>;

  supervisor_of(actor& of, destination supervisor) : of_(of), supervisor_(std::move(supervisor)) {}

  /// Starts the child after the others and waits for its init. Returns the pid; none: init returned
  /// COPPICE_IGNORE. COPPICE_E_REFUSED: with the supervisor's reason.
  started start_child(const child_spec& what) {
    return asked_to_start(std::pair(etf::constant<"start_child">{}, what.term()));
  }
  /// Starts an actor of this plugin, by its class.
  template <class Actor, class Args>
  started start_child(const Args& args, const child_options& how = {}) {
    return start_child(child_spec::of<Actor>(args, how));
  }
  template <class Actor>
  started start_child() {
    return start_child(child_spec::of<Actor>(coppice::term{etf::empty_map}));
  }
  /// Starts "PLUGIN:ACTOR", or "PLUGIN", of a plugin that the node has loaded.
  template <class Args>
  started start_child(std::string_view actor_name, const Args& args, const child_options& how = {}) {
    return start_child(child_spec::of(actor_name, args, how));
  }
  /// Starts another child of a simple_one_for_one's template: the map `extra` is merged over the template's
  /// args.
  template <class Extra>
  started start_child(const Extra& extra) {
    message_writer request;
    request.tuple(2);
    request.atom("start_child");
    request.list(1);
    etf::encode(request, extra);
    request.nil();
    return asked_to_start(request.take());
  }
  /// Restarts a child that was terminated, or has ended and is not restarted, by its id. Returns as
  /// start_child().
  started restart_child(std::string_view id) {
    return asked_to_start(std::pair(etf::constant<"restart_child">{}, etf::atom{id}));
  }
  /// Ends a child by its id, under simple_one_for_one by its pid. A supervisor ends with all its children.
  expected<detail::done, call_error> terminate_child(std::string_view id) {
    return asked(std::pair(etf::constant<"terminate_child">{}, etf::atom{id}));
  }
  expected<detail::done, call_error> terminate_child(const owned_pid& pid) {
    return asked(std::pair(etf::constant<"terminate_child">{}, pid.term()));
  }
  /// Removes the specification of a child that is terminated.
  expected<detail::done, call_error> delete_child(std::string_view id) {
    return asked(std::pair(etf::constant<"delete_child">{}, etf::atom{id}));
  }

 private:
  using failed = std::pair<detail::error_tag, owned_term>;

  template <class Request>
  started asked_to_start(const Request& request) {
    using made = std::pair<detail::done, std::optional<owned_pid>>;
    auto got = of_.call<std::variant<made, failed>>(supervisor_, request);
    if (!got) return unexpected(std::move(got.error()));
    if (auto* const why = std::get_if<failed>(&*got)) return detail::refusal(std::move(why->second));
    return std::move(std::get<made>(*got).second);
  }
  template <class Request>
  expected<detail::done, call_error> asked(const Request& request) {
    auto got = of_.call<std::variant<detail::done, failed>>(supervisor_, request);
    if (!got) return unexpected(std::move(got.error()));
    if (auto* const why = std::get_if<failed>(&*got)) return detail::refusal(std::move(why->second));
    return detail::done{};
  }

  actor& of_;
  destination supervisor_;
};

} // namespace coppice
