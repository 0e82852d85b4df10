// SPDX-License-Identifier: MIT
// See engines.hpp: a function for each kind whose text is more than its fields, in one table.
#include "cli/engines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/json_text.hpp"
#include "cli/layout.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
using rows = std::vector<std::vector<std::string>>;

std::string event_manager_text(const json& engine, std::size_t columns) {
  rows out{
      {"HANDLER", "PID", "PERMANENT", "ADDED BY", "RESTARTS", "SEEN", "MEAN", "WORST", "WAITING", "DROPPED"}};
  std::string failed;
  for (const auto& one : at(engine, "handlers")) {
    const bool slow = cell(one, "slow") == "true";
    out.push_back({cell(one, "handler"), cell(one, "pid"), cell(one, "permanent"), cell(one, "added_by"),
                   cell(one, "restarts"), cell(one, "seen"), short_time_text(number(one, "mean_us")),
                   short_time_text(number(one, "worst_us")), cell(one, "waiting") + (slow ? " (slow)" : ""),
                   cell(one, "dropped")});
    if (number(one, "restarts") != 0)
      failed += fmt::format("{} was begun again after {}\n", cell(one, "handler"), cell(one, "failure"));
  }
  return fmt::format("events {}, failed handlers {}, dropped {}\n", cell(engine, "events"),
                     cell(engine, "failures"), cell(engine, "dropped")) +
         table(out, columns) + failed;
}

std::string statem_text(const json& engine, std::size_t columns) {
  const json& postponed = at(engine, "postponed");
  rows about{{"state", fmt::format("{}, since {}, after {}", cell(engine, "state"),
                                   duration_text(number(engine, "since_ms")), cell(engine, "previous"))},
             {"changes", cell(engine, "changes")},
             {"postponed",
              fmt::format("{} of {}, oldest {}, dropped {}", cell(postponed, "length"),
                          cell(postponed, "limit"), cell(postponed, "oldest"), cell(postponed, "dropped"))},
             {"queued", cell(engine, "queued")}};
  for (const auto& one : at(engine, "timeouts"))
    about.push_back(
        {"time-out", fmt::format("{}, {} left", cell(one, "type"), duration_text(number(one, "left_ms")))});
  std::string text = fields(about, columns);
  rows passed{{"TO", "BY", "AGO"}};
  for (const auto& one : at(engine, "transitions"))
    passed.push_back({cell(one, "to"), cell(one, "event"), duration_text(number(one, "ago_ms"))});
  if (passed.size() > 1) text += "\n" + table(passed, columns);
  return text;
}

std::string router_text(const json& engine, std::size_t columns) {
  rows out{{"ROUTE", "TO", "PASSED", "FAILED"}};
  for (const auto& one : at(engine, "routes"))
    out.push_back({cell(one, "name"), cell(one, "to"), cell(one, "passed"), cell(one, "failed")});
  return table(out, columns);
}

// "1; the code knows 1 to 2; the next one waits for ledger@c@10.0.0.3"
std::string version_text(const json& engine) {
  std::string text = cell(engine, "version");
  const std::string oldest = cell(engine, "oldest"), newest = cell(engine, "newest");
  text += "; the code knows " + (oldest == newest ? newest : oldest + " to " + newest);
  std::string waits;
  for (const auto& one : at(engine, "waits_for"))
    waits += (waits.empty() ? "; the next one waits for " : ", ") +
             (one.is_string() ? one.get<std::string>() : std::string());
  return text + waits;
}

