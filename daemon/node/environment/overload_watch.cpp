// SPDX-License-Identifier: MIT
// Looks through the processes only if the runtime has counted an overload since the last look.
#include "node/environment/overload_watch.hpp"

#include <coppice/etf/cursor.hpp>
#include <memory>
#include <utility>

#include "base/log_event.hpp"
#include "behaviours/pool/pool_counters.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/process.hpp"

namespace coppice::node {

namespace log = base::log;
using runtime::message;

void overload_ledger::begin(base::nanos now) {
  now_ = now;
  left_ = most_at_once;
  holds_back_ = false;
  for (auto& [place, its] : places_) its.seen = false;
}

std::uint64_t overload_ledger::news(const std::string& place, std::uint64_t total) {
  if (total == 0) return 0;
  told& its = places_[place];
  its.seen = true;
  if (total < its.total) its.total = 0;
  const std::uint64_t since = total - its.total;
  if (since == 0) return 0;
  if (left_ == 0 || (its.ever && now_ - its.at < between)) {
    holds_back_ = true;
    return 0;
  }
  --left_;
  its.total = total;
  its.at = now_;
  its.ever = true;
  return since;
}

void overload_ledger::end() {
  std::erase_if(places_, [](const auto& one) { return !one.second.seen; });
}

namespace {

constexpr std::string_view module = "node";
constexpr base::nanos look_period = 4 * base::nanos_per_second;

class overload_watch final : public runtime::behaviour {
 public:
  overload_watch(const metrics::board& counted, const behaviours::event_channels& events)
      : counted_(counted), events_(events) {}

  runtime::outcome init(runtime::process& self) override { return wait(self); }
  runtime::outcome receive(runtime::process& self, message m) override {
    if (!self.origin().notice || !etf::cursor(m.bytes()).read_atom_is("look")) return runtime::carry_on();
    look(self.host());
    return wait(self);
  }
  void describe(runtime::description& out) const override { out.behaviour = "overload_watch"; }

 private:
  static runtime::outcome wait(runtime::process& self) {
    self.remind(base::mono_now() + look_period, message::atom("look"));
    return runtime::carry_on();
  }

  void look(const runtime::system& host) {
    const base::nanos now = base::mono_now();
    look_at_mailboxes(host, now);
    look_at_pools(now);
    look_at_events(now);
    look_at_memory(now);
  }

  void look_at_mailboxes(const runtime::system& host, base::nanos now) {
    const runtime::runtime_counters counted = host.counters();
    const std::uint64_t total = counted.dropped + counted.parked;
    if (std::exchange(had_no_room_, total) == total && !mailboxes_.holds_back()) return;
    mailboxes_.begin(now);
    for (const runtime::full_mailbox& one : runtime::full_mailboxes(host)) {
      const std::string pid = runtime::to_text(one.whose.pid, host.nodes());
      const std::uint64_t times = mailboxes_.news(pid, one.dropped + one.parked);
      if (times == 0) continue;
      const std::string& who = !one.whose.name.empty()    ? one.whose.name
                               : !one.whose.label.empty() ? one.whose.label
                                                          : pid;
      log::tell(log::events::mailbox_full, log::level::warning, module,
                {{"process", who},
                 {"pid", pid},
                 {"times", std::to_string(times)},
                 {"dropped", std::to_string(one.dropped)},
                 {"parked", std::to_string(one.parked)}},
                "the mailbox of {} was full {} times: in all it dropped {} messages and had senders wait {} "
                "times",
                who, times, one.dropped, one.parked);
    }
    mailboxes_.end();
  }

  void look_at_pools(base::nanos now) {
    refusing_.begin(now);
    for (const auto& one : counted_.rows<behaviours::pool_counters>()) {
      const std::uint64_t all = one.counters->rejected.value();
      const std::uint64_t times = refusing_.news(one.label, all);
      if (times != 0)
        log::tell(log::events::pool_full, log::level::warning, module,
                  {{"pool", one.label}, {"times", std::to_string(times)}, {"rejected", std::to_string(all)}},
                  "the queue of the pool {} was full: {} requests were refused", one.label, times);
    }
    refusing_.end();
  }

  void look_at_events(base::nanos now) {
    losing_.begin(now);
    for (const behaviours::event_report& one : events_.report()) {
      const std::string name = one.node.empty() ? one.name : one.name + "@" + one.node;
      const std::uint64_t times = losing_.news(name, one.counts.lost);
      if (times != 0)
        log::tell(log::events::event_lost, log::level::warning, module,
                  {{"named_event", name},
                   {"times", std::to_string(times)},
                   {"lost", std::to_string(one.counts.lost)}},
                  "subscribers of the event {} had no room: {} messages of it were lost", name, times);
    }
    losing_.end();
  }

  void look_at_memory(base::nanos now) {
    if (!runtime::block_memory::scarce()) return;
    scarce_.begin(now);
    const std::uint64_t looks = scarce_.news("memory", ++scarce_looks_);
    if (looks != 0) {
      const std::uint64_t bytes = runtime::block_memory::in_use();
      log::tell(log::events::memory_scarce, log::level::warning, module,
                {{"bytes", std::to_string(bytes)}, {"times", std::to_string(looks)}},
                "messages take {} bytes, more than node.limits.memory allows: only empty mailboxes take any",
                bytes);
    }
    scarce_.end();
  }

  const metrics::board& counted_;
  const behaviours::event_channels& events_;
  overload_ledger mailboxes_, refusing_, losing_, scarce_;
  std::uint64_t had_no_room_ = 0;
  std::uint64_t scarce_looks_ = 0; // looks that found memory scarce
};

} // namespace

base::status start_overload_watch(runtime::system& host, const metrics::board& counted,
                                  const behaviours::event_channels& events) {
  runtime::spawn_options options;
  options.of_node = true;
  options.label = "services/overload_watch";
  auto made = host.spawn(std::move(options), std::make_unique<overload_watch>(counted, events));
  if (!made) return unexpected(base::error(made.error()).context("overload_watch"));
  return {};
}

} // namespace coppice::node
