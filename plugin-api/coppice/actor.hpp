// SPDX-License-Identifier: MIT
// What an actor can do, as member functions of the class that it derives from: the host's interfaces with C++
// types. Times are relative spans of std::chrono; statuses are COPPICE_… numbers. Allowed only in the actor's
// own callbacks. In its constructor, save_state, restore_state and format_status only self, parent, node,
// args, env, now and log are allowed; the others throw std::logic_error there. Every function throws
// coppice::exiting once the actor has been killed. If a class declares a message with the name of one of
// these functions, such as `send` or `log`, the message hides the function: call host().send(…) then.
// Header-only.
#pragma once

#include <coppice/draft/await.h>
#include <coppice/draft/context.h>
#include <coppice/answer.hpp>
#include <coppice/detail/answer_member.hpp>
#include <coppice/detail/args.hpp>
#include <coppice/message.hpp>
#include <coppice/options.hpp>
#include <coppice/owned.hpp>

#include <chrono>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coppice {

template <class Resource>
class blocking;

/// What happens after a callback, other than COPPICE_OK.
struct outcome {
  std::int32_t status = COPPICE_OK;
  std::vector<std::uint8_t> reason; // for COPPICE_STOP; empty: normal

  /// The actor goes on with its next message.
  static outcome go_on() { return {}; }
  /// handle_continue is called before the next message.
  static outcome then_continue() { return {COPPICE_CONTINUE, {}}; }
  /// Does what the C header states for COPPICE_UNHANDLED.
  static outcome unhandled() { return {COPPICE_UNHANDLED, {}}; }
  /// The actor ends with reason normal.
  static outcome stop() { return {COPPICE_STOP, {}}; }
  /// The actor ends with this reason. Throws std::invalid_argument if it has no encoding, as the term of an
  /// answer without one.
  template <class Reason>
  static outcome stop(const Reason& reason) {
    return {COPPICE_STOP, detail::encode_or_throw(reason, "the exit reason")};
  }
};

/// Returned by handle_call: the reply comes later.
struct no_reply {};

namespace detail {

template <auto Member>
struct response_to; // coppice/detail/responses.hpp

template <class Actor>
std::string name_of_class(); // coppice/detail/descriptor.hpp

/// Whether a word of `work` is an address in this thread's stack, at most 64 KiB above this function. Only
/// for a class without destructor, which a lambda with references to local variables is: other classes may
/// have words that were never written.
template <class Work>
bool refers_to_stack(const Work& work) {
  if constexpr (std::is_trivially_copyable_v<Work> && !std::is_empty_v<Work>) {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    for (std::size_t at = 0; at + sizeof here <= sizeof work; at += sizeof here) {
      std::uintptr_t word = 0;
      std::memcpy(&word, reinterpret_cast<const char*>(&work) + at, sizeof word);
      if (word - here < 64 * 1024) return true;
    }
  }
  return false;
}

inline constinit draft<coppice_await_api> await_api{COPPICE_AWAIT_DRAFT_1};
inline constinit draft<coppice_context_api> context_api{COPPICE_CONTEXT_DRAFT_1};

/// The actor whose object this thread is constructing. Constructors are written by the plugin's author, so it
/// cannot be passed to them. It has no destructor, since a destructor would keep the image mapped for good.
inline constinit thread_local coppice_actor* being_made = nullptr;

/// While a `making` exists, constructed objects belong to this actor. Nothing parks meanwhile: create must
/// not.
class making {
 public:
  explicit making(coppice_actor* self) { being_made = self; }
  making(const making&) = delete;
  making& operator=(const making&) = delete;
  ~making() { being_made = nullptr; }
};

} // namespace detail

/// The functions of every actor. The bases of the behaviours derive from it. Its functions may be called by
/// the actor's own callbacks only, while they run.
class actor {
 public:
  actor() : handle_(detail::being_made) {}
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;

  /// The running callback's handle; set by the trampolines.
  void enter(coppice_actor* self) { handle_ = self; }
  /// For calls of the C interface, while a callback of the actor runs.
  coppice_actor* handle() const { return handle_; }

  /// These functions, also where a derived class has a member of the same name.
  actor& host() { return *this; }
  const actor& host() const { return *this; }

