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
#include <coppice/answer.hpp>
#include <coppice/message.hpp>
#include <coppice/options.hpp>

#include <chrono>
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

/// What happens after a callback, other than COPPICE_OK.
struct outcome {
  std::int32_t status = COPPICE_OK;
  std::vector<std::uint8_t> reason; // for COPPICE_STOP; empty: normal

  static outcome go_on() { return {}; }
  /// handle_continue is called before the next message.
  static outcome then_continue() { return {COPPICE_CONTINUE, {}}; }
  /// Does what the C header states for COPPICE_UNHANDLED.
  static outcome unhandled() { return {COPPICE_UNHANDLED, {}}; }
  static outcome stop() { return {COPPICE_STOP, {}}; }
  template <class Reason>
  static outcome stop(const Reason& reason) {
    return {COPPICE_STOP, etf::encode(reason)};
  }
};

/// Returned by handle_call: the reply comes later.
struct no_reply {};

namespace detail {

template <auto Member>
struct response_to; // coppice/detail/responses.hpp

template <class Actor>
std::string name_of_class(); // coppice/detail/descriptor.hpp

inline constinit draft<coppice_await_api> await_api{COPPICE_AWAIT_DRAFT_1};

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

class actor {
 public:
  actor() : handle_(detail::being_made) {}
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;

  /// The running callback's handle; set by the trampolines.
  void enter(coppice_actor* self) { handle_ = self; }
  coppice_actor* handle() const { return handle_; }

  /// These functions, also where a derived class has a member of the same name.
  actor& host() { return *this; }
  const actor& host() const { return *this; }

  // Identity. Borrowed until the callback returns.
  term self() const { return {detail::view(api().self_borrowed(handle_))}; }
  term parent() const { return {detail::view(api().parent_borrowed(handle_))}; }
  std::string_view node() const {
    std::string_view name;
    etf::cursor(detail::view(api().node_borrowed(handle_))).read_atom(name);
    return name;
  }
  term args() const { return {detail::view(api().args_borrowed(handle_))}; }
  term env() const { return {detail::view(api().env_borrowed(handle_))}; }

  // Messages. A missing receiver is no error. COPPICE_E_FULL: the message was dropped. Flags: priority,
  // no_connect, no_wait.
  template <class T>
  std::int32_t send(const destination& to, const T& value, flags how = {}) {
    return detail::checked(api().send(handle_, plain(to), make_message(value).take(), plain(how)), "send");
  }
  template <class T>
  std::int32_t cast(const destination& to, const T& value, flags how = {}) {
    return detail::checked(
        detail::host.call->cast(handle_, plain(to), make_message(value).take(), plain(how)), "cast");
  }
  /// `from` is the term that handle_call was given, or a copy of its bytes. COPPICE_E_USED: the call has been
  /// answered already.
  template <class T>
  std::int32_t reply(term from, const T& value) {
    return detail::checked(detail::host.call->reply(handle_, plain(from), make_message(value).take()),
                           "reply");
  }

  // Calls. call() parks this actor. request() does not; its answer comes to on_response.
  /// The answer; for call<Reply>(…) an expected<Reply, call_error>.
  template <class Reply = answer, class T>
  auto call(const destination& to, const T& request, std::chrono::nanoseconds patience = 5s) {
    answer got;
    got.status = detail::checked(detail::host.call->call(handle_, plain(to), make_message(request).take(),
                                                         until(patience), got.message.put()),
                                 "call");
    return read_as<Reply>(std::move(got));
  }
  /// Sends the same request to several destinations in parallel. The answers are in the same order.
  template <class T>
  std::vector<answer> call_many(std::span<const destination> to, const T& request,
                                std::chrono::nanoseconds patience = 5s) {
    const message body = make_message(request);
    std::vector<coppice_call_item> items;
    for (const auto& each : to) items.push_back({plain(each), detail::plain(body.bytes())});
    return call_all(items, patience);
  }
  /// Sends each destination its own request: a std::variant or a message if their types differ.
  template <class T>
  std::vector<answer> call_many(const std::vector<std::pair<destination, T>>& asked,
                                std::chrono::nanoseconds patience = 5s) {
    std::vector<message> bodies;
    std::vector<coppice_call_item> items;
    for (const auto& [to, request] : asked) {
      bodies.push_back(make_message(request));
      items.push_back({plain(to), detail::plain(bodies.back().bytes())});
    }
    return call_all(items, patience);
  }
  /// Sends a request whose answer comes to on_response with this id and `tag`, which must be below 2^63.
  /// Returns the id. 0: nothing was sent, and no answer comes.
  template <class T>
  std::uint64_t request(const destination& to, const T& request, std::uint64_t tag = 0,
                        std::chrono::nanoseconds patience = 5s) {
    std::uint64_t id = 0;
    const std::int32_t status = detail::host.call->request(handle_, plain(to), make_message(request).take(),
                                                           until(patience), tag, &id);
    return detail::checked(status, "request") == COPPICE_OK ? id : 0;
  }
  /// The answer comes to a member function of this actor's class: void or outcome on_price(const answer&), or
  /// (const expected<price, call_error>&), whose views are valid until it returns. After a reload it comes to
  /// the new class's member of the same name; if there is none, the answer is dropped and the node logs it.
  template <auto Member, class T>
  std::uint64_t request(const destination& to, const T& asked, std::chrono::nanoseconds patience = 5s) {
    static_cast<void>(&detail::response_to<Member>::listed);
    return request(to, asked, detail::response_to<Member>::tag, patience);
  }
  /// Waits for a request's answer, until the request's deadline; the answer then comes neither to on_response
  /// nor to a member. Parks this actor, and its other messages wait. Returns the answer; for await<Reply>(id)
  /// an expected<Reply, call_error>. COPPICE_E_NOT_FOUND: there is no such request, or its answer has been
  /// handled. A draft of the ABI: throws std::runtime_error on a host without it.
  template <class Reply = answer>
  auto await(std::uint64_t id) {
    answer got;
    got.status = detail::checked(detail::await_api.need().await(handle_, id, got.message.put()), "await");
    return read_as<Reply>(std::move(got));
  }
  bool cancel_request(std::uint64_t id) {
    return detail::checked(detail::host.call->cancel(handle_, id), "cancel_request") == COPPICE_OK;
  }

