// SPDX-License-Identifier: MIT
// Threads and the workers they drive. See driver.hpp. The old thread reads the watchdog's writes of a
// hand-over after it saw `claimed` and waited for the watchdog's lock, the new thread after it took `next_`.
#include "runtime/scheduling/driver.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/border.hpp"
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/message_head.hpp"
#include "runtime/scheduling/fatal_signal.hpp"
#include "runtime/scheduling/fiber_switch.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime {
namespace {

// Found without a call: this room is linked into programs, not loaded by them.
[[gnu::tls_model("initial-exec")]] thread_local driver* this_threads_driver = nullptr;

// Called while `p` cannot leave its foreign code, so that no other thread writes its data.
stuck_handler described(const process_record& p, const foreign_code& code, base::nanos since) {
  stuck_handler in;
  in.pid = p.id();
  in.who = to_text(in.pid, p.host().nodes());
  if (const relations* const known = p.published_relations(); known != nullptr && !known->name.empty())
    in.who += " " + known->name;
  in.callback = code.callback();
  if (!code.argument().empty()) in.message = message_head(code.argument());
  in.since = since;
  return in;
}

} // namespace

driver::driver(driver_pool& of, block_pool& blocks) : drivers_(of), blocks_(blocks) {
  thread_ = std::thread([this] { serve(); });
}

driver::~driver() {
  {
    const std::lock_guard guard(lock_);
    ending_ = true;
  }
  more_.notify_one();
  thread_.join();
}

// These three functions are never inlined: the address of a thread-local variable may not be kept across a
// switch of stacks.
[[gnu::noinline]] driver* driver::current() {
  asm volatile(""); // a caller may not reuse an earlier result either
  return this_threads_driver;
}

[[gnu::noinline]] worker* worker::current() {
  asm volatile("");
  const driver* mine = this_threads_driver;
  return mine == nullptr ? nullptr : mine->drives_.worker();
}

[[gnu::noinline]] bool driver::has_turn_of(const process_record& p) {
  asm volatile("");
  const driver* mine = this_threads_driver;
  return mine != nullptr && mine->drives_.has_turn_of(p);
}

const process_record* driver::running_here() {
  const driver* mine = current();
  return mine == nullptr ? nullptr : mine->drives_.running();
}

base::heap::owner driver::charged_here() {
  const process_record* const mine = running_here();
  const foreign_code* const code = mine == nullptr ? nullptr : mine->border().outside();
  return code == nullptr ? base::heap::unknown : code->charged();
}

const process_record* driver::overflowed(const void* address, std::size_t& stack_bytes) {
  const driver* mine = current();
  if (mine == nullptr) return nullptr;
  const worker* drives = mine->drives_.worker();
  const process_record* lost = mine->drives_.lost();
  const process_record* running = running_here();
  const fiber* on = drives != nullptr ? drives->stack() : lost != nullptr ? lost->parked_on() : nullptr;
  if (running == nullptr || on == nullptr || !on->guards(address)) return nullptr;
  stack_bytes = on->stack_bytes();
  return running;
}

void driver::drive(worker& next) {
  {
    const std::lock_guard guard(lock_);
    next_ = &next;
  }
  more_.notify_one();
}

void driver::serve() {
  this_threads_driver = this;
  const signal_stack for_faults;
  const thread_clock clock;
  clock_.store(&clock, std::memory_order_release);
  stack_ = fiber::of_thread();
  block_pool::set_current(&blocks_);
  std::unique_lock guard(lock_);
  for (;;) {
    more_.wait(guard, [this] { return ending_ || next_ != nullptr; });
    if (next_ == nullptr) break;
    worker& mine = *std::exchange(next_, nullptr);
    guard.unlock();
    drives_.begin(mine);
    mine.run(*this);
    drives_.end();
    if (lost()) report_back();
    blocks_.rest();
    guard.lock();
    drivers_.put_back(*this);
  }
  block_pool::set_current(nullptr);
}

