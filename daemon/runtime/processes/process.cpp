// SPDX-License-Identifier: MIT
// What a process may do: sending, and short functions. Links, monitors, calls and remote spawns have files of
// their own in this folder; waits are in scheduling/waits.cpp.
#include "runtime/process.hpp"

#include "runtime/messages/call_forms.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/processes/spawn.hpp"

namespace coppice::runtime {

const base::bound<std::uint32_t> turn_reductions("runtime: reductions of a turn", usual_turn_reductions, 8);

void behaviour::terminate(process&, const message&) {}

outcome behaviour::receive_answer(process&, std::uint64_t, ask_result) {
  return carry_on();
}

outcome behaviour::receive_returned(process&, std::unique_ptr<parcel>) {
  return carry_on();
}
outcome behaviour::receive_parcel(process&, std::unique_ptr<parcel>) {
  return carry_on();
}

outcome behaviour::receive_io(process&) {
  return carry_on();
}

void behaviour::died(process&) noexcept {}

message behaviour::take_held(const message_test&) {
  return {};
}

outcome behaviour::receive_call(process& self, const call_id& call, message request) {
  return receive(self, whole_call(self.host().nodes(), call, std::move(request)));
}

pid process::self() const {
  return record_of(*this).id();
}

bool process::trapping_exit() const {
  return record_of(*this).traps_exits.load(std::memory_order_relaxed);
}

void process::take_exits_first() {
  record_of(*this).exits_first = true;
}

void process::use_reserved_stacks() {
  record_of(*this).uses_reserve = true;
}

void process::reductions(std::uint32_t count) {
  record_of(*this).note_reductions(count);
}

bool process::exiting() const {
  return record_of(*this).dead;
}

behaviour& process::does() const {
  return *record_of(*this).behaviour;
}

pid process::parent() const {
  const process_record& me = record_of(*this);
  if (me.parent_here) return me.parent_here.whole(me.home().creation());
  const relations* mine = me.published_relations();
  return mine == nullptr ? pid{} : mine->parent;
}

system& process::host() const {
  const process_record& me = record_of(*this);
  return me.home().host();
}

base::nanos process::now() const {
  const process_record& me = record_of(*this);
  return me.home().now();
}

send_status process::send(const destination& to, message m, sending how) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  if (!delivery::may_go(host(), to, how)) return send_status::nodedown;
  signal_ptr what = make_signal(signal_kind::message, me.id(), std::move(m));
  what->flags = delivery::flags_of(how);
  if (to.what() == destination::kind::alias) me.forget_caller(to.alias_ref());
  const send_status sent = delivery::dispatch(host(), to, std::move(what), &me);
  how.waits ? me.spend() : reductions(1);
  return sent;
}

send_status process::send_call(const destination& to, const reference& call, message m, call_form form) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  call_state* state = me.find_call(call.number());
  if (state == nullptr) return send_status::ok;
  process_record* receiver =
      to.what() == destination::kind::process ? delivery::find(host(), to.process()) : nullptr;
  if (receiver == this) receiver = nullptr;
  const bool taken_bare = to.here() ? receiver != nullptr : delivery::goes_bare(host(), to.node(), m.size());
  const bool bare = form == call_form::request && taken_bare;
  if (form == call_form::request && !bare)
    m = whole_call(host().nodes(), {me.id(), call.number()}, std::move(m));
  if (to.what() == destination::kind::process)
    state->target = to.process();
  else
    state->by_name = std::make_unique<destination>(to);
  if (to.here() && receiver == nullptr) {
    state->target = me.send_monitor(call, to, signal::of_call);
    return send(to, std::move(m));
  }
  signal_ptr what = make_signal(signal_kind::message, me.id(), call, std::move(m));
  what->flags = signal::of_call | (bare ? signal::bare : 0);
  return to.here() ? delivery::send_bounded(*receiver, std::move(what), &me)
                   : delivery::dispatch(host(), to, std::move(what), &me);
}

namespace {

[[gnu::noinline]] send_status send_otherwise(process_record& me, const pid& to, message&& m,
                                             process_record* receiver) {
  if (me.dead) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, me.id(), std::move(m));
  const send_status sent = receiver != nullptr ? delivery::send_bounded(*receiver, std::move(what), &me)
                                               : delivery::dispatch(me.host(), to, std::move(what), &me);
  me.spend();
  return sent;
}

} // namespace

