// SPDX-License-Identifier: MIT
// The watchdog's thread. See watchdog.hpp. The state that it reads of a worker may be out of date at once, so
// it acts only under a claim: while the process provably stays in foreign code.
#include "runtime/scheduling/watchdog.hpp"

#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/border.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/log_settings.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/message_head.hpp"
#include "runtime/processes/inspection.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime {
namespace {

long membarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0);
}

// A full fence on every running thread of this program.
void fence_everywhere() {
  membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

// In milliseconds, to the power of ten below: a turn that takes much longer than those before is told at
// once.
base::nanos magnitude(base::nanos held) {
  base::nanos power = 1;
  while (held / base::nanos_per_ms >= 10 * power) power *= 10;
  return power;
}

} // namespace

// While it lives, a process that was in foreign code cannot leave it.
class watchdog::claim {
 public:
  claim(watchdog& of, worker& w, const worker::glimpse& seen)
      : guard_(of.claims_), valid_(of.host_.core().readers) {
    if (!of.can_claim_) return;
    // First the reader's cell, then the look at the running process: so a process found here is not freed. A
    // worker takes a process off running_ before it draws its ticket. A process found here was taken off
    // after the barrier, if at all. So its ticket is newer than the epoch in the cell, and the thread that
    // then asks what may be freed sees the cell.
    fence_everywhere();
    process_record* p = w.look().who;
    if (p == nullptr || p != seen.who || p->border().claimed()) return;
    code_ = p->border().claim(fence_everywhere);
    const worker::glimpse now = w.look();
    if (code_ == nullptr || now.who != p || now.turn != seen.turn) code_ = nullptr;
    process_ = p;
  }
  ~claim() {
    if (process_ != nullptr && !kept_) process_->border().withdraw();
  }
  claim(const claim&) = delete;
  claim& operator=(const claim&) = delete;

  const foreign_code* code() const { return code_; } // null: the claim failed
  process_record& who() const { return *process_; }
  void keep() { kept_ = true; }

 private:
  const std::lock_guard<std::mutex> guard_;
  const reclaimer::guard valid_;
  process_record* process_ = nullptr;
  const foreign_code* code_ = nullptr;
  bool kept_ = false;
};

watchdog::watchdog(system& host)
    : host_(host), limit_(host.options().watchdog), vigils_(host.options().workers) {}

watchdog::~watchdog() {
  stop();
}