  // Identity. Borrowed until the callback returns.
  term self() const { return {detail::view(api_().self_borrowed(handle_))}; }
  term parent() const { return {detail::view(api_().parent_borrowed(handle_))}; }
  std::string_view node() const {
    std::string_view name;
    etf::cursor(detail::view(api_().node_borrowed(handle_))).read_atom(name);
    return name;
  }
  term args() const { return {detail::view(api_().args_borrowed(handle_))}; }
  term env() const { return {detail::view(api_().env_borrowed(handle_))}; }

  // Messages. A missing receiver is no error. COPPICE_E_FULL: the message was dropped. Flags: priority,
  // no_connect, no_wait.
  template <class T>
  std::int32_t send(const destination& to, const T& value, flags how = {}) {
    return detail::checked(api_().send(handle_, plain_(to), make_message(value).take(), plain_(how)), "send");
  }
  template <class T>
  std::int32_t cast(const destination& to, const T& value, flags how = {}) {
    return detail::checked(
        detail::host.call->cast(handle_, plain_(to), make_message(value).take(), plain_(how)), "cast");
  }
  /// `from` is the term that handle_call was given, or a copy of its bytes. COPPICE_E_USED: the call has been
  /// answered already.
  template <class T>
  std::int32_t reply(term from, const T& value) {
    return detail::checked(detail::host.call->reply(handle_, plain_(from), make_message(value).take()),
                           "reply");
  }

  // Calls. call() parks this actor. request() does not; its answer comes to on_response.
  /// The answer; for call<Reply>(…) an expected<Reply, call_error>.
  template <class Reply = answer, class T>
  auto call(const destination& to, const T& request, std::chrono::nanoseconds patience = 5s) {
    answer got;
    got.status = detail::checked(detail::host.call->call(handle_, plain_(to), make_message(request).take(),
                                                         until_(patience), got.message.put()),
                                 "call");
    return read_as_<Reply>(std::move(got));
  }
  /// Sends the same request to several destinations in parallel. The answers are in the same order.
  template <class T>
  std::vector<answer> call_many(std::span<const destination> to, const T& request,
                                std::chrono::nanoseconds patience = 5s) {
    const message body = make_message(request);
    std::vector<coppice_call_item> items;
    for (const auto& each : to) items.push_back({plain_(each), detail::plain(body.bytes())});
    return call_all_(items, patience);
  }
  /// Sends each destination its own request: a std::variant or a message if their types differ.
  template <class T>
  std::vector<answer> call_many(const std::vector<std::pair<destination, T>>& asked,
                                std::chrono::nanoseconds patience = 5s) {
    std::vector<message> bodies;
    std::vector<coppice_call_item> items;
    for (const auto& [to, request] : asked) {
      bodies.push_back(make_message(request));
      items.push_back({plain_(to), detail::plain(bodies.back().bytes())});
    }
    return call_all_(items, patience);
  }
  /// Sends a request whose answer comes to on_response with this id and `tag`, which must be below 2^63.
  /// Returns the id. 0: nothing was sent, and no answer comes.
  template <class T>
  std::uint64_t request(const destination& to, const T& request, std::uint64_t tag = 0,
                        std::chrono::nanoseconds patience = 5s) {
    std::uint64_t id = 0;
    const std::int32_t status = detail::host.call->request(handle_, plain_(to), make_message(request).take(),
                                                           until_(patience), tag, &id);
    return detail::checked(status, "request") == COPPICE_OK ? id : 0;
  }
  /// No such function: its sentence says how an answer is taken.
  template <class T, class Tag>
  requires(!std::is_convertible_v<Tag, std::uint64_t>) std::uint64_t
      request(const destination&, const T&, const Tag&) {
    static_assert(
        sizeof(Tag) == 0,
        "a request takes a tag, which is a number, and then a time: request(to, message, tag, 200ms). "
        "Its answer comes to on_response, or to a member: request<&shop::on_price>(to, message)");
    return 0;
  }
  /// The answer comes to a member function of this actor's class: void or outcome on_price(const answer&), or
  /// (const expected<price, call_error>&), whose views are valid until it returns. Before the answer it may
  /// take a coppice::request_id, the id that is returned here. In a state machine it returns a transition,
  /// and the State may be its first parameter. After a reload the answer comes to the new class's member of
  /// the same name; if there is none, the answer is dropped and the node logs it.
  template <auto Member, class T>
  std::uint64_t request(const destination& to, const T& asked, std::chrono::nanoseconds patience = 5s) {
    using shape = detail::answer_member<decltype(Member)>;
    if constexpr (detail::takes_answer<decltype(Member)>()) {
      static_assert(
          shape::takes_no_context,
          "the member that takes this request's answer has a context before it: request<&shop::on_price>"
          "(to, message, context), and then the time");
      static_cast<void>(&detail::response_to<Member>::listed);
      return request(to, asked, detail::response_to<Member>::tag, patience);
    }
    return 0;
  }
  /// request() with a context, any value that can be a message, which the node keeps until the answer comes,
  /// also over a reload: void on_price(const owned_term& from, const expected<price, call_error>&). A draft
  /// of the ABI: throws std::runtime_error on a host without it.
  template <auto Member, class T, class Context>
  requires(!std::is_convertible_v<Context, std::chrono::nanoseconds>) std::uint64_t
      request(const destination& to, const T& asked, const Context& context) {
    return request<Member>(to, asked, context, std::chrono::nanoseconds(5s));
  }
  template <auto Member, class T, class Context>
  std::uint64_t request(const destination& to, const T& asked, const Context& context,
                        std::chrono::nanoseconds patience) {
    if constexpr (detail::takes_answer<decltype(Member)>()) {
      static_cast<void>(&detail::response_to<Member>::listed);
      if constexpr (detail::response_to<Member>::template takes_context<Context>()) {
        const auto& contexts = detail::context_api.need();
        message kept = make_message(context);
        if (!kept) return 0;
        const std::uint64_t id = request(to, asked, detail::response_to<Member>::tag, patience);
        if (id != 0) detail::checked(contexts.keep(handle_, id, kept.take()), "request");
        return id;
      }
    }
    return 0;
  }
  /// Waits for a request's answer, until the request's deadline; the answer then comes neither to on_response
  /// nor to a member. Parks this actor, and its other messages wait. Returns the answer; for await<Reply>(id)
  /// an expected<Reply, call_error>. COPPICE_E_NOT_FOUND: there is no such request, or its answer has been
  /// handled. A draft of the ABI: throws std::runtime_error on a host without it.
  template <class Reply = answer>
  auto await(std::uint64_t id) {
    answer got;
    got.status = detail::checked(detail::await_api.need().await(handle_, id, got.message.put()), "await");
    return read_as_<Reply>(std::move(got));
  }
  bool cancel_request(std::uint64_t id) {
    return detail::checked(detail::host.call->cancel(handle_, id), "cancel_request") == COPPICE_OK;
  }

