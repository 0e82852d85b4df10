// SPDX-License-Identifier: MIT
// The outcome of an apply in words: for the log, for the node's status and for the control socket. Pure
// except for the log; any thread.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/log_event.hpp"
#include "node/instance/apply.hpp"

namespace coppice::node {

std::string brief(const apply_outcome& outcome) {
  if (!outcome.valid) {
    const auto wrong =
        std::ranges::find(outcome.diagnostics, spec::severity::error, &spec::diagnostic::severity);
    if (wrong == outcome.diagnostics.end()) return "apply refused: the configuration is bad";
    const auto more = std::ranges::count(wrong, outcome.diagnostics.end(), spec::severity::error,
                                         &spec::diagnostic::severity) -
                      1;
    return fmt::format("apply refused: {}:{}:{}: {}{}", wrong->file, wrong->line, wrong->column,
                       wrong->message, more > 0 ? fmt::format(", and {} more", more) : "");
  }
  if (!outcome.result) return "apply failed: " + outcome.result.error().text;
  if (outcome.changes.empty()) return "apply: nothing to change";
  return fmt::format("apply: {} change{}", outcome.changes.size(), outcome.changes.size() == 1 ? "" : "s");
}

namespace {

std::vector<std::string> summary(const apply_outcome& outcome) {
  std::vector<std::string> out;
  for (const spec::diagnostic& one : outcome.diagnostics) {
    out.push_back(fmt::format("{}:{}:{}: {}", one.file, one.line, one.column, one.message));
  }
  for (const planned_change& one : outcome.changes) {
    const std::string keys = one.keys.empty() ? "" : fmt::format(": {}", fmt::join(one.keys, ", "));
    const std::string values = one.after.empty() ? "" : fmt::format(": {} -> {}", one.before, one.after);
    out.push_back(fmt::format("{} {}{}{}", one.action, one.path, keys, values));
  }
  if (!outcome.valid) {
    out.emplace_back("the configuration is bad and changes nothing");
  } else if (!outcome.result) {
    out.push_back("nothing is changed: " + outcome.result.error().text);
  } else if (outcome.applied) {
    out.push_back(outcome.changes.empty() ? "the configuration is what runs"
                                          : "the configuration is applied");
    for (const std::string& one : outcome.differences) out.push_back("but " + one);
    if (!outcome.next_start.empty())
      out.push_back("but the next start does not know it: " + outcome.next_start);
  }
  return out;
}

} // namespace

void report(const apply_outcome& outcome, std::string_view asked_by, std::vector<base::log::field> who) {
  namespace log = base::log;
  constexpr std::size_t most_lines = 50;
  const std::vector<std::string> lines = summary(outcome);
  const auto shown = std::span(lines).first(lines.size() > most_lines ? most_lines - 2 : lines.size());
  std::string below = fmt::format("\n{}", fmt::join(shown, "\n"));
  if (shown.size() < lines.size()) {
    below += fmt::format("\n… {} more\n{}", lines.size() - shown.size() - 1, lines.back());
  }
  const bool done = outcome.applied;
  who.push_back({"outcome", done ? "applied" : "refused"});
  who.push_back({"changes", std::to_string(outcome.changes.size())});
  log::tell(done ? log::events::applied : log::events::apply_refused,
            !done                         ? log::level::error
            : outcome.differences.empty() ? log::level::notice
                                          : log::level::warning,
            "apply", std::move(who), "{} ({}){}", brief(outcome), asked_by, below);
}

} // namespace coppice::node