bool driver::hand_over(worker& w, process_record& p, const foreign_code& code, driver& to) {
  if (!w.can_leave_turn()) return false;
  std::optional<stuck_handler> in;
  const base::nanos since = w.turn_began();
  base::contained("the watchdog", [&] { in = described(p, code, since); });
  driver& former = *w.driven_by();
  former.held_ = std::make_unique<wait>();
  wait& own_handler = *former.held_;
  own_handler.who = &p;
  own_handler.number = former.lost_number_ = p.new_wait();
  own_handler.holds = true;
  own_handler.since = since;
  own_handler.shows = process_status::running; // on a thread that has lost its worker
  own_handler.stack = w.stack();
  p.waiting = &own_handler;
  former.ran_before_ = w.leave_turn(p);
  former.lost_kind_ = kind_of(code.callback());
  former.drivers_.note(former, std::move(in));
  former.drives_.lose(w, p);
  former.drivers_.stuck_.fetch_add(1, std::memory_order_relaxed);
  w.start(to);
  return true;
}

void driver::rejoin(process_record& p) {
  driver& mine = *current();
  const std::unique_ptr<wait> kept_until_woken = std::move(mine.held_);
  const base::nanos ran = mine.time_in_handler(kept_until_woken->since);
  const work_kind kind = mine.lost_kind_;
  p.waiting->stack->switch_to(*mine.stack_);
  p.waiting = nullptr;
  p.border().withdraw();
  p.home().end_left_turn(p, kind, ran);
}

base::nanos driver::time_in_handler(base::nanos since) const {
  const thread_clock* const mine = clock();
  return mine == nullptr ? 0
                         : std::clamp<base::nanos>(mine->ran() - ran_before_, 0, base::mono_now() - since);
}

void driver::report_back() {
  signal_ptr done = make_signal(signal_kind::stop_waiting, {});
  done->number = lost_number_;
  process_record& waiting = *drives_.take_lost();
  drivers_.stuck_.fetch_sub(1, std::memory_order_relaxed);
  if (stuck_in_)
    base::contained("the end of a stuck handler", [&is = *stuck_in_] {
      base::log::notice("runtime", "{} has left the handler that held a thread, after {} ms", is.who,
                        (base::mono_now() - is.since) / base::nanos_per_ms);
    });
  drivers_.note(*this, std::nullopt);
  delivery::push(waiting, std::move(done));
}

driver* driver_pool::spare() {
  const std::lock_guard guard(lock_);
  if (!spares_.empty()) {
    driver* known = spares_.back();
    spares_.pop_back();
    return known;
  }
  if (all_.size() == pools_.size()) return nullptr;
  try {
    all_.push_back(std::make_unique<driver>(*this, pools_[all_.size()]));
  } catch (const std::system_error&) {
    return nullptr;
  }
  return all_.back().get();
}

void driver_pool::note(driver& of, std::optional<stuck_handler> in) {
  const std::lock_guard guard(lock_);
  of.stuck_in_ = std::move(in);
}

std::vector<stuck_handler> driver_pool::stuck_in() {
  std::vector<stuck_handler> out;
  const std::lock_guard guard(lock_);
  for (const auto& one : all_)
    if (one->stuck_in_) {
      out.push_back(*one->stuck_in_);
      out.back().ran = one->time_in_handler(out.back().since);
    }
  return out;
}

base::nanos driver_pool::time_stuck_in(const pid& of) {
  const std::lock_guard guard(lock_);
  for (const auto& one : all_)
    if (one->stuck_in_ && one->stuck_in_->pid == of) return one->time_in_handler(one->stuck_in_->since);
  return 0;
}

void driver_pool::put_back(driver& unused) {
  const std::lock_guard guard(lock_);
  spares_.push_back(&unused);
}

void driver_pool::end() {
  std::vector<std::unique_ptr<driver>> ending;
  {
    const std::lock_guard guard(lock_);
    ending.swap(all_);
  }
  ending.clear();
  const std::lock_guard guard(lock_);
  spares_.clear();
}

void foreign_code::rejoin(process& p) {
  if (p.host().core().watch->decided(p)) driver::rejoin(record_of(p));
}

bool foreign_code::is_turn_of(const process& p) {
  return driver::has_turn_of(record_of(p));
}

} // namespace coppice::runtime