std::string raft_text(const json& engine, std::size_t columns) {
  const json& quiescent = at(engine, "quiescent");
  const bool is_quiescent = quiescent.is_boolean() && quiescent.get<bool>();
  rows about{{"role", cell(engine, "role") + (is_quiescent ? ", quiescent" : "")},
             {"leader", cell(engine, "leader")},
             {"term", cell(engine, "term")},
             {"committed", fmt::format("{}, applied {}, serial {}", cell(engine, "committed"),
                                       cell(engine, "applied"), cell(engine, "serial"))},
             {"version", version_text(engine)},
             {"snapshot", fmt::format("at {}; the log has {}", cell(engine, "snapshot"),
                                      size_text(number(engine, "log_bytes")))},
             {"clients", fmt::format("{}, {} calls wait", cell(engine, "clients"), cell(engine, "waiting"))},
             {"dropped", cell(engine, "dropped")}};
  if (number(engine, "parked") != 0)
    about.push_back({"parked", fmt::format("at serial {}: {}", cell(engine, "parked"), cell(engine, "why"))});
  else if (const std::string why = cell(engine, "why"); !why.empty())
    about.push_back({"state", why});
  rows out{{"MEMBER", "ROLE", "ID", "STORED", "HEARD"}};
  for (const auto& one : at(engine, "members"))
    out.push_back({cell(one, "address"), cell(one, "role"), cell(one, "id"), cell(one, "match"),
                   cell(one, "heard_ms") + "ms"});
  return fields(about, columns) + (out.size() > 1 ? "\n" + table(out, columns) : std::string());
}

std::string pool_text(const json& d, std::size_t columns) {
  rows out{{"WORKER", "PID", "HOLDS", "QUEUED", "HANDLED", "LOST", "BUSY", "RESTARTS"}};
  const double uptime = std::max(1.0, static_cast<double>(number(d, "uptime_ms")));
  std::size_t index = 0;
  for (const auto& one : at(d, "workers")) {
    const double share = 100.0 * static_cast<double>(number(one, "busy_ms")) / uptime;
    out.push_back({std::to_string(++index), cell(one, "pid"), cell(one, "held"), cell(one, "queued"),
                   cell(one, "handled"), cell(one, "lost"), fmt::format("{:.0f}%", share),
                   cell(one, "restarts")});
  }
  const bool grows = number(d, "max") > number(d, "size") || number(d, "grown") != 0;
  std::string text =
      fields({{"dispatch", cell(d, "dispatch")},
              {"workers", grows ? fmt::format("{}, up to {}; {} came and {} went by need", cell(d, "size"),
                                              cell(d, "max"), cell(d, "grown"), cell(d, "shrunk"))
                                : cell(d, "size")},
              {"waiting", cell(d, "queued")},
              {"with workers", cell(d, "held")},
              {"handled", cell(d, "handled")},
              {"rejected", cell(d, "rejected")},
              {"expired", cell(d, "expired")},
              {"retried", cell(d, "retried")},
              {"lost", cell(d, "lost")},
              {"unanswered", cell(d, "unanswered")},
              {"misdirected", cell(d, "misdirected")}},
             columns);
  return text + "\n" + table(out, columns);
}

std::string listener_text(const json& d, std::size_t columns) {
  std::string ended;
  for (const auto& [how, count] : at(d, "ended").items())
    if (count != 0) ended += fmt::format("{}{} {}", ended.empty() ? "" : ", ", base::json_text(count), how);
  return fields({{"listening", cell(d, "listening")},
                 {"suspended", cell(d, "suspended")},
                 {"short of descriptors", cell(d, "short_of_descriptors")},
                 {"open", fmt::format("{} of {}", cell(d, "open"), cell(d, "max_connections"))},
                 {"waiting", cell(d, "waiting")},
                 {"accepted", cell(d, "accepted")},
                 {"denied", cell(d, "denied")},
                 {"shed", cell(d, "shed")},
                 {"failed", cell(d, "failed")},
                 {"crashed", cell(d, "crashed")},
                 {"ended", ended},
                 {"read", size_text(number(d, "bytes_read"))},
                 {"written", size_text(number(d, "bytes_written"))}},
                columns);
}

// A web server is a listener with routes.
std::string web_text(const json& engine, std::size_t columns) {
  rows out{{"ROUTE", "TO", "REQUESTS", "ERRORS", "P50", "P99"}};
  for (const auto& one : at(engine, "routes"))
    out.push_back({cell(one, "path"), cell(one, "to"), cell(one, "requests"), cell(one, "errors"),
                   cell(one, "p50_us") + "us", cell(one, "p99_us") + "us"});
  return listener_text(engine, columns) + (out.size() > 1 ? "\n" + table(out, columns) : std::string());
}

