// SPDX-License-Identifier: MIT
// Starting and stopping the runtime, and the functions for threads that run no process. See system.hpp.
#include "runtime/system.hpp"

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

#include "base/heap_account.hpp"
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/processes/spawn.hpp"
#include "runtime/scheduling/driver.hpp"
#include "runtime/scheduling/fatal_signal.hpp"

namespace coppice::runtime {
namespace {

constexpr std::uint32_t most_reserved_stacks = 512; // fewer than always fit

// A stack needs two mappings where its guard pages need one of their own. Some mappings are left for all
// else.
std::uint32_t stacks_that_fit() {
  std::uint32_t mappings = 65530;
  std::ifstream("/proc/sys/vm/max_map_count") >> mappings;
  if (!fiber::guards_are_mappings()) return 250'000;
  return std::clamp<std::uint32_t>(mappings / 2, 2048, 1'000'000) - 1024;
}

std::uint32_t random_creation() {
  std::random_device source;
  std::uint32_t chosen = 0;
  while (chosen <= 3) chosen = source();
  return chosen;
}

system_options completed(system_options options) {
  if (options.creation <= 3) options.creation = random_creation();
  if (options.workers == 0) options.workers = std::max(1U, std::thread::hardware_concurrency());
  options.workers = std::min(options.workers, 1023U);
  options.processes = std::min(options.processes, (1U << reference::slot_bits) - 1);
  options.watchdog = std::max(options.watchdog, base::nanos_per_ms);
  options.reserved_stacks = std::min(options.reserved_stacks, most_reserved_stacks);
  const std::uint32_t fit = stacks_that_fit() - options.reserved_stacks;
  if (options.parked_stacks == 0 || options.parked_stacks > fit) options.parked_stacks = fit;
  return options;
}

} // namespace

system_core::system_core(system& host, const system_options& options)
    : readers(options.workers),
      table(options.processes),
      watch(std::make_unique<watchdog>(host)),
      blocking(options.blocking_threads) {
  pools.reserve(options.workers + driver_pool::most_spares);
  while (pools.size() < pools.capacity()) pools.emplace_back(&pools);
}

system::system(system_options options)
    : options_(completed(std::move(options))),
      names_(options_.node_name, options_.nodes),
      core_(std::make_unique<system_core>(*this, options_)) {
  for (unsigned i = 0; i < options_.workers; ++i)
    core_->workers.push_back(std::make_unique<worker>(*this, i));
}

system::~system() {
  if (core_ == nullptr) return;
  if (!stop()) {
    [[maybe_unused]] const system_core* left_alone = core_.release(); // a thread may still use it
    return;
  }
  core_->table.for_each([](process_record& left) { std::unique_ptr<process_record>(&left).reset(); });
}

base::status system::start() {
  for (const auto& one : core_->workers)
    if (auto ready = one->prepare(); !ready) return ready;
  tell_of_fatal_signals();
  base::heap::find_owner_by(&driver::charged_here);
  block_memory::set_limit(options_.memory);
  std::vector<driver*> threads;
  for (unsigned i = 0; i < options_.workers; ++i)
    if (driver* one = core_->drivers.spare()) threads.push_back(one);
  if (threads.size() < options_.workers || !core_->watch->start())
    return base::fail(base::errc::limit, "start: the machine gives no more threads");
  core_->started = true;
  for (unsigned i = 0; i < options_.workers; ++i) core_->workers[i]->start(*threads[i]);
  return {};
}

bool system::stop(base::nanos patience) {
  if (!core_->started) return true;
  core_->stopping = true;
  const base::nanos deadline = base::mono_now() + patience;
  const auto until = [&](auto done) {
    while (!done()) {
      if (base::mono_now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  };
  // True: every thread that looked at the table before has finished with what it found.
  const auto nobody_reads = [&] {
    return until([this, last = core_->readers.ticket()] { return core_->readers.safe_until() >= last; });
  };
  const auto kill_all = [this] {
    std::vector<pid> all;
    {
      const delivery::reading valid(*this);
      core_->table.for_each([&](process_record& p) { all.push_back(p.self()); });
    }
    for (const pid& one : all) exit(one, reasons::kill());
  };
  kill_all();
  if (nobody_reads()) kill_all(); // processes spawned by a thread that did not see yet that the system stops
  // Processes on their way to another worker are counted by no worker; only the table has them.
  const auto none_left = [this] {
    if (counters().processes != 0) return false;
    bool any = false;
    const delivery::reading valid(*this);
    core_->table.for_each([&any](const process_record&) { any = true; });
    return !any && core_->lingering == 0 && core_->blocking.idle();
  };
  const bool all_dead = until(none_left);
  for (const auto& one : core_->workers) one->ask_to_stop();
  const bool all_back = until(
      [this] { return std::ranges::all_of(core_->workers, [](const auto& w) { return w->stopped(); }); });
  core_->watch->stop();
  if (!all_dead || !all_back || !nobody_reads()) {
    base::log::warning("runtime", "stop: {} processes and {} stacks did not end in time",
                       counters().processes, core_->lingering.load());
    return false;
  }
  core_->drivers.end();
  core_->blocking.stop();
  for (const auto& one : core_->workers) one->free_processes();
  core_->started = false;
  return true;
}

void system::set_default_group_leader(const pid& leader) {
  const std::lock_guard guard(core_->leader_lock);
  core_->default_leader = leader;
}

base::result<pid> system::spawn(spawn_options options, std::unique_ptr<behaviour> does) {
  options.link = false;
  return runtime::spawn(*this, nullptr, std::move(options), std::move(does));
}

send_status system::send(const destination& to, message m, const pid& from) {
  return delivery::dispatch(*this, to, make_signal(signal_kind::message, from, std::move(m)), nullptr);
}

void system::notify(const destination& to, message m) {
  signal_ptr what = make_signal(signal_kind::message, {}, std::move(m));
  what->flags = signal::unbounded | signal::notice;
  delivery::deliver(*this, to, std::move(what), nullptr);
}

reference system::whole(const reference& ref) const {
  if (!ref.is_cut()) return ref;
  const delivery::reading valid(*this);
  const process_record* const maker = delivery::find_maker(*this, ref);
  return maker == nullptr ? ref : ref.whole(maker->id());
}

void system::exit(const pid& to, message reason, const pid& from) {
  delivery::dispatch(*this, to, make_signal(signal_kind::exit2, from, std::move(reason)), nullptr);
}

std::optional<pid> system::whereis(std::string_view name) const {
  return core_->registered.find(name);
}

std::vector<std::pair<std::string, pid>> system::registered() const {
  return core_->registered.all();
}

bool system::alive(const pid& of) const {
  const delivery::reading valid(*this);
  return delivery::find(*this, of) != nullptr;
}

void system::set_compression(const pid& of, sent_compressed chosen) {
  const delivery::reading valid(*this);
  if (process_record* found = delivery::find(*this, of))
    found->compression.store(chosen, std::memory_order_relaxed);
}

send_status system::deliver(const destination& to, signal_ptr what) {
  return delivery::deliver(*this, to, std::move(what), nullptr);
}

send_status system::dispatch(const destination& to, signal_ptr what) {
  return delivery::dispatch(*this, to, std::move(what), nullptr);
}

crash_notes& system::crashes() const {
  return core_->crashes;
}

unsigned system::workers() const {
  return options_.workers;
}

bool system::post(unsigned index, std::function<void()> task) {
  return core_->started && core_->workers[index]->post(std::move(task));
}

uv_loop_t* system::loop(unsigned index) const {
  return core_->workers[index]->loop();
}

int system::current_worker() const {
  const worker* here = worker::current();
  return here == nullptr || &here->host() != this ? -1 : static_cast<int>(here->index());
}

process* system::current_process() {
  const worker* here = worker::current();
  return here == nullptr ? nullptr : here->running();
}

} // namespace coppice::runtime