  // Links, monitors, exits. Pids and references are terms. Flags: no_connect, and priority, which makes the
  // resulting 'EXIT' or 'DOWN' a priority message.
  std::int32_t link(term pid, flags how = {}) {
    return detail::checked(api_().link(handle_, plain_(pid), plain_(how)), "link");
  }
  std::int32_t unlink(term pid) { return detail::checked(api_().unlink(handle_, plain_(pid)), "unlink"); }
  template <class Reason>
  std::int32_t exit(term pid_or_alias, const Reason& reason, flags how = {}) {
    const message encoded_reason = make_message(reason);
    return detail::checked(
        api_().exit(handle_, plain_(pid_or_alias), detail::plain(encoded_reason.bytes()), plain_(how)),
        "exit");
  }
  bool trap_exit(bool on) {
    std::int32_t old = 0;
    detail::checked(api_().trap_exit(handle_, on ? 1 : 0, &old), "trap_exit");
    return old != 0;
  }
  /// The reference. None: `whom` is no destination, or its node is not connected and no_connect is set.
  owned_reference monitor(const destination& whom, flags how = {}) {
    return monitor(whom, monitor_options{.flags = how});
  }
  owned_reference monitor(const destination& whom, const monitor_options& options) {
    coppice_monitor_options raw{};
    raw.size = sizeof raw;
    raw.alias = static_cast<std::uint32_t>(options.alias);
    raw.tag = detail::plain(options.tag.bytes());
    message reference;
    detail::checked(api_().monitor(handle_, plain_(whom), plain_(options.flags), &raw, reference.put()),
                    "monitor");
    return reference ? owned_reference(reference.term()) : owned_reference();
  }
  /// {nodedown, Node} comes to handle_info once the node is lost, or at once if it cannot be reached.
  bool monitor_node(term node, bool on = true) {
    return detail::checked(api_().monitor_node(handle_, plain_(node), on ? 1 : 0), "monitor_node") ==
           COPPICE_OK;
  }
  bool demonitor(term reference, bool flush = false) {
    return detail::checked(api_().demonitor(handle_, plain_(reference), flush ? 1 : 0), "demonitor") ==
           COPPICE_OK;
  }

