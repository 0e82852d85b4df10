// SPDX-License-Identifier: MIT
// What an actor can do, as member functions of the class it derives from: the host's interfaces with C++
// types. Everything throws coppice::exiting once the actor is dead to others. Times are relative spans of
// std::chrono; statuses are COPPICE_… numbers. Only in the actor's own callbacks. Header-only.
#pragma once

#include <coppice/message.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <tuple>

namespace coppice {

using namespace std::chrono_literals;

/// What a call came to. With COPPICE_OK the reply, with COPPICE_E_EXIT the callee's exit reason.
struct answer {
  std::int32_t status = COPPICE_OK;
  coppice::message message;

  explicit operator bool() const { return status == COPPICE_OK; }
  coppice::term term() const { return message.term(); }
  template <class T>
  etf::result<T> as() const {
    return etf::decode<T>(message.bytes());
  }
};

/// What a callback decided beyond "go on".
struct outcome {
  std::int32_t status = COPPICE_OK;
  std::vector<std::uint8_t> reason; // for COPPICE_STOP; empty: normal

  static outcome go_on() { return {}; }
  /// handle_continue is called before the next message.
  static outcome then_continue() { return {COPPICE_CONTINUE, {}}; }
  /// What the C header says happens for COPPICE_UNHANDLED.
  static outcome unhandled() { return {COPPICE_UNHANDLED, {}}; }
  static outcome stop() { return {COPPICE_STOP, {}}; }
  template <class Reason>
  static outcome stop(const Reason& reason) {
    return {COPPICE_STOP, etf::encode(reason)};
  }
};

/// Returned by handle_call: the reply comes later.
struct no_reply {};

struct spawn_options {
  std::string_view name;
  bool link = false;
  std::chrono::nanoseconds patience = 5s;
};

struct remote_spawn_options {
  bool link = false;
  bool monitor = false;
  std::chrono::nanoseconds patience = 5s;
  term others{}; // a list of more of erlang:spawn_opt's options, none of them link or monitor
};

/// What a spawn on another node came to. With COPPICE_OK the pid; else, where that node said why, its word:
/// an atom, see coppice_actor_api::spawn_at.
struct spawned : answer {
  coppice::message monitor; // the reference, if it was asked for
};

class actor {
 public:
  actor() = default;
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;

  /// The running callback's handle; set by the trampolines.
  void enter(coppice_actor* self) { handle_ = self; }
  coppice_actor* handle() const { return handle_; }

 protected:
  ~actor() = default;

  // Who and where. Borrowed until the callback returns.
  term self() const { return {detail::view(api().self_borrowed(handle_))}; }
  term parent() const { return {detail::view(api().parent_borrowed(handle_))}; }
  std::string_view node() const {
    std::string_view name;
    etf::cursor(detail::view(api().node_borrowed(handle_))).read_atom(name);
    return name;
  }
  term args() const { return {detail::view(api().args_borrowed(handle_))}; }
  term env() const { return {detail::view(api().env_borrowed(handle_))}; }

  // Messages. A missing receiver is no error; COPPICE_E_FULL says that the message was dropped.
  template <class T>
  std::int32_t send(const destination& to, const T& value) {
    return detail::alive(api().send(handle_, plain(to), make_message(value).take()));
  }
  template <class T>
  std::int32_t cast(const destination& to, const T& value) {
    return detail::alive(detail::host.call->cast(handle_, plain(to), make_message(value).take()));
  }
  /// `from` is the one handle_call was given, or a copy of its bytes. COPPICE_E_USED: answered before.
  template <class T>
  std::int32_t reply(term from, const T& value) {
    return detail::alive(detail::host.call->reply(handle_, plain(from), make_message(value).take()));
  }

  // Calls. call() parks this actor; request() does not, and its answer goes to on_response.
  template <class T>
  answer call(const destination& to, const T& request, std::chrono::nanoseconds patience = 5s) {
    answer got;
    got.status = detail::alive(detail::host.call->call(handle_, plain(to), make_message(request).take(),
                                                       until(patience), got.message.put()));
    return got;
  }
  /// The same request to many, asked in parallel; answers in their order.
  template <class T>
  std::vector<answer> call_many(std::span<const destination> to, const T& request,
                                std::chrono::nanoseconds patience = 5s) {
    const message body = make_message(request);
    std::vector<coppice_call_item> items;
    for (const auto& each : to) items.push_back({plain(each), detail::plain(body.bytes())});
    std::vector<coppice_call_answer> raw(to.size());
    const std::int32_t status =
        detail::host.call->call_many(handle_, items.data(), items.size(), until(patience), raw.data());
    std::vector<answer> out;
    out.reserve(raw.size());
    for (auto& each : raw) {
      out.push_back({status == COPPICE_OK ? each.status : status, message(each.message)});
    }
    detail::alive(status);
    return out;
  }
  template <class T>
  std::uint64_t request(const destination& to, const T& request, std::uint64_t tag = 0,
                        std::chrono::nanoseconds patience = 5s) {
    std::uint64_t id = 0;
    const std::int32_t status = detail::host.call->request(handle_, plain(to), make_message(request).take(),
                                                           until(patience), tag, &id);
    return detail::alive(status) == COPPICE_OK ? id : 0;
  }
  bool cancel_request(std::uint64_t id) {
    return detail::alive(detail::host.call->cancel(handle_, id)) == COPPICE_OK;
  }