  // Links, monitors, exits. Pids and references are terms. Flags: no_connect, and priority, which makes the
  // resulting 'EXIT' or 'DOWN' a priority message.
  std::int32_t link(term pid, flags how = {}) {
    return detail::checked(api().link(handle_, plain(pid), plain(how)), "link");
  }
  std::int32_t unlink(term pid) { return detail::checked(api().unlink(handle_, plain(pid)), "unlink"); }
  template <class Reason>
  std::int32_t exit(term pid_or_alias, const Reason& reason, flags how = {}) {
    const message encoded_reason = make_message(reason);
    return detail::checked(
        api().exit(handle_, plain(pid_or_alias), detail::plain(encoded_reason.bytes()), plain(how)), "exit");
  }
  bool trap_exit(bool on) {
    std::int32_t old = 0;
    detail::checked(api().trap_exit(handle_, on ? 1 : 0, &old), "trap_exit");
    return old != 0;
  }
  /// The reference. None: `whom` is no destination, or its node is not connected and no_connect is set.
  message monitor(const destination& whom, flags how = {}) {
    return monitor(whom, monitor_options{.flags = how});
  }
  message monitor(const destination& whom, const monitor_options& options) {
    coppice_monitor_options raw{};
    raw.size = sizeof raw;
    raw.alias = static_cast<std::uint32_t>(options.alias);
    raw.tag = detail::plain(options.tag.bytes());
    message reference;
    detail::checked(api().monitor(handle_, plain(whom), plain(options.flags), &raw, reference.put()),
                    "monitor");
    return reference;
  }
  /// {nodedown, Node} comes to handle_info once the node is lost, or at once if it cannot be reached.
  bool monitor_node(term node, bool on = true) {
    return detail::checked(api().monitor_node(handle_, plain(node), on ? 1 : 0), "monitor_node") ==
           COPPICE_OK;
  }
  bool demonitor(term reference, bool flush = false) {
    return detail::checked(api().demonitor(handle_, plain(reference), flush ? 1 : 0), "demonitor") ==
           COPPICE_OK;
  }

  /// A reference to which messages can be sent until unalias. Flags: priority: a message sent to it with
  /// priority is a priority message; once.
  message alias(flags what = {}) {
    message reference;
    detail::checked(api().alias(handle_, plain(what), reference.put()), "alias");
    return reference;
  }
  bool unalias(term reference) {
    return detail::checked(api().unalias(handle_, plain(reference)), "unalias") == COPPICE_OK;
  }

