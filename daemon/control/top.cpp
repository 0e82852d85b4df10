// SPDX-License-Identifier: MIT
// See top.hpp. The age of messages is asked of mailboxes that have any; the rest is in the summaries. Rates
// are the difference of two looks; the first look waits with the request.
#include "control/top.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/process_usage.hpp"
#include "control/documents.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/system.hpp"

namespace coppice::control {

namespace {

using nlohmann::json;

constexpr std::uint64_t usual_rows = 20;
constexpr std::uint64_t usual_ms = 1000;

using look = process_look;
using totals = process_look::totals;

struct row {
  runtime::process_summary of;
  base::nanos age = 0;
  std::uint64_t rate = 0; // reductions a second since the look before
  std::uint64_t cpu = 0;  // per mille of a processor since then
  bool of_node = false;   // a part of the node itself
};

std::uint64_t key_of(const runtime::pid& p) {
  return std::uint64_t{p.id} << 32 | p.serial;
}

using figure = std::uint64_t (*)(const row&);

// null: there is no such figure.
figure figure_of(std::string_view sort) {
  if (sort.empty() || sort == "messages") return [](const row& r) { return r.of.messages; };
  if (sort == "mailbox") return [](const row& r) { return r.of.message_bytes; };
  if (sort == "age") return [](const row& r) { return static_cast<std::uint64_t>(r.age); };
  if (sort == "memory") return [](const row& r) { return r.of.memory; };
  if (sort == "reductions") return [](const row& r) { return r.of.reductions; };
  if (sort == "rate") return [](const row& r) { return r.rate; };
  if (sort == "time") return [](const row& r) { return static_cast<std::uint64_t>(r.of.ran); };
  if (sort == "cpu") return [](const row& r) { return r.cpu; };
  return nullptr;
}

look look_now(node::instance& of) {
  look now{base::mono_now(), base::processor_time(), {}};
  for (const auto& one : of.snapshots().processes())
    now.done.emplace(key_of(one.pid), totals{one.reductions, one.ran});
  return now;
}

// The share of one processor that `used` ns are of the time from `since` to now.
std::uint64_t per_mille(base::nanos used, base::nanos since) {
  const base::nanos time = std::max<base::nanos>(1, base::mono_now() - since);
  return static_cast<std::uint64_t>(std::max<base::nanos>(0, used) * 1000 / time);
}

std::vector<row> all_rows(node::instance& of, const look& before) {
  std::unordered_map<std::uint64_t, base::nanos> ages; // by pid, as in a look
  for (const auto& one : runtime::message_ages(of.runtime())) ages.emplace(key_of(one.of), one.age);
  std::vector<row> rows;
  const double seconds =
      static_cast<double>(base::mono_now() - before.at) / static_cast<double>(base::nanos_per_second);
  for (auto& one : of.snapshots().processes()) {
    const std::uint64_t key = key_of(one.pid);
    const auto age = ages.find(key);
    const auto found = before.done.find(key);
    const totals had = found == before.done.end() ? totals{} : found->second;
    const std::uint64_t done = one.reductions - had.reductions;
    const std::uint64_t cpu = before.at == 0 ? 0 : per_mille(one.ran - had.ran, before.at);
    const auto rate = before.at == 0 ? 0 : static_cast<std::uint64_t>(static_cast<double>(done) / seconds);
    const bool of_node = runtime::is_of_node(of.runtime(), one.pid).value_or(false);
    rows.push_back({std::move(one), age == ages.end() ? 0 : age->second, rate, cpu, of_node});
  }
  return rows;
}

void keep_largest(std::vector<row>& rows, figure wanted, std::size_t count) {
  count = std::min(count, rows.size());
  // Among equal rows those of the node itself come last, then the order is by pid, so that a table that is
  // drawn again and again stands still.
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(),
                    [wanted](const row& a, const row& b) {
                      return std::tuple(wanted(b), a.of_node, key_of(a.of.pid)) <
                             std::tuple(wanted(a), b.of_node, key_of(b.of.pid));
                    });
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end());
}

json document_of(const asked& a, figure wanted, std::size_t count, const look& before) {
  const node::node_status status = a.of.snapshots().status();
  const auto awake = std::ranges::count_if(status.runtime.workers,
                                           [](const runtime::worker_info& one) { return !one.sleeping; });
  const bool rated = before.at != 0;
  std::vector<row> rows = all_rows(a.of, before);
  std::uint64_t rate = 0;
  for (const row& one : rows) rate += one.rate;
  keep_largest(rows, wanted, count);
  json processes = json::array();
  for (const row& one : rows) {
    json shown = summary_json(a.of.snapshots(), one.of);
    shown["mailbox_bytes"] = one.of.message_bytes;
    shown["oldest_ms"] = one.age / asked::ns_per_ms;
    shown["reductions_per_second"] = rated ? json(one.rate) : json();
    shown["cpu_permille"] = rated ? json(one.cpu) : json();
    processes.push_back(std::move(shown));
  }
  return {{"name", status.name},
          {"state", node::text(status.state)},
          {"uptime_ms", status.uptime / asked::ns_per_ms},
          {"workers", status.workers},
          {"workers_awake", awake},
          {"connections", status.connections},
          {"process_count", status.processes},
          {"message_memory", status.runtime.message_memory},
          {"over_ms", rated ? json((base::mono_now() - before.at) / asked::ns_per_ms) : json()},
          {"reductions_per_second", rated ? json(rate) : json()},
          {"cpu_permille", rated ? json(per_mille(base::processor_time() - before.ran, before.at)) : json()},
          {"stuck", stuck_json(a.of.snapshots(), status.stuck)},
          {"processes", std::move(processes)}};
}

} // namespace

pending run_top(const request& r) {
  const std::string sort = r->text("sort");
  const figure wanted = figure_of(sort);
  if (wanted == nullptr) {
    r->fail(base::errc::invalid, "nothing to sort by is called " + sort,
            "messages, mailbox, age, memory, reductions, rate, time or cpu");
    return {};
  }
  const auto count = static_cast<std::size_t>(
      std::clamp<std::uint64_t>(r->number("count").value_or(usual_rows), 1, most_in_top));
  const std::uint64_t over = r->number("over_ms").value_or(sort == "rate" || sort == "cpu" ? usual_ms : 0);
  if (over == 0) return r->done(document_of(*r, wanted, count, {})), pending{};
  const std::chrono::milliseconds span(std::min(over, longest_look_ms));
  auto before = r->looks.begin(base::mono_now(), std::chrono::nanoseconds(span).count(),
                               [&] { return look_now(r->of); });
  return {span, {}, [r, wanted, count, before = std::move(before)] {
            return api::reply(document_of(*r, wanted, count, *before));
          }};
}

} // namespace coppice::control