// The keys of a report that streams_text() shows.
constexpr std::string_view of_streams[] = {"streams", "connections", "connect"};

std::string in_words(std::string key) {
  std::ranges::replace(key, '_', ' ');
  return key;
}

// The keys and values of a map on one line; any other value as a cell.
std::string line_of(const json& value) {
  if (!value.is_object()) return cell(value);
  std::string out;
  for (const auto& [key, one] : value.items())
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", in_words(key), cell(one));
  return out.empty() ? "-" : out;
}

bool has_rows(const json& value) {
  return value.is_array() && !value.empty() &&
         std::ranges::all_of(value, [](const json& one) { return one.is_object(); });
}

// A list of maps: the keys of the first are the columns.
std::string table_of(const json& list, std::size_t columns) {
  rows out(1);
  for (const auto& [key, value] : list.front().items()) {
    std::string title = in_words(key);
    std::ranges::transform(title, title.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    out[0].push_back(std::move(title));
  }
  for (const json& one : list) {
    std::vector<std::string>& row = out.emplace_back();
    for (const auto& [key, value] : list.front().items()) row.push_back(line_of(at(one, key.c_str())));
  }
  return table(out, columns);
}

// All that there is, as fields, and lists of maps as tables below.
std::string plain_text(const json& engine, std::size_t columns) {
  rows about;
  std::string tables;
  for (const auto& [key, value] : engine.items()) {
    if (key == "kind" || std::ranges::find(of_streams, key) != std::end(of_streams)) continue;
    if (has_rows(value))
      tables += "\n" + in_words(key) + "\n" + table_of(value, columns);
    else
      about.push_back({in_words(key), line_of(value)});
  }
  if (about.empty()) return tables.empty() ? tables : tables.substr(1);
  return fields(about, columns) + tables;
}

// The demand that is open at a subscription is its `in_flight`.
std::string stage_text(const json& engine, std::size_t columns) {
  json shown = engine;
  if (const auto all = shown.find("subscriptions"); all != shown.end() && has_rows(*all)) {
    for (json& one : *all) {
      one["demand"] = at(one, "in_flight");
      one.erase("in_flight");
    }
  }
  return plain_text(shown, columns);
}

struct shown_kind {
  std::string_view kind;
  std::string (*text)(const json& engine, std::size_t columns);
};

// The kinds whose text is more than their fields.
constexpr shown_kind kinds[] = {
    {"event_manager", event_manager_text},
    {"pool", pool_text},
    {"raft", raft_text},
    {"router", router_text},
    {"stage", stage_text},
    {"statem", statem_text},
    {"tcp", listener_text},
    {"web", web_text},
};

// Its streams, which an actor of any kind may have.
std::string streams_text(const json& engine, std::size_t columns) {
  std::string text;
  if (const json& to = at(engine, "connect"); to.is_object())
    text += fmt::format("connected to {}: {}, {} tries, {} failed\n", cell(to, "to"),
                        cell(to, "up") == "true" ? "yes" : "no", cell(to, "tries"), cell(to, "failed"));
  rows out{{"STREAM", "PEER", "OPEN", "TLS", "READ", "WRITTEN", "QUEUED"}};
  for (const auto& one : at(engine, "connections"))
    out.push_back({cell(one, "id"), cell(one, "peer"), cell(one, "open"), cell(one, "tls"),
                   size_text(number(one, "read")), size_text(number(one, "written")),
                   size_text(number(one, "queued"))});
  if (out.size() > 1) text += table(out, columns);
  const long long more = number(engine, "streams") - static_cast<long long>(out.size() - 1);
  if (more > 0) text += fmt::format("and {} more\n", more);
  return text;
}

} // namespace

std::string render_engine(const json& engine, std::size_t columns) {
  if (!engine.is_object()) return {};
  const auto* const known = std::ranges::find(kinds, cell(engine, "kind"), &shown_kind::kind);
  const std::string own = (known == std::end(kinds) ? plain_text : known->text)(engine, columns);
  if (!at(engine, "connections").is_array()) return own;
  return own + (own.empty() ? "" : "\n") + streams_text(engine, columns);
}

} // namespace coppice::cli
