// SPDX-License-Identifier: MIT
// A process's life as an object, and the parts of its face that are short. Links, monitors, calls and
// waits have files of their own.
#include "runtime/process.hpp"

#include "runtime/call_forms.hpp"
#include "runtime/engine.hpp"

namespace coppice::runtime {

void behaviour::terminate(process&, const message&) {}

outcome behaviour::receive_call(process& self, const call_id& call, message request) {
  return receive(self, whole_call(self.host().nodes(), call, std::move(request)));
}

process::process(worker& home, bool announced, const pid& self, std::unique_ptr<behaviour> does,
                 const spawn_options& options)
    : inbox_(announced),
      home_(&home),
      behaviour_(std::move(does)),
      self_(self),
      parent_(options.parent),
      leader_(options.group_leader),
      bytes_limit_(options.mailbox.bytes),
      messages_limit_(options.mailbox.messages),
      compression_(options.compression),
      on_full_(options.mailbox.policy),
      priority_(options.priority),
      trap_exit_(options.trap_exit),
      announced_(announced),
      placed_(options.worker >= 0),
      asker_(options.ack ? options.ack.owner() : pid{}),
      asked_(options.ack.number()) {
  if (!options.label.empty()) needs_relations().label = options.label;
  if (!options.parent.here()) needs_relations().parent = options.parent;
  if (!options.group_leader.here()) needs_relations().group_leader = options.group_leader;
}

process::~process() {
  for (signal* left : {first_, pending_first_, inbox_.take_all()})
    while (left != nullptr) signal_ptr(std::exchange(left, left->next)).reset();
  std::unique_ptr<relations>(relations_.load()).reset();
  std::unique_ptr<crowd>(crowd_.load()).reset();
}

relations& process::needs_relations() {
  if (relations* there = relations_.load(std::memory_order_relaxed)) return *there;
  auto fresh = std::make_unique<relations>();
  relations_.store(fresh.get(), std::memory_order_release);
  return *fresh.release();
}

pid process::parent() const {
  if (parent_) return {0, self_.creation, parent_.id, parent_.serial};
  const relations* mine = relations_.load(std::memory_order_acquire);
  return mine == nullptr ? pid{} : mine->parent;
}

system& process::host() const {
  return home().host();
}

base::nanos process::now() const {
  return home().now();
}

send_status process::send(const destination& to, message m) {
  if (exiting_) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, self_, std::move(m));
  if (to.what() == destination::kind::alias) engine::forget_caller(*this, to.alias_ref());
  const send_status sent = engine::dispatch(host(), to, std::move(what), this);
  spend();
  return sent;
}

send_status process::send_call(const destination& to, const reference& call, message m) {
  if (exiting_) return send_status::ok;
  relations* mine = relations_.load(std::memory_order_relaxed);
  call_state* state = mine == nullptr ? nullptr : mine->calls.find(call.number());
  if (state == nullptr) return send_status::ok;
  if (!to.here()) {
    if (to.what() == destination::kind::process)
      state->target = to.process();
    else
      state->by_name = std::make_unique<destination>(to);
    signal_ptr what = make_signal(signal_kind::message, self_, call, std::move(m));
    what->flags = signal::of_call;
    return engine::dispatch(host(), to, std::move(what), this);
  }
  process* receiver = to.what() == destination::kind::process ? engine::find(host(), to.process()) : nullptr;
  if (receiver == nullptr || receiver == this) {
    if (to.what() != destination::kind::process) state->by_name = std::make_unique<destination>(to);
    state->target = engine::send_monitor(*this, call, to, true);
    return send(to, std::move(m));
  }
  state->target = to.process();
  signal_ptr what = make_signal(signal_kind::message, self_, call, std::move(m));
  what->flags = signal::of_call;
  return engine::send_bounded(*receiver, std::move(what), this);
}

send_status process::send(const pid& to, message&& m) {
  worker& here = home();
  process* const receiver = exiting_ ? nullptr : engine::find(here.host(), to);
  const std::uint32_t weight = engine::weight_of(m);
  if (receiver == nullptr || !signal_access::fits_in_place(m) || !engine::lives_on(here, *receiver) ||
      engine::expects_answers(*receiver) || !engine::counts(*receiver, weight)) [[unlikely]]
    return send_otherwise(to, std::move(m), receiver);
  engine::pass(here, *receiver, signal_access::make_in_place(std::move(m), signal_kind::message, self_),
               weight);
  engine::let_rest(*receiver, *this);
  spend();
  return send_status::ok;
}

send_status process::send_otherwise(const pid& to, message&& m, process* receiver) {
  if (exiting_) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, self_, std::move(m));
  const send_status sent = receiver != nullptr ? engine::send_bounded(*receiver, std::move(what), this)
                                               : engine::dispatch(host(), to, std::move(what), this);
  spend();
  return sent;
}

