// SPDX-License-Identifier: MIT
// See log_commands.hpp.
#include "control/log_commands.hpp"

#include <fmt/format.h>

#include <limits>

#include "base/log_levels.hpp"
#include "base/log_settings.hpp"
#include "base/suggest.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"

namespace coppice::control {

namespace {

namespace log = base::log;
using nlohmann::json;

// Bytes of lines in one answer: a reader can make the node hold no more than that.
constexpr std::size_t page_bytes = std::size_t{1} << 20;
// A client that waits is answered after this time in any case. It may have left, which is not noticed while
// it waits.
constexpr std::chrono::milliseconds waiting_patience{20'000};

std::vector<std::string> known_modules(const node::snapshots& of) {
  std::vector<std::string> all;
  for (const auto each : log::modules_of_node()) all.emplace_back(each);
  for (const auto& plugin : of.plugins()) all.push_back(plugin.id);
  return all;
}

bool is_module(const node::snapshots& of, std::string_view name) {
  return std::ranges::any_of(known_modules(of), [name](const std::string& one) { return one == name; });
}

enum class among : std::uint8_t { modules, processes, both };

std::string hint_for(const node::snapshots& of, std::string_view name, among which) {
  std::vector<std::string> known;
  if (which != among::processes) known = known_modules(of);
  if (which != among::modules) {
    for (auto& one : of.processes()) {
      if (!one.name.empty()) known.push_back(std::move(one.name));
    }
  }
  const std::vector<std::string_view> words(known.begin(), known.end());
  return base::did_you_mean(name, words);
}

json page_json(const log::log_ring::page& page) {
  json lines = json::array();
  for (const auto& one : page.lines) lines.push_back(line_document(one));
  return {{"lines", std::move(lines)}, {"next", page.next}, {"missed", page.missed}, {"more", page.more}};
}

base::result<log::line_filter> filter_of(const asked& a) {
  log::line_filter wanted;
  if (const std::string level = a.text("level"); !level.empty()) {
    const auto lowest = log::parse_level(level);
    if (!lowest) return base::fail(base::errc::invalid, "there is no level " + level);
    wanted.lowest = *lowest;
  }
  wanted.module = a.text("module");
  wanted.process = a.text("process");
  return wanted;
}

std::string_view name_of(log::level_scope scope) {
  switch (scope) {
    case log::level_scope::common:
      return "all";
    case log::level_scope::module:
      return "module";
    case log::level_scope::process:
      break;
  }
  return "process";
}

json left_json(base::nanos until) {
  if (until == log::no_end) return {};
  return std::max<base::nanos>(until - base::mono_now(), 0) / asked::ns_per_ms;
}

json handlers_json() {
  json all = json::array();
  for (const log::handler_report& one : log::handler_reports())
    all.push_back({{"name", one.target.name},
                   {"syslog", one.target.syslog.empty() ? json() : json(one.target.syslog)},
                   {"level", log::level_name(one.target.level)},
                   {"waiting", one.waiting},
                   {"limit", one.target.limit},
                   {"dropped", one.dropped},
                   {"failing", one.failing.empty() ? json() : json(one.failing)}});
  return all;
}

json levels_document(const node::snapshots& of) {
  std::vector<std::string> modules = known_modules(of);
  std::ranges::sort(modules);
  json configured = json::object();
  for (const auto& [module, level] : log::configured_levels()) configured[module] = log::level_name(level);
  json differs = json::array();
  for (const auto& one : log::level_differences()) {
    differs.push_back({{"scope", name_of(one.scope)},
                       {"of", one.of.empty() ? json() : json(one.of)},
                       {"level", log::level_name(one.now)},
                       {"left_ms", left_json(one.until)}});
  }
  return {{"level", log::level_name(log::current_level())},
          {"configured", {{"level", log::level_name(log::configured_level())}, {"modules", configured}}},
          {"differs", std::move(differs)},
          {"handlers", handlers_json()},
          {"modules", modules}};
}

struct level_target {
  log::level_scope scope = log::level_scope::common;
  std::string of;
};

base::result<level_target> target_of(const node::snapshots& of, const std::string& name,
                                     const base::result<runtime::process_info>& info) {
  if (!info) return base::fail(base::errc::not_found, "there is no module and no process of that name");
  const bool by_pid = name != info->summary.name;
  return level_target{log::level_scope::process, by_pid ? of.text_of(info->summary.pid) : name};
}

// `level`: nullopt: the configured one.
void set_level(const request& r, std::optional<log::level> level, base::result<level_target> target) {
  const std::string of = r->text("of");
  // A process that has ended can still lose the level it had.
  if (!target && !level) target = level_target{log::level_scope::process, of};
  if (!target)
    return r->fail(target.error().code, target.error().text, hint_for(r->of.snapshots(), of, among::both));
  base::nanos until = log::no_end;
  if (const auto ms = r->number("for_ms"); ms && level) {
    const auto bounded = std::min<std::uint64_t>(*ms, api::longest_timeout_ms);
    until = base::mono_now() + static_cast<base::nanos>(bounded) * asked::ns_per_ms;
  }
  if (auto set = log::override_level(target->scope, target->of, level, until); !set)
    return r->fail(set.error());
  r->done(levels_document(r->of.snapshots()));
}

} // namespace

json line_document(const log::log_ring::line& line) {
  json fields = json::object();
  for (const auto& one : line.of.fields) fields[one.name] = one.value;
  return {{"number", line.number},
          {"time", base::format_wall(line.of.wall)},
          {"level", log::level_name(line.of.level)},
          {"module", line.of.module},
          {"message", line.of.text},
          {"fields", std::move(fields)}};
}

pending run_logs(const request& r) {
  const auto wanted = filter_of(*r);
  if (!wanted) return r->fail(wanted.error()), pending{};
  if (!wanted->module.empty() && !is_module(r->of.snapshots(), wanted->module)) {
    r->fail(base::errc::not_found, "there is no module " + wanted->module,
            hint_for(r->of.snapshots(), wanted->module, among::modules));
    return {};
  }
  const auto after = r->number("after");
  const std::uint64_t last = r->number("last").value_or(std::numeric_limits<std::size_t>::max());
  const auto page = after ? r->lines.from(*after, *wanted, page_bytes)
                          : r->lines.last(static_cast<std::size_t>(last), *wanted, page_bytes);
  if (!after && page.lines.empty() && !wanted->process.empty() && !r->of.snapshots().info(wanted->process)) {
    r->fail(base::errc::not_found, "there is no process " + wanted->process + ", and no line of one",
            hint_for(r->of.snapshots(), wanted->process, among::processes));
    return {};
  }
  // A client that asks for the last lines, and for more, gets the last lines first.
  if (!page.lines.empty() || !r->flag("wait") || !after) return r->done(page_json(page)), pending{};
  const auto id = r->lines.when_line(page.next, *wanted, [r, from = *after, filter = *wanted] {
    r->reply.later([&lines = r->lines, from, filter] {
      return api::reply(page_json(lines.from(from, filter, page_bytes)));
    });
  });
  if (!id) return r->fail(id.error()), pending{};
  if (*id == 0) return {};
  return {waiting_patience, [&lines = r->lines, id = *id] { lines.forget(id); },
          [] { return not_in_time("no line yet"); }};
}

pending run_log_level(const request& r) {
  const std::string name = r->text("level");
  if (name.empty()) return r->done(levels_document(r->of.snapshots())), pending{};
  const auto level = log::parse_level(name);
  if (!level && name != "default") {
    r->fail(base::errc::invalid, "there is no level " + name,
            "trace, debug, info, notice, warning, error, or default");
    return {};
  }
  const std::string of = r->text("of");
  if (of.empty()) return set_level(r, level, level_target{}), pending{};
  // A module goes before a process of the same name; the process can still be named by its pid.
  if (is_module(r->of.snapshots(), of))
    return set_level(r, level, level_target{log::level_scope::module, of}), pending{};
  r->of.requests().info(of, [r, level, of](const base::result<runtime::process_info>& info) {
    set_level(r, level, target_of(r->of.snapshots(), of, info));
  });
  return r->while_finding("of");
}

} // namespace coppice::control