  /// A reference to which messages can be sent until unalias. Flags: priority: a message sent to it with
  /// priority is a priority message; once.
  message alias(flags what = {}) {
    message reference;
    detail::checked(api_().alias(handle_, plain_(what), reference.put()), "alias");
    return reference;
  }
  /// Ends an alias. False: there is no such alias of this actor.
  bool unalias(term reference) {
    return detail::checked(api_().unalias(handle_, plain_(reference)), "unalias") == COPPICE_OK;
  }

  // Names and children.
  std::int32_t register_name(std::string_view name) {
    return detail::checked(api_().register_name(handle_, detail::plain(name)), "register_name");
  }
  std::int32_t unregister_name(std::string_view name) {
    return detail::checked(api_().unregister_name(handle_, detail::plain(name)), "unregister_name");
  }
  /// The pid. None: no process of this node has the name.
  message whereis(std::string_view name) {
    message pid;
    detail::checked(api_().whereis(handle_, detail::plain(name), pid.put()), "whereis");
    return pid;
  }
  /// `what`: "PLUGIN:ACTOR" or ":ACTOR". Parks this actor until the new actor's init has returned.
  template <class Args>
  spawned spawn(std::string_view actor_name, const Args& args, const spawn_options& options = {}) {
    const message encoded_args = make_message(detail::args_to_write<Args>{args});
    coppice_spawn_options raw{};
    raw.size = sizeof raw;
    raw.flags = spawn_flags_(options);
    raw.actor = detail::plain(actor_name);
    raw.name = detail::plain(options.name);
    raw.args = detail::plain(encoded_args.bytes());
    raw.deadline = until_(options.patience);
    spawned got;
    got.status = detail::checked(api_().spawn(handle_, &raw, got.message.put(), got.monitor.put()), "spawn");
    return got;
  }

  /// Spawns an actor of this plugin by its class: spawn<worker>(settings{2}, {.monitor = true}).
  template <class Actor, class Args>
  spawned spawn(const Args& args, const spawn_options& options = {}) {
    return spawn(std::string_view(detail::name_of_class<Actor>()), args, options);
  }
  template <class Actor>
  spawned spawn(const spawn_options& options = {}) {
    return spawn(std::string_view(detail::name_of_class<Actor>()), term{etf::empty_map}, options);
  }

  // Processes on other nodes. These functions park this actor until the node has answered; messages of the
  // new process, and its end, come after the answer.
  /// Runs apply(Module, Function, Args) there. The arguments are the members of a tuple: spawn_at("n@host",
  /// "timer", "sleep", std::tuple(1000)).
  template <class... Args>
  spawned spawn_at(std::string_view node_name, std::string_view module, std::string_view function,
                   const std::tuple<Args...>& args, const remote_spawn_options& options = {}) {
    etf::vector_writer list;
    list.list(sizeof...(Args));
    std::apply([&](const auto&... each) { (etf::encode(list, each), ...); }, args);
    list.nil();
    if (list.failed()) return {{COPPICE_E_TERM, {}}, {}};
    return spawn_at(node_name, module, function, term{list.view()}, options);
  }
  /// spawn_at() whose `args` is the list of arguments as a term.
  spawned spawn_at(std::string_view node_name, std::string_view module, std::string_view function, term args,
                   const remote_spawn_options& options = {}) {
    spawned got;
    coppice_remote_spawn raw{};
    raw.size = sizeof raw;
    raw.flags = spawn_flags_(options);
    raw.node = detail::plain(node_name);
    raw.module = detail::plain(module);
    raw.function = detail::plain(function);
    raw.args = plain_(args);
    raw.options = plain_(options.others);
    raw.deadline = until_(options.patience);
    got.status =
        detail::checked(api_().spawn_at(handle_, &raw, got.message.put(), got.monitor.put()), "spawn_at");
    return got;
  }
  /// An actor of a plugin on another Coppice node, "PLUGIN" or "PLUGIN:ACTOR". COPPICE_E_REFUSED: the node's
  /// distribution.allow.spawn does not name it.
  template <class Args>
  spawned spawn_actor_at(std::string_view node_name, std::string_view actor_name, const Args& args,
                         const remote_spawn_options& options = {}) {
    return spawn_at(node_name, "coppice", "spawn",
                    std::tuple<etf::atom, detail::args_to_write<Args>>({actor_name}, {args}), options);
  }

