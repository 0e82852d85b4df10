// SPDX-License-Identifier: MIT
// Processes that OTP's tools spawn here: each sends its data to its client, once or at intervals, and ends
// when the client ends or sends anything. In the process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <functional>
#include <utility>

#include "base/clock.hpp"
#include "base/process_usage.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "services/answers/portions.hpp"
#include "services/observer/listing_line.hpp"
#include "services/observer/observer.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::size_t most_rows = 10'000; // rows of a message, as in OTP

// {etop_proc_info, Pid, MemBytes, Reductions, Name, Runtime, CurrentFunction, QueueLength}
void write_row(etf::writer& out, const runtime::process_summary& one, const runtime::node_names& names) {
  out.tuple(8);
  out.atom("etop_proc_info");
  runtime::write(out, one.pid, names);
  out.unsigned_integer(one.memory);
  out.unsigned_integer(one.reductions);
  one.name.empty() ? observer::write_initial_call(out, one.is) : out.atom(one.name);
  out.integer(0);
  observer::write_initial_call(out, one.is);
  out.unsigned_integer(one.messages);
}

void write_rows(process& self, etf::writer& out, const std::vector<runtime::process_summary>& all,
                std::size_t first) {
  portions work(self);
  const std::size_t count = std::min(most_rows, all.size() - first);
  if (count > 0) out.list(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    write_row(out, all[first + i], self.host().nodes());
    work.add();
  }
  out.nil();
}

// The processes that `some` selects, a part at a time.
template <class Seen>
std::vector<Seen> in_parts(process& self, std::uint32_t (*some)(const runtime::system&, std::uint32_t,
                                                                std::uint32_t, std::vector<Seen>&)) {
  std::vector<Seen> all;
  for (std::uint32_t next = 1;;) {
    next = some(self.host(), next, observer::at_once, all);
    if (next == 0) return all;
    self.yield();
  }
}

// {procs_info, Self, Rows}, in as many messages as needed.
void send_processes(process& self, const runtime::pid& client) {
  const auto& names = self.host().nodes();
  const listing place(self, client.node);
  if (!place.may_begin()) return;
  const auto all = in_parts<runtime::process_summary>(self, runtime::some_processes);
  for (std::size_t first = 0; first < all.size(); first += most_rows) {
    message_writer out(64 * 1024);
    out.tuple(3);
    out.atom("procs_info");
    runtime::write(out, self.self(), names);
    write_rows(self, out, all, first);
    self.send(client, out.take());
  }
}

// [{Scheduler, Active, Total}]: the program's processor time, divided among the workers.
void write_schedulers(etf::writer& out, const runtime::system& host) {
  const unsigned workers = std::max(host.workers(), 1u);
  const auto total = static_cast<std::uint64_t>(base::mono_now());
  const auto each = std::min(static_cast<std::uint64_t>(base::processor_time()) / workers, total);
  out.list(workers);
  for (unsigned i = 1; i <= workers; ++i) {
    out.tuple(3);
    out.integer(i);
    out.unsigned_integer(each);
    out.unsigned_integer(total);
  }
  out.nil();
}

// {SpawnedPid, {etop_info, Now, Processes, undefined, SchedulerWallTime, RunQueue, Runtime, Memory, Rows}}
void send_overview(process& self, const runtime::pid& client) {
  const auto& host = self.host();
  const listing place(self, client.node);
  if (!place.may_begin()) return;
  const auto all = in_parts<runtime::process_summary>(self, runtime::some_processes);
  const auto wall = base::wall_now();
  const auto seconds = wall / base::nanos_per_second;
  message_writer out(64 * 1024);
  out.tuple(2);
  runtime::write(out, self.self(), host.nodes());
  out.tuple(9);
  out.atom("etop_info");
  out.tuple(3);
  out.integer(seconds / 1'000'000);
  out.integer(seconds % 1'000'000);
  out.integer(wall % base::nanos_per_second / 1000);
  out.unsigned_integer(all.size());
  out.atom("undefined");
  write_schedulers(out, host);
  out.unsigned_integer(observer::run_queue(host.counters()));
  out.nil();
  observer::write_memory(out, host);
  write_rows(self, out, all, 0);
  self.send(client, out.take());
}

class once final : public runtime::behaviour {
 public:
  using task = std::function<void(process&, const runtime::pid&)>;
  once(task what, const runtime::pid& client, running_calls::token running)
      : what_(std::move(what)), client_(client), running_(std::move(running)) {}
  // Not in init: the spawn's reply is sent first.
  runtime::outcome init(process& self) override {
    self.send(self.self(), message::atom("go"));
    return runtime::carry_on();
  }
  runtime::outcome receive(process& self, message) override {
    what_(self, client_);
    return runtime::stop(message::atom("normal"));
  }
  void describe(runtime::description& out) const override { out.behaviour = "observer_backend"; }

 private:
  task what_;
  runtime::pid client_;
  running_calls::token running_;
};

// Sends {stats, 1, Schedulers, {{input, Bytes}, {output, Bytes}}, Memory} at every interval; any message ends
// it.
class statistics final : public runtime::behaviour {
 public:
  statistics(dist::router& router, const runtime::pid& client, base::nanos interval,
             running_calls::token running)
      : router_(router), client_(client), interval_(interval), running_(std::move(running)) {}
  // The client's end is a message that ends this process, so the client need not link.
  runtime::outcome init(process& self) override {
    self.monitor(client_);
    due_ = self.make_alias(false);
    wait(self);
    return runtime::carry_on();
  }
  runtime::outcome receive(process& self, message what) override {
    if (!runtime::is_atom(what, "$due")) return runtime::stop(message::atom("normal"));
    message_writer out;
    out.tuple(5);
    out.atom("stats");
    out.integer(1);
    write_schedulers(out, self.host());
    observer::write_io(self, out, router_);
    observer::write_memory(out, self.host());
    self.send(client_, out.take());
    wait(self);
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "observer_backend"; }

 private:
  void wait(process& self) {
    self.start_timer(self.now() + interval_, runtime::destination::alias(due_), message::atom("$due"));
  }

  dist::router& router_;
  runtime::pid client_;
  base::nanos interval_;
  running_calls::token running_;
  runtime::reference due_;
};

} // namespace

std::vector<runtime::pid> observer::pids(process& self) {
  return in_parts<runtime::pid>(self, runtime::some_pids);
}

bool is_for_tools(const dist::spawn_request& request) {
  return request.module == "observer_backend";
}

std::unique_ptr<runtime::behaviour> observer_process(dist::router& router, const dist::spawn_request& request,
                                                     running_calls::token running) {
  etf::cursor at(request.arguments.bytes());
  etf::pid given;
  std::uint32_t length = 0;
  std::int64_t interval = 0;
  // A tool may ask only for itself: no other process is sent anything.
  if (!at.read_list(length) || !at.read_pid(given) || given.id != request.from.id ||
      given.serial != request.from.serial)
    return nullptr;
  if (request.function == "procs_info" && length == 1)
    return std::make_unique<once>(send_processes, request.from, std::move(running));
  if (request.function == "etop_collect" && length == 1)
    return std::make_unique<once>(send_overview, request.from, std::move(running));
  if (request.function != "fetch_stats" || length != 2 || !at.read_integer(interval)) return nullptr;
  constexpr std::int64_t shortest = 100;
  constexpr std::int64_t longest = 3'600'000;
  return std::make_unique<statistics>(
      router, request.from, std::clamp(interval, shortest, longest) * base::nanos_per_ms, std::move(running));
}

} // namespace coppice::services
