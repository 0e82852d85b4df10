// SPDX-License-Identifier: MIT
// Reasons are printed as Erlang terms, cut if they are long. Any thread.
#include "behaviours/supervision/supervisor_report.hpp"

#include <string>
#include <utility>
#include <vector>

#include "base/log_event.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours::report {
namespace {

namespace log = base::log;

constexpr std::string_view module = "supervisor";
constexpr std::size_t longest = 1000;

std::string text(const runtime::message& term) {
  return term ? runtime::shown_reason(term, longest) : "undefined";
}

long long milliseconds(base::nanos span) {
  return static_cast<long long>(base::to_milliseconds(span).count());
}

// Adds the note as fields of the record; returns it as the text below the line.
std::string add_note(const runtime::crash_note& note, std::vector<log::field>& fields) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value, std::string_view before) {
    if (value.empty()) return;
    fields.push_back({std::string(name), value});
    text.append(before).append(value);
  };
  add("callback", note.callback, "\nin ");
  add("last_message", note.message, ", given ");
  add("state", note.state, "\nstate ");
  add("backtrace", note.backtrace, "\nthrown at\n");
  return text;
}

} // namespace

void child_started(std::string_view label, const runtime::pid& pid) {
  base::log::debug(module, "{} started as <0.{}.{}>", label, pid.id, pid.serial);
}

void child_ended(std::string_view label, const runtime::pid& pid, const runtime::message& reason,
                 std::string_view what_now, std::uint32_t restarts_left, const runtime::crash_note& note) {
  const std::string why = text(reason);
  std::vector<log::field> fields{{"child", std::string(label)},
                                 {"pid", fmt::format("<0.{}.{}>", pid.id, pid.serial)},
                                 {"reason", why},
                                 {"restarts_left", std::to_string(restarts_left)}};
  const std::string more = add_note(note, fields);
  log::tell(log::events::child_ended, log::level::error, module, std::move(fields), "{} ended: {}: {}{}",
            label, why, what_now, more);
}

void ended_alone(std::string_view its_module, std::string_view who, std::string_view pid,
                 const runtime::message& reason, const runtime::crash_note& note) {
  const std::string why = text(reason);
  std::vector<log::field> fields{{"pid", std::string(pid)}, {"reason", why}};
  if (who != pid) fields.push_back({"name", std::string(who)});
  const std::string more = add_note(note, fields);
  log::tell(log::events::process_ended, log::level::error, its_module, std::move(fields), "{} ended: {}{}",
            who, why, more);
}

void start_failed(std::string_view label, const runtime::message& reason, const runtime::crash_note& note) {
  const std::string why = text(reason);
  std::vector<log::field> fields{{"child", std::string(label)}, {"reason", why}};
  const std::string more = add_note(note, fields);
  log::tell(log::events::child_not_started, log::level::error, module, std::move(fields),
            "{} did not start: {}{}", label, why, more);
}

void waits_for_name(std::string_view label, const runtime::pid& former) {
  base::log::info(module, "{} waits for the end of <0.{}.{}>, which its supervisor's earlier run has left",
                  label, former.id, former.serial);
}

void waits(std::string_view label, base::nanos time) {
  base::log::info(module, "{} is restarted in {} ms", label, milliseconds(time));
}

void restarts_exceeded(std::string_view supervisor, std::string_view child, std::uint32_t intensity,
                       base::nanos period) {
  log::tell(log::events::supervisor_gave_up, log::level::error, module,
            {{"child", std::string(child)}, {"label", std::string(supervisor)}},
            "{} gives up: more than {} restarts in {} ms, the last one of {}", supervisor, intensity,
            milliseconds(period), child);
}

void gave_up(std::string_view label, std::uint32_t intensity, base::nanos period) {
  log::tell(log::events::child_parked, log::level::error, module, {{"child", std::string(label)}},
            "{} is parked: more than {} restarts in {} ms; coppice restart {} starts it again", label,
            intensity, milliseconds(period), label);
}

void killed(std::string_view label, base::nanos limit) {
  log::tell(log::events::child_killed, log::level::warning, module, {{"child", std::string(label)}},
            "{} did not stop within its {} ms and is killed", label, milliseconds(limit));
}

void not_awaited(std::string_view label) {
  log::tell(log::events::child_killed, log::level::warning, module, {{"child", std::string(label)}},
            "{} is killed at once: no stack is left to wait on for its end, see node.limits.parked", label);
}

void keeps_change(std::string_view label) {
  base::log::warning("supervisor",
                     "{} has taken a change that counts as refused, since its answer came too late, and does "
                     "not take back what it had before: restarting it with that",
                     label);
}

void left_behind(std::string_view label) {
  base::log::error(module, "{} was killed and does not come back from the code it runs: going on without it",
                   label);
}

void stopped_badly(std::string_view label, const runtime::message& reason, const runtime::crash_note& note) {
  const std::string why = text(reason);
  std::vector<log::field> fields{{"child", std::string(label)}, {"reason", why}};
  const std::string more = add_note(note, fields);
  log::tell(log::events::child_stopped_badly, log::level::error, module, std::move(fields),
            "{} was told to stop and ended with {}{}", label, why, more);
}

void stopped_slowly(std::string_view label, base::nanos took) {
  base::log::info(module, "{} took {} ms to stop", label, milliseconds(took));
}

} // namespace coppice::behaviours::report