  // Time. The message comes to handle_info, unless another destination is given. A timer's id is 0 if none
  // was started.
  static std::chrono::nanoseconds now() { return std::chrono::nanoseconds(detail::host.timer->now()); }
  /// The wall clock, which may be set: for display and dates, not for measuring. A test can set it.
  static std::chrono::sys_time<std::chrono::nanoseconds> wall_now() {
    return std::chrono::sys_time<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(detail::host.timer->wall_clock()));
  }
  template <class T>
  std::uint64_t send_after(std::chrono::nanoseconds delay, const T& value) {
    return start_timer_(delay, 0ns, {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t send_after(std::chrono::nanoseconds delay, const destination& to, const T& value) {
    return start_timer_(delay, 0ns, plain_(to), value);
  }
  /// A timer that repeats until it is cancelled, also through a reload; first after one period, which is at
  /// least 1 ms: with a shorter one none is started, and a warning is logged. It does not drift. A firing for
  /// which the node is too late is skipped.
  template <class T>
  std::uint64_t every(std::chrono::nanoseconds period, const T& value) {
    return start_timer_(period, at_least_one_(period), {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t every(std::chrono::nanoseconds period, const destination& to, const T& value) {
    return start_timer_(period, at_least_one_(period), plain_(to), value);
  }
  bool cancel_timer(std::uint64_t id) {
    return detail::checked(detail::host.timer->cancel(handle_, id), "cancel_timer") == COPPICE_OK;
  }

  // Work.
  bool should_yield() { return detail::host.work->should_yield(handle_) != 0; }
  /// Parks this actor; its messages wait.
  void sleep(std::chrono::nanoseconds time) {
    detail::checked(detail::host.work->sleep_until(handle_, deadline_(time)), "sleep");
  }
  void yield() { detail::checked(detail::host.work->yield(handle_), "yield"); }
  /// Runs `work` on the blocking pool while this actor is parked, and returns its result. `work` must own
  /// what it uses: if the actor is killed meanwhile, it runs on alone. An exception that it throws is thrown
  /// here.
  template <class Work>
  std::invoke_result_t<Work&> blocking_run(Work work) {
    using result = std::invoke_result_t<Work&>;
    static_assert(!std::is_reference_v<result>,
                  "what runs beside the actor returns a value, not a reference");
    struct job {
      Work work;
      std::exception_ptr thrown;
      std::optional<std::conditional_t<std::is_void_v<result>, char, result>> made;
    };
    auto made = std::make_unique<job>(job{std::move(work), nullptr, std::nullopt});
    const auto run = [](void* context) {
      auto& mine = *static_cast<job*>(context);
      try {
        if constexpr (std::is_void_v<result>) {
          mine.work();
        } else {
          mine.made.emplace(mine.work());
        }
      } catch (...) {
        mine.thrown = std::current_exception();
      }
    };
    warn_of_references_(made->work);
    job* const raw = made.release();
    const std::int32_t status = detail::host.work->blocking_run(
        handle_, run, raw, [](void* context) { delete static_cast<job*>(context); });
    if (detail::checked(status, "blocking_run") != COPPICE_OK)
      throw std::runtime_error("the pool for blocking work is full");
    made.reset(raw);
    if (made->thrown) std::rethrow_exception(made->thrown);
    if constexpr (!std::is_void_v<result>) return std::move(*made->made);
  }

  // Log lines and labels.
  /// Logs a line; `level` is COPPICE_LOG_ERROR to COPPICE_LOG_DEBUG. Never waits. Never log secrets.
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view>
  void log(const Text&) {
    static_assert(sizeof(Text) == 0, "log takes the level first: log(COPPICE_LOG_INFO, text)");
  }
  void log(std::int32_t level, std::string_view text) {
    detail::host.log->write(handle_, level, detail::plain(text), nullptr, 0);
  }
  void log(std::int32_t level, std::string_view text, std::initializer_list<log_field> fields) {
    std::vector<coppice_log_field> raw(fields.size());
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = fields.begin()[i].plain();
    detail::host.log->write(handle_, level, detail::plain(text), raw.data(), raw.size());
  }
  /// Whether a line of that level would be written: ask before making a costly one.
  bool is_logged(std::int32_t level) const { return detail::host.log->enabled(handle_, level) != 0; }
  /// A label that `coppice ps` shows beside the actor's name: a word or two, UTF-8, at most 64 bytes.
  std::int32_t set_label(std::string_view text) {
    return detail::checked(api_().set_label(handle_, detail::plain(text)), "set_label");
  }

 protected:
  ~actor() = default;

 private:
  template <class>
  friend class blocking; // coppice/blocking.hpp

  template <class Work>
  void warn_of_references_(const Work& work) {
    if (detail::refers_to_stack(work))
      log(COPPICE_LOG_WARNING,
          "blocking_run was given work that refers to a local variable, which is gone if the actor is killed "
          "meanwhile: capture by value, [x = std::move(x)]");
  }
  static const coppice_actor_api& api_() { return *detail::host.actor; }
  static coppice_bytes plain_(term t) { return detail::plain(t.encoded); }
  static coppice_bytes plain_(const destination& to) { return detail::plain(to.bytes()); }
  static std::uint32_t plain_(flags which) { return static_cast<std::uint32_t>(which); }
  template <class Reply>
  static auto read_as_(answer got) {
    if constexpr (std::is_same_v<Reply, answer>) {
      return got;
    } else {
      static_assert(!detail::borrows<Reply>(),
                    "this reply would point into a message that is gone: have it as std::string, owned_term, "
                    "owned_pid or owned_reference, or keep the answer of call(…) and read it by as<T>()");
      return detail::read_answer<Reply>(got);
    }
  }
  template <class Options>
  static std::uint32_t spawn_flags_(const Options& options) {
    return (options.link ? COPPICE_SPAWN_LINK : 0) | (options.monitor ? COPPICE_SPAWN_MONITOR : 0);
  }
  std::vector<answer> call_all_(const std::vector<coppice_call_item>& items,
                                std::chrono::nanoseconds patience) {
    std::vector<coppice_call_answer> raw(items.size());
    const std::int32_t status =
        detail::host.call->call_many(handle_, items.data(), items.size(), until_(patience), raw.data());
    std::vector<answer> out;
    out.reserve(raw.size());
    for (auto& each : raw)
      out.push_back({status == COPPICE_OK ? each.status : status, message(each.message)});
    detail::checked(status, "call_many");
    return out;
  }
  // For functions that take 0 as 5 s from now: avoids reading the clock.
  static std::int64_t until_(std::chrono::nanoseconds patience) {
    return patience == std::chrono::nanoseconds(5s) ? 0 : deadline_(patience);
  }
  static std::int64_t deadline_(std::chrono::nanoseconds patience) {
    if (patience == std::chrono::nanoseconds::max()) return COPPICE_FOREVER;
    return detail::host.timer->now() + patience.count();
  }
  // A period of 0 would mean a timer that fires once; this makes it 1 ns, which is refused as too short.
  std::chrono::nanoseconds at_least_one_(std::chrono::nanoseconds period) {
    if (period < std::chrono::milliseconds(1))
      log(COPPICE_LOG_WARNING, "every() started no timer: its period is shorter than 1 ms");
    return period < std::chrono::nanoseconds(1) ? std::chrono::nanoseconds(1) : period;
  }
  template <class T>
  std::uint64_t start_timer_(std::chrono::nanoseconds delay, std::chrono::nanoseconds period,
                             coppice_bytes to, const T& value) {
    coppice_timer_options options{};
    options.size = sizeof options;
    options.deadline = deadline_(delay);
    options.period = period.count();
    options.destination = to;
    std::uint64_t id = 0;
    const std::int32_t status = detail::host.timer->start(handle_, &options, make_message(value).take(), &id);
    return detail::checked(status, "a timer") == COPPICE_OK ? id : 0;
  }

  coppice_actor* handle_;
};

/// Hands a call on: `to`, a server here or on another node, gets the request and answers the caller in the
/// place of `by`, whose handle_call returns no_reply. `from` is the term that handle_call was given. The
/// caller still watches `by`: if `to` ends before it has answered, the caller waits until its time is over,
/// as in OTP.
template <class Request>
std::int32_t forward(actor& by, const destination& to, term from, const Request& request, flags how = {}) {
  const message encoded = make_message(request);
  if (encoded.bytes().empty()) return COPPICE_E_TERM;
  using call = std::tuple<etf::constant<"$gen_call">, term, etf::any_term>;
  return by.send(to, call({}, from, {encoded.bytes()}), how);
}

} // namespace coppice