bool watchdog::start() {
  can_claim_ = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  if (!can_claim_)
    base::log::warning("runtime", "membarrier is not allowed here: a worker stuck in a handler stays stuck");
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void watchdog::stop() {
  {
    const std::lock_guard guard(lock_);
    stopping_ = true;
  }
  more_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void watchdog::wake_up() {
  {
    const std::lock_guard guard(lock_);
    resting_.store(false, std::memory_order_relaxed);
  }
  more_.notify_one();
}

bool watchdog::decided(const process& p) {
  const std::lock_guard guard(claims_);
  return p.border().claimed();
}

bool watchdog::all_sleep() const {
  return std::ranges::all_of(host_.core().workers, [](const auto& w) { return w->look().sleeping; });
}

void watchdog::run() {
  std::unique_lock guard(lock_);
  while (!stopping_) {
    guard.unlock();
    const base::nanos next = look_around();
    const bool quiet = all_sleep();
    guard.lock();
    if (!quiet) {
      more_.wait_for(guard, std::chrono::nanoseconds(std::max<base::nanos>(0, next - base::mono_now())),
                     [this] { return stopping_; });
      continue;
    }
    // resting_ is set before the last look: a worker that wakes either sees it or is seen.
    resting_.store(true, std::memory_order_seq_cst);
    if (all_sleep()) more_.wait(guard, [this] { return stopping_ || !resting_; });
    resting_.store(false, std::memory_order_relaxed);
  }
}

// Returns when to look again.
base::nanos watchdog::look_around() {
  host_.core().looks.fetch_add(1, std::memory_order_relaxed);
  const base::nanos now = base::mono_now();
  base::nanos next = now + limit_;
  for (const auto& one : host_.core().workers)
    base::contained("the watchdog", [&] { next = std::min(next, look_at(*one, now)); });
  return next;
}

base::nanos watchdog::look_at(worker& one, base::nanos now) {
  vigil& known = vigils_[one.index()];
  note_time(one, known);
  const worker::glimpse seen = one.look();
  const bool works = seen.who != nullptr || seen.aside;
  if (!works || known.turn != seen.turn) begin(known, seen.turn);
  if (!works) return now + limit_;
  if (now - seen.since < limit_) return seen.since + limit_;
  const base::nanos held = time_held(known, seen.since);
  // A process that cannot be described counts as told, and its worker still gets another thread.
  if (held >= limit_ && known.told.load(std::memory_order_relaxed) != seen.turn &&
      !base::contained("the watchdog", [&] { tell(one, seen, held); }))
    known.told.store(seen.turn, std::memory_order_relaxed);
  if (seen.aside) return now + limit_;
  if (held < 2 * limit_) return now + std::max((held < limit_ ? limit_ : 2 * limit_) - held, limit_ / 4);
  replace(one, seen);
  return now + limit_;
}

void watchdog::note_time(const worker& w, vigil& known) {
  const driver* by = w.driven_by();
  const thread_clock* clock = by == nullptr ? nullptr : by->clock();
  if (std::exchange(known.by, by) != by) known.last = {};
  known.before = known.last;
  known.last = clock == nullptr ? thread_clock::reading{} : clock->read();
}

// The last look did not see this turn, so it began since then.
void watchdog::begin(vigil& known, std::uint64_t turn) {
  known.turn = turn;
  known.held = 0;
  known.measured = known.before;
  known.waited.store(known.before.waited, std::memory_order_relaxed);
}

// The time held by the measured turn, which is at least as old as the limit.
base::nanos watchdog::time_held(vigil& known, base::nanos since) {
  if (known.measured.wall != 0 && known.last.wall != 0)
    known.held += held_between(known.measured, known.last, since);
  known.measured = known.last;
  return known.held;
}

// On the worker's thread. It runs, so all its waiting for a processor is known.
base::nanos watchdog::held_until_now(const worker& w, base::nanos age) const {
  const thread_clock::reading now = w.driven_by()->clock()->read();
  return age - (now.waited - vigils_[w.index()].waited.load(std::memory_order_relaxed));
}

void watchdog::was_slow(const worker& w, const process_record& p, base::nanos age) {
  vigil& known = vigils_[w.index()];
  const std::uint64_t turn = w.look().turn;
  const base::nanos held = held_until_now(w, age);
  if (held < limit_) return;
  if (known.told.exchange(turn, std::memory_order_relaxed) != turn)
    return count(summarise(p), w, held, "a handler that is over now");
  const std::string who = named(summarise(p));
  base::log::counted(base::log::level::notice, "runtime", fmt::format("{} let go, {}", who, magnitude(held)),
                     "{} has let go of worker {} after {} ms", who, w.index(), held / base::nanos_per_ms);
}

work_kind watchdog::told_of(const worker& w) const {
  const vigil& known = vigils_[w.index()];
  if (known.told.load(std::memory_order_acquire) != w.look().turn) return work_kind::other;
  return known.kind.load(std::memory_order_relaxed);
}

std::string watchdog::named(const process_summary& who) const {
  return fmt::format("{}{}{}", to_text(who.pid, host_.nodes()), who.name.empty() ? "" : " ", who.name);
}

void watchdog::was_slow(const worker& w, base::nanos since, base::nanos age, std::uint32_t node) {
  const base::nanos held = held_until_now(w, age);
  if (held < limit_) return;
  const std::uint64_t work = worker::of_work(since);
  if (vigils_[w.index()].told.exchange(work, std::memory_order_relaxed) != work)
    return count_aside(w, held, node);
  base::log::counted(base::log::level::notice, "runtime", "work outside of processes let go",
                     "work outside of processes has let go of worker {} after {} ms", w.index(),
                     held / base::nanos_per_ms);
}

// The line is counted: strangers can cause such work as often as they like.
void watchdog::count_aside(const worker& w, base::nanos held, std::uint32_t node) {
  slow_.fetch_add(1, std::memory_order_relaxed);
  const std::string what = node == 0 ? std::string("work outside of processes, such as on connections,")
                                     : fmt::format("the connection of {}", host_.nodes().name(node));
  base::log::counted(base::log::level::warning, "runtime", what, "{} has held worker {} for {} ms", what,
                     w.index(), held / base::nanos_per_ms);
}

// The line is counted by process and callback, without the message's head: every process that may send to a
// slow actor decides how often it is slow.
void watchdog::count(const process_summary& who, const worker& w, base::nanos held, const std::string& what) {
  slow_.fetch_add(1, std::memory_order_relaxed);
  const std::string process = named(who);
  base::log::counted(base::log::level::warning, "runtime",
                     fmt::format("{} in {}", process, what.substr(0, what.find(" of "))),
                     "{} has held worker {} for {} ms, in {}", process, w.index(), held / base::nanos_per_ms,
                     what);
}

void watchdog::tell(worker& w, const worker::glimpse& seen, base::nanos held) {
  if (seen.aside) {
    if (w.look().turn != seen.turn) return;
    if (vigils_[w.index()].told.exchange(seen.turn, std::memory_order_relaxed) != seen.turn)
      count_aside(w, held, seen.node);
    return;
  }
  process_summary who;
  std::string what = "a handler";
  work_kind kind = work_kind::other;
  {
    const claim mine(*this, w, seen);
    if (mine.code() != nullptr) {
      who = summarise(mine.who());
      what = mine.code()->callback();
      kind = kind_of(mine.code()->callback());
      if (!mine.code()->argument().empty() && base::log::shows_messages())
        what += " of " + message_head(mine.code()->argument());
    }
  }
  if (!who.pid) { // in code of the daemon, or over already
    const reclaimer::guard valid(host_.core().readers);
    if (can_claim_) fence_everywhere();
    const worker::glimpse now = w.look();
    if (now.who != seen.who || now.turn != seen.turn || !can_claim_) return;
    who = summarise(*now.who);
  }
  vigil& known = vigils_[w.index()];
  known.kind.store(kind, std::memory_order_relaxed);
  if (known.told.exchange(seen.turn, std::memory_order_release) != seen.turn) count(who, w, held, what);
}

void watchdog::replace(worker& w, const worker::glimpse& seen) {
  if (!can_claim_) return;
  driver* to = host_.core().drivers.spare();
  if (to == nullptr) return refuse(w, seen.turn, "no thread left to take it over");
  claim held(*this, w, seen);
  if (held.code() == nullptr) return host_.core().drivers.put_back(*to);
  if (!driver::hand_over(w, held.who(), *held.code(), *to)) {
    host_.core().drivers.put_back(*to);
    return refuse(w, seen.turn, "no stack left for it to go on with");
  }
  held.keep();
  taken_.fetch_add(1, std::memory_order_relaxed);
}

// The next look tries again.
void watchdog::refuse(const worker& w, std::uint64_t turn, std::string_view why) {
  if (std::exchange(vigils_[w.index()].refused, turn) != turn)
    base::log::error("runtime", "worker {} is stuck in a handler, and there is {}", w.index(), why);
}

} // namespace coppice::runtime