send_status process::send(const pid& to, message&& m) {
  process_record& me = record_of(*this);
  worker& here = me.home();
  process_record* const receiver = me.dead ? nullptr : delivery::find(here.host(), to);
  const std::uint32_t weight = mailbox::weight_of(m);
  if (receiver == nullptr || !signal_access::fits_in_place(m) || !receiver->lives_on(&here) ||
      receiver->expects_answers() || !delivery::counts(*receiver, weight)) [[unlikely]]
    return send_otherwise(me, to, std::move(m), receiver);
  delivery::pass(here, *receiver, signal_access::make_in_place(std::move(m), signal_kind::message, me.id()),
                 weight);
  delivery::let_rest(*receiver, me);
  me.spend();
  return send_status::ok;
}

send_status process::send_unbounded(const destination& to, message m) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, me.id(), std::move(m));
  what->flags = signal::unbounded;
  if (to.what() == destination::kind::alias) me.forget_caller(to.alias_ref());
  return delivery::dispatch(host(), to, std::move(what), &me);
}

send_status process::send_ahead(const destination& to, message m) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  remote_router* const router = host().router();
  if (router == nullptr || !router->connected(to.node())) return send_status::nodedown;
  signal_ptr what = make_signal(signal_kind::message, me.id(), std::move(m));
  if (!delivery::is_sound(host(), what, nullptr)) return send_status::malformed;
  reductions(1);
  return router->route_ahead(to, std::move(what)) ? send_status::ok : send_status::full;
}

void process::notify(const destination& to, message m) {
  process_record& me = record_of(*this);
  if (me.dead) return;
  signal_ptr what = make_signal(signal_kind::message, me.id(), std::move(m));
  what->flags = signal::unbounded | signal::notice;
  // So that messages behind it have an age, too.
  what->number = static_cast<std::uint64_t>(me.home().recent());
  delivery::deliver(host(), to, std::move(what), nullptr);
}

void process::hand(const destination& to, std::unique_ptr<parcel> owned) {
  process_record& me = record_of(*this);
  if (me.dead || !to.here()) return;
  signal_ptr what = make_signal(me.id(), std::move(owned));
  what->flags = signal::unbounded | signal::bare;
  delivery::deliver(host(), to, std::move(what), nullptr);
}

message_origin process::origin() const {
  const process_record& me = record_of(*this);
  return {me.origin_node, me.origin_notice};
}

void process::set_origin(message_origin of) {
  process_record& me = record_of(*this);
  me.origin_node = of.node;
  me.origin_notice = of.notice;
}

send_status process::answer(const reference& given, message m) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  const reference alias = given.is_cut() && given.here() ? host().whole(given) : given;
  process_record* receiver = alias.count == 5 ? delivery::find(host(), alias.owner()) : nullptr;
  if (receiver == nullptr) return send_unbounded(destination::alias(alias), std::move(m));
  me.forget_caller(alias);
  signal_ptr what = make_signal(signal_kind::message, me.id(), alias, std::move(m));
  what->flags = signal::unbounded;
  delivery::push(*receiver, std::move(what));
  return send_status::ok;
}

static send_status reply_away(process_record& me, const call_id& call, message&& term) {
  const bool bare = delivery::goes_bare(me.host(), call.who.node, term.size());
  if (!bare) term = whole_answer(me.host().nodes(), call, std::move(term));
  signal_ptr what = make_signal(signal_kind::message, me.id(), std::move(term));
  what->flags = signal::unbounded | (bare ? signal::bare : 0);
  return delivery::dispatch(me.host(), destination::alias(call.ref()), std::move(what), &me);
}

send_status process::reply(const call_id& call, message&& term) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  if (!me.received_calls.remove(call)) [[unlikely]]
    me.forget_other_caller(call.ref());
  worker& here = me.home();
  process_record* caller = delivery::find(here.host(), call.who);
  if (caller == nullptr) {
    if (!call.who.here()) return reply_away(me, call, std::move(term));
    here.host().core().dead_letters.fetch_add(1, std::memory_order_relaxed);
    return send_status::ok;
  }
  if (caller->lives_on(&here) && caller->settle_here(call.number, me.id(), term)) [[likely]]
    return send_status::ok;
  signal_ptr what = make_signal(signal_kind::message, me.id(), call.ref(), std::move(term));
  what->flags = signal::unbounded | signal::bare;
  delivery::push(*caller, std::move(what));
  return send_status::ok;
}

uv_loop_s* process::stay() {
  process_record& me = record_of(*this);
  me.schedule.stays = true;
  return me.home().loop();
}