send_status process::send_priority(const destination& to, message m) {
  if (exiting_) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, self_, std::move(m));
  what->flags = signal::priority;
  if (to.what() == destination::kind::alias) engine::forget_caller(*this, to.alias_ref());
  const send_status sent = engine::dispatch(host(), to, std::move(what), this);
  spend();
  return sent;
}

send_status process::send_unbounded(const destination& to, message m) {
  if (exiting_) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, self_, std::move(m));
  what->flags = signal::unbounded;
  if (to.what() == destination::kind::alias) engine::forget_caller(*this, to.alias_ref());
  return engine::dispatch(host(), to, std::move(what), this);
}

send_status process::answer(const reference& alias, message m) {
  if (exiting_) return send_status::ok;
  process* receiver = alias.count == 5 ? engine::find(host(), alias.owner()) : nullptr;
  if (receiver == nullptr) return send_unbounded(destination::alias(alias), std::move(m));
  engine::forget_caller(*this, alias);
  signal_ptr what = make_signal(signal_kind::message, self_, alias, std::move(m));
  what->flags = signal::unbounded;
  engine::push(*receiver, std::move(what));
  return send_status::ok;
}

void process::reply(const call_id& call, message&& term) {
  if (exiting_) return;
  if (!engine::let_go_of(*this, call)) [[unlikely]]
    engine::forget_caller(*this, call.ref());
  worker& here = home();
  process* caller = engine::find(here.host(), call.who);
  if (caller == nullptr) {
    here.host().parts_->dead_letters.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (caller->home_.load(std::memory_order_acquire) == &here &&
      engine::settle_here(*caller, call.number, self_, term)) [[likely]]
    return;
  signal_ptr what = make_signal(signal_kind::message, self_, call.ref(), std::move(term));
  what->flags = signal::unbounded | signal::bare;
  engine::push(*caller, std::move(what));
}

send_status process::exit(const destination& to, message reason, urgency how) {
  if (exiting_) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::exit2, self_, std::move(reason));
  if (how == urgency::priority) what->flags = signal::priority;
  const send_status sent = engine::dispatch(host(), to, std::move(what), this);
  if (engine::find(host(), to) == this) engine::take_signals(*this);
  return sent;
}

bool process::trap_exit(bool on) {
  const bool before = trapping_exit();
  trap_exit_.store(on, std::memory_order_relaxed);
  return before;
}

base::status process::register_name(std::string name) {
  if (exiting_) return base::fail(base::errc::closed, "register '" + name + "': the process is exiting");
  relations& mine = needs_relations();
  if (!mine.name.empty())
    return base::fail(base::errc::exists,
                      "register '" + name + "': the process has the name '" + mine.name + "' already");
  if (auto added = host().parts_->registered.add(name, self_); !added) return added;
  const std::lock_guard guard(mine.lock);
  mine.name = std::move(name);
  return {};
}

base::status process::unregister() {
  relations* mine = relations_.load(std::memory_order_relaxed);
  if (mine == nullptr || mine->name.empty() || exiting_)
    return base::fail(base::errc::not_found, "unregister: the process has no name");
  host().parts_->registered.remove(mine->name);
  const std::lock_guard guard(mine->lock);
  mine->name.clear();
  return {};
}

std::string process::name() const {
  const relations* mine = relations_.load(std::memory_order_relaxed);
  return mine == nullptr ? std::string() : mine->name;
}

std::uint64_t process::start_timer(base::nanos deadline, const destination& to, message m) {
  if (exiting_) return 0;
  return home().add_timer(*this, deadline, to, std::move(m));
}

base::nanos process::cancel_timer(std::uint64_t id) {
  return home().remove_timer(*this, id);
}

base::nanos process::remaining(std::uint64_t id) const {
  return home().timer_left(*this, id);
}

base::result<pid> process::spawn(spawn_options options, std::unique_ptr<behaviour> does) {
  if (exiting_) return base::fail(base::errc::closed, "spawn: the process is exiting");
  auto made = engine::spawn(host(), this, std::move(options), std::move(does));
  spend();
  return made;
}

void process::used_up() {
  reductions_.store(reductions_.load(std::memory_order_relaxed) + std::exchange(turn_reductions_, 0),
                    std::memory_order_relaxed);
  if (home().running() == this) yield();
}

bool process::should_yield() const {
  return turn_reductions_ >= turn_reductions || home().turn_is_long();
}

pid process::group_leader() const {
  return engine::leader_of(*this);
}

void process::set_group_leader(const pid& leader) {
  relations& mine = needs_relations();
  const std::lock_guard guard(mine.lock);
  mine.group_leader = leader;
}

void process::set_label(std::string label) {
  relations& mine = needs_relations();
  const std::lock_guard guard(mine.lock);
  mine.label = std::move(label);
}

void process::set_priority(runtime::priority to) {
  priority_.store(to, std::memory_order_relaxed);
}

} // namespace coppice::runtime