  // Names and children.
  std::int32_t register_name(std::string_view name) {
    return detail::checked(api().register_name(handle_, detail::plain(name)), "register_name");
  }
  std::int32_t unregister_name(std::string_view name) {
    return detail::checked(api().unregister_name(handle_, detail::plain(name)), "unregister_name");
  }
  /// The pid. None: no process of this node has the name.
  message whereis(std::string_view name) {
    message pid;
    detail::checked(api().whereis(handle_, detail::plain(name), pid.put()), "whereis");
    return pid;
  }
  /// `what`: "PLUGIN:ACTOR" or ":ACTOR". Parks this actor until the new actor's init has returned.
  template <class Args>
  spawned spawn(std::string_view actor_name, const Args& args, const spawn_options& options = {}) {
    const message encoded_args = make_message(args);
    coppice_spawn_options raw{};
    raw.size = sizeof raw;
    raw.flags = spawn_flags(options);
    raw.actor = detail::plain(actor_name);
    raw.name = detail::plain(options.name);
    raw.args = detail::plain(encoded_args.bytes());
    raw.deadline = until(options.patience);
    spawned got;
    got.status = detail::checked(api().spawn(handle_, &raw, got.message.put(), got.monitor.put()), "spawn");
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
  /// As above; `args` is the list of arguments as a term.
  spawned spawn_at(std::string_view node_name, std::string_view module, std::string_view function, term args,
                   const remote_spawn_options& options = {}) {
    spawned got;
    coppice_remote_spawn raw{};
    raw.size = sizeof raw;
    raw.flags = spawn_flags(options);
    raw.node = detail::plain(node_name);
    raw.module = detail::plain(module);
    raw.function = detail::plain(function);
    raw.args = plain(args);
    raw.options = plain(options.others);
    raw.deadline = until(options.patience);
    got.status =
        detail::checked(api().spawn_at(handle_, &raw, got.message.put(), got.monitor.put()), "spawn_at");
    return got;
  }
  /// An actor of a plugin on another Coppice node, "PLUGIN" or "PLUGIN:ACTOR". COPPICE_E_REFUSED: the node's
  /// distribution.allow.spawn does not name it.
  template <class Args>
  spawned spawn_actor_at(std::string_view node_name, std::string_view actor_name, const Args& args,
                         const remote_spawn_options& options = {}) {
    return spawn_at(node_name, "coppice", "spawn", std::tuple<etf::atom, const Args&>({actor_name}, args),
                    options);
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
    return start_timer(delay, 0ns, {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t send_after(std::chrono::nanoseconds delay, const destination& to, const T& value) {
    return start_timer(delay, 0ns, plain(to), value);
  }
  /// A timer that repeats until it is cancelled, also through a reload; first after one period, which is at
  /// least 1 ms. It does not drift. A firing for which the node is too late is skipped.
  template <class T>
  std::uint64_t every(std::chrono::nanoseconds period, const T& value) {
    return start_timer(period, at_least_one(period), {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t every(std::chrono::nanoseconds period, const destination& to, const T& value) {
    return start_timer(period, at_least_one(period), plain(to), value);
  }
  bool cancel_timer(std::uint64_t id) {
    return detail::checked(detail::host.timer->cancel(handle_, id), "cancel_timer") == COPPICE_OK;
  }

  // Work.
  bool should_yield() { return detail::host.work->should_yield(handle_) != 0; }
  /// Parks this actor; its messages wait.
  void sleep(std::chrono::nanoseconds time) {
    detail::checked(detail::host.work->sleep_until(handle_, deadline(time)), "sleep");
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
    return detail::checked(api().set_label(handle_, detail::plain(text)), "set_label");
  }

 protected:
  ~actor() = default;

 private:
  static const coppice_actor_api& api() { return *detail::host.actor; }
  static coppice_bytes plain(term t) { return detail::plain(t.encoded); }
  static coppice_bytes plain(const destination& to) { return detail::plain(to.bytes()); }
  static std::uint32_t plain(flags which) { return static_cast<std::uint32_t>(which); }
  template <class Reply>
  static auto read_as(answer got) {
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
  static std::uint32_t spawn_flags(const Options& options) {
    return (options.link ? COPPICE_SPAWN_LINK : 0) | (options.monitor ? COPPICE_SPAWN_MONITOR : 0);
  }
  std::vector<answer> call_all(const std::vector<coppice_call_item>& items,
                               std::chrono::nanoseconds patience) {
    std::vector<coppice_call_answer> raw(items.size());
    const std::int32_t status =
        detail::host.call->call_many(handle_, items.data(), items.size(), until(patience), raw.data());
    std::vector<answer> out;
    out.reserve(raw.size());
    for (auto& each : raw)
      out.push_back({status == COPPICE_OK ? each.status : status, message(each.message)});
    detail::checked(status, "call_many");
    return out;
  }
  // For functions that take 0 as 5 s from now: avoids reading the clock.
  static std::int64_t until(std::chrono::nanoseconds patience) {
    return patience == std::chrono::nanoseconds(5s) ? 0 : deadline(patience);
  }
  static std::int64_t deadline(std::chrono::nanoseconds patience) {
    if (patience == std::chrono::nanoseconds::max()) return COPPICE_FOREVER;
    return detail::host.timer->now() + patience.count();
  }
  // A period of 0 would mean a timer that fires once; this makes it 1 ns, which is refused as too short.
  static std::chrono::nanoseconds at_least_one(std::chrono::nanoseconds period) {
    return period < std::chrono::nanoseconds(1) ? std::chrono::nanoseconds(1) : period;
  }
  template <class T>
  std::uint64_t start_timer(std::chrono::nanoseconds delay, std::chrono::nanoseconds period, coppice_bytes to,
                            const T& value) {
    coppice_timer_options options{};
    options.size = sizeof options;
    options.deadline = deadline(delay);
    options.period = period.count();
    options.destination = to;
    std::uint64_t id = 0;
    const std::int32_t status = detail::host.timer->start(handle_, &options, make_message(value).take(), &id);
    return detail::checked(status, "a timer") == COPPICE_OK ? id : 0;
  }

  coppice_actor* handle_;
};

} // namespace coppice
