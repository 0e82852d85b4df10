// SPDX-License-Identifier: MIT
// See top.hpp. How long messages wait is asked of mailboxes that have any; the rest is in the summaries.
#include "control/top.hpp"

#include <algorithm>
#include <unordered_map>

#include "control/documents.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/system.hpp"

namespace coppice::control {

namespace {

using nlohmann::json;

constexpr std::uint64_t most_rows = 1000;
constexpr std::uint64_t usual_rows = 20;

struct row {
  runtime::process_summary of;
  base::nanos age = 0;
};

using figure = std::uint64_t (*)(const row&);

// Null: by nothing there is.
figure figure_of(std::string_view sort) {
  if (sort.empty() || sort == "messages") return [](const row& r) { return r.of.messages; };
  if (sort == "mailbox") return [](const row& r) { return r.of.message_bytes; };
  if (sort == "age") return [](const row& r) { return static_cast<std::uint64_t>(r.age); };
  if (sort == "memory") return [](const row& r) { return r.of.memory; };
  if (sort == "reductions") return [](const row& r) { return r.of.reductions; };
  return nullptr;
}

std::vector<row> largest(node::instance& of, figure wanted, std::size_t count) {
  std::unordered_map<std::uint64_t, base::nanos> ages; // by pid: id and serial
  const auto key = [](const runtime::pid& p) { return std::uint64_t{p.id} << 32 | p.serial; };
  for (const auto& one : runtime::message_ages(of.runtime())) ages.emplace(key(one.of), one.age);
  std::vector<row> rows;
  for (auto& one : of.processes()) {
    const auto age = ages.find(key(one.pid));
    rows.push_back({std::move(one), age == ages.end() ? 0 : age->second});
  }
  count = std::min(count, rows.size());
  // By pid where they are equal, so that a table that is drawn again and again stands still.
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(),
                    [wanted, key](const row& a, const row& b) {
                      return std::pair(wanted(b), key(a.of.pid)) < std::pair(wanted(a), key(b.of.pid));
                    });
  rows.resize(count);
  return rows;
}

} // namespace

pending run_top(const request& r) {
  const std::string sort = r->text("sort");
  const figure wanted = figure_of(sort);
  if (wanted == nullptr) {
    r->fail(base::errc::invalid, "nothing to sort by is called " + sort,
            "messages, mailbox, age, memory or reductions");
    return {};
  }
  const std::uint64_t count =
      std::clamp<std::uint64_t>(r->number("count").value_or(usual_rows), 1, most_rows);
  const node::node_status status = r->of.status();
  const auto awake = std::ranges::count_if(status.runtime.workers,
                                           [](const runtime::worker_info& one) { return !one.sleeping; });
  json rows = json::array();
  for (const row& one : largest(r->of, wanted, count)) {
    json shown = summary_json(r->of, one.of);
    shown["mailbox_bytes"] = one.of.message_bytes;
    shown["oldest_ms"] = one.age / asked::ns_per_ms;
    rows.push_back(std::move(shown));
  }
  r->done({{"name", status.name},
           {"state", node::text(status.state)},
           {"uptime_ms", status.uptime / asked::ns_per_ms},
           {"workers", status.workers},
           {"workers_awake", awake},
           {"connections", status.connections},
           {"process_count", status.processes},
           {"message_memory", status.runtime.message_memory},
           {"processes", std::move(rows)}});
  return {};
}

} // namespace coppice::control