  // Links, monitors, exits. Pids and references are terms.
  std::int32_t link(term pid) { return detail::alive(api().link(handle_, plain(pid))); }
  std::int32_t unlink(term pid) { return detail::alive(api().unlink(handle_, plain(pid))); }
  template <class Reason>
  std::int32_t exit(term pid, const Reason& reason) {
    return detail::alive(api().exit(handle_, plain(pid), detail::plain(make_message(reason).bytes())));
  }
  bool trap_exit(bool on) {
    std::int32_t old = 0;
    detail::alive(api().trap_exit(handle_, on ? 1 : 0, &old));
    return old != 0;
  }
  /// The reference; none if `whom` is no destination.
  message monitor(const destination& whom) {
    message reference;
    detail::alive(api().monitor(handle_, plain(whom), reference.put()));
    return reference;
  }
  /// {nodedown, Node} at handle_info once it is lost, or at once if it cannot be reached.
  bool monitor_node(term node, bool on = true) {
    return detail::alive(api().monitor_node(handle_, plain(node), on ? 1 : 0)) == COPPICE_OK;
  }
  bool demonitor(term reference, bool flush = false) {
    return detail::alive(api().demonitor(handle_, plain(reference), flush ? 1 : 0)) == COPPICE_OK;
  }

  /// A reference that can be sent to until it is given back.
  message alias() {
    message reference;
    detail::alive(api().alias(handle_, reference.put()));
    return reference;
  }
  bool unalias(term reference) {
    return detail::alive(api().unalias(handle_, plain(reference))) == COPPICE_OK;
  }

  // Priority messages, OTP 28's, since 1.1 of the ABI: received before ordinary ones that wait, by way of a
  // priority alias only, see coppice_actor_api::priority_alias. A host that is too old gives no reference and
  // COPPICE_E_UNSUPPORTED.
  message priority_alias() {
    message reference;
    if (has_priority()) detail::alive(api().priority_alias(handle_, reference.put()));
    return reference;
  }
  template <class T>
  std::int32_t send_priority(const destination& to, const T& value) {
    if (!has_priority()) return COPPICE_E_UNSUPPORTED;
    return detail::alive(api().send_priority(handle_, plain(to), make_message(value).take()));
  }
  template <class Reason>
  std::int32_t exit_priority(term pid_or_alias, const Reason& reason) {
    if (!has_priority()) return COPPICE_E_UNSUPPORTED;
    return detail::alive(
        api().exit_priority(handle_, plain(pid_or_alias), detail::plain(make_message(reason).bytes())));
  }
  std::int32_t link_priority(term pid) {
    return has_priority() ? detail::alive(api().link_priority(handle_, plain(pid))) : COPPICE_E_UNSUPPORTED;
  }
  message monitor_priority(const destination& whom) {
    message reference;
    if (has_priority()) detail::alive(api().monitor_priority(handle_, plain(whom), reference.put()));
    return reference;
  }

  // Names and children.
  std::int32_t register_name(std::string_view name) {
    return detail::alive(api().register_name(handle_, detail::plain(name)));
  }
  std::int32_t unregister_name(std::string_view name) {
    return detail::alive(api().unregister_name(handle_, detail::plain(name)));
  }
  /// The pid; none if nobody here has the name.
  message whereis(std::string_view name) {
    message pid;
    detail::alive(api().whereis(handle_, detail::plain(name), pid.put()));
    return pid;
  }
  /// "PLUGIN:ACTOR" or ":ACTOR". With COPPICE_OK the answer is the pid, with COPPICE_E_EXIT the reason.
  template <class Args>
  answer spawn(std::string_view actor_name, const Args& args, const spawn_options& options = {}) {
    const message encoded = make_message(args);
    coppice_spawn_options raw{};
    raw.size = sizeof raw;
    raw.flags = options.link ? COPPICE_SPAWN_LINK : 0;
    raw.actor = detail::plain(actor_name);
    raw.name = detail::plain(options.name);
    raw.args = detail::plain(encoded.bytes());
    raw.deadline = until(options.patience);
    answer got;
    got.status = detail::alive(api().spawn(handle_, &raw, got.message.put(), nullptr));
    return got;
  }