void process::request_io() {
  process_record& me = record_of(*this);
  me.home().needs_online(); // the worker may be asleep in the loop that calls back
  signal_ptr due = make_signal(signal_kind::io, me.self());
  due->flags = signal::unbounded | signal::bare;
  me.home().receive_here(me, std::move(due));
}

send_status process::exit(const destination& to, message reason, sending how) {
  process_record& me = record_of(*this);
  if (me.dead) return send_status::ok;
  if (!delivery::may_go(host(), to, how)) return send_status::nodedown;
  signal_ptr what = make_signal(signal_kind::exit2, me.id(), std::move(reason));
  what->flags = delivery::flags_of(how);
  const send_status sent = delivery::dispatch(host(), to, std::move(what), &me);
  if (delivery::find(host(), to) == this) me.take_signals();
  return sent;
}

bool process::trap_exit(bool on) {
  process_record& me = record_of(*this);
  const bool before = trapping_exit();
  me.traps_exits.store(on, std::memory_order_relaxed);
  return before;
}

base::status process::register_name(std::string name) {
  process_record& me = record_of(*this);
  if (me.dead) return base::fail(base::errc::closed, "register '" + name + "': the process is exiting");
  relations& mine = me.needs_relations();
  if (!mine.name.empty())
    return base::fail(base::errc::exists,
                      "register '" + name + "': the process has the name '" + mine.name + "' already");
  if (auto added = host().core().registered.add(name, me.id()); !added) return added;
  const std::lock_guard guard(mine.lock);
  mine.name = std::move(name);
  return {};
}

base::status process::unregister() {
  process_record& me = record_of(*this);
  relations* mine = me.related();
  if (mine == nullptr || mine->name.empty() || me.dead)
    return base::fail(base::errc::not_found, "unregister: the process has no name");
  host().core().registered.remove(mine->name);
  const std::lock_guard guard(mine->lock);
  mine->name.clear();
  return {};
}

std::string process::name() const {
  const process_record& me = record_of(*this);
  const relations* mine = me.related();
  return mine == nullptr ? std::string() : mine->name;
}

static std::uint64_t add_timer(process_record& me, base::nanos deadline, const destination& to, message m,
                               base::nanos period, bool notice) {
  if (me.dead) return 0;
  auto fresh = std::make_unique<started_timer>();
  fresh->deadline = deadline;
  fresh->period = period;
  fresh->notice = notice;
  fresh->to = to;
  fresh->what = std::move(m);
  return me.home().timers_started().start(me, std::move(fresh));
}

std::uint64_t process::start_timer(base::nanos deadline, const destination& to, message m,
                                   base::nanos period) {
  return add_timer(record_of(*this), deadline, to, std::move(m), period, false);
}

std::uint64_t process::remind(base::nanos deadline, message m) {
  process_record& me = record_of(*this);
  return add_timer(me, deadline, me.id(), std::move(m), 0, true);
}

base::nanos process::cancel_timer(std::uint64_t id) {
  process_record& me = record_of(*this);
  return me.home().timers_started().end(me, id);
}

base::nanos process::remaining(std::uint64_t id) const {
  return process_timers::left(record_of(*this), id);
}

base::result<pid> process::spawn(spawn_options&& options, std::unique_ptr<behaviour> does) {
  process_record& me = record_of(*this);
  if (me.dead) return base::fail(base::errc::closed, "spawn: the process is exiting");
  auto made = runtime::spawn(host(), &me, std::move(options), std::move(does));
  me.spend();
  return made;
}

bool process::should_yield() const {
  const process_record& me = record_of(*this);
  return me.reductions_this_turn >= turn_reductions || me.home().turn_is_long();
}

pid process::group_leader() const {
  const process_record& me = record_of(*this);
  return me.leader();
}

void process::set_group_leader(const pid& leader) {
  process_record& me = record_of(*this);
  relations& mine = me.needs_relations();
  const std::lock_guard guard(mine.lock);
  mine.group_leader = leader;
}

void process::set_label(std::string label) {
  process_record& me = record_of(*this);
  relations& mine = me.needs_relations();
  auto first = std::make_unique<std::string>(); // nothing is allocated under the lock
  const std::lock_guard guard(mine.lock);
  mine.label.swap(label);
  if (mine.first_label != nullptr) return;
  first->swap(label);
  mine.first_label = std::move(first);
}

void process::set_priority(runtime::priority to) {
  process_record& me = record_of(*this);
  me.priority.store(to, std::memory_order_relaxed);
}

} // namespace coppice::runtime