  // Processes on other nodes, since 1.1 of the ABI. Parks this actor until the node has answered; what the
  // new process sends, or its end, comes after that.
  /// apply(Module, Function, Args) there; the arguments are the members of a tuple:
  /// spawn_at("n@host", "timer", "sleep", std::tuple(1000)).
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
  /// The same with a term that is their list.
  spawned spawn_at(std::string_view node_name, std::string_view module, std::string_view function, term args,
                   const remote_spawn_options& options = {}) {
    spawned got;
    if (api().size < offsetof(coppice_actor_api, spawn_at) + sizeof api().spawn_at) {
      got.status = COPPICE_E_UNSUPPORTED;
      return got;
    }
    coppice_remote_spawn raw{};
    raw.size = sizeof raw;
    raw.flags = (options.link ? COPPICE_SPAWN_LINK : 0) | (options.monitor ? COPPICE_SPAWN_MONITOR : 0);
    raw.node = detail::plain(node_name);
    raw.module = detail::plain(module);
    raw.function = detail::plain(function);
    raw.args = plain(args);
    raw.options = plain(options.others);
    raw.deadline = until(options.patience);
    got.status = detail::alive(api().spawn_at(handle_, &raw, got.message.put(), got.monitor.put()));
    return got;
  }
  /// An actor of a plugin of another Coppice node, "PLUGIN" or "PLUGIN:ACTOR": its distribution.allow.spawn
  /// has to name it so, else the answer is COPPICE_E_REFUSED.
  template <class Args>
  spawned spawn_actor_at(std::string_view node_name, std::string_view actor_name, const Args& args,
                         const remote_spawn_options& options = {}) {
    return spawn_at(node_name, "coppice", "spawn", std::tuple<etf::atom, const Args&>({actor_name}, args),
                    options);
  }

  // Time. The message arrives at handle_info, unless it is for someone else.
  static std::chrono::nanoseconds now() { return std::chrono::nanoseconds(detail::host.timer->now()); }
  template <class T>
  std::uint64_t send_after(std::chrono::nanoseconds delay, const T& value) {
    return start_timer(delay, {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t send_after(std::chrono::nanoseconds delay, const destination& to, const T& value) {
    return start_timer(delay, plain(to), value);
  }
  bool cancel_timer(std::uint64_t id) {
    return detail::alive(detail::host.timer->cancel(handle_, id)) == COPPICE_OK;
  }

  // Work.
  bool should_yield() { return detail::host.work->should_yield(handle_) != 0; }
  /// Parks this actor; its messages wait.
  void sleep(std::chrono::nanoseconds time) {
    detail::alive(detail::host.work->sleep_until(handle_, deadline(time)));
  }
  void yield() { detail::alive(detail::host.work->yield(handle_)); }
  /// Runs `work` on the blocking pool while this actor is parked. It must own what it uses: if the actor is
  /// killed meanwhile, it runs on alone. An exception of it is thrown here.
  template <class Work>
  void blocking_run(Work work) {
    struct job {
      Work work;
      std::exception_ptr thrown;
    };
    auto made = std::make_unique<job>(job{std::move(work), nullptr});
    const auto run = [](void* context) {
      auto& mine = *static_cast<job*>(context);
      try {
        mine.work();
      } catch (...) {
        mine.thrown = std::current_exception();
      }
    };
    job* const raw = made.release();
    const std::int32_t status = detail::host.work->blocking_run(
        handle_, run, raw, [](void* context) { delete static_cast<job*>(context); });
    if (detail::alive(status) != COPPICE_OK) throw std::runtime_error("the pool for blocking work is full");
    made.reset(raw);
    if (made->thrown) std::rethrow_exception(made->thrown);
  }

  void log(std::int32_t level, std::string_view text) {
    detail::host.log->write(handle_, level, detail::plain(text), nullptr, 0);
  }

 private:
  static const coppice_actor_api& api() { return *detail::host.actor; }
  static bool has_priority() { // came together; this is the last one
    return api().size >= offsetof(coppice_actor_api, monitor_priority) + sizeof api().monitor_priority;
  }
  static coppice_bytes plain(term t) { return detail::plain(t.encoded); }
  static coppice_bytes plain(const destination& to) { return detail::plain(to.bytes()); }
  // For what takes 0 as 5 s from now: saves asking for the time.
  static std::int64_t until(std::chrono::nanoseconds patience) {
    return patience == std::chrono::nanoseconds(5s) ? 0 : deadline(patience);
  }
  static std::int64_t deadline(std::chrono::nanoseconds patience) {
    if (patience == std::chrono::nanoseconds::max()) return COPPICE_FOREVER;
    return detail::host.timer->now() + patience.count();
  }
  template <class T>
  std::uint64_t start_timer(std::chrono::nanoseconds delay, coppice_bytes to, const T& value) {
    std::uint64_t id = 0;
    detail::alive(detail::host.timer->start(handle_, deadline(delay), to, make_message(value).take(), &id));
    return id;
  }

  coppice_actor* handle_ = nullptr;
};

} // namespace coppice
