// SPDX-License-Identifier: MIT
// The effect of a clock change is printed beside each time. Commands about jobs ask the node.
#include "cli/cron.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "base/printable_lines.hpp"
#include "cli/render.hpp"
#include "cli/terminal.hpp"
#include "cron/schedule.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

struct parameters {
  std::string expression;
  std::string timezone; // empty: that of the expression, otherwise UTC
  std::string job;
  std::string after; // empty: now
  std::string skipped = "run_after";
  std::string repeated = "once";
  int count = 5;
};

api::exit_code ask_node(const std::string& what, const common_options& common, json arguments,
                        std::string (*show)(const json&, std::size_t columns)) {
  auto connection = reach(common);
  if (!connection) return fail(what, connection.error(), common);
  const auto reply = connection->ask({"cron", std::move(arguments)}, node_patience);
  if (!reply) return fail(what, reply.error(), common);
  if (!*reply) return fail(reply->error());
  if (common.json) {
    print_json(**reply);
  } else {
    const std::string text = show(**reply, on_terminal() ? screen_size().columns : any_width);
    print_exactly(painted_states(base::printable_lines(text), with_colours()));
  }
  return api::exit_code::done;
}

// Such as 2026-03-29 03:00:00+02:00, with a blank instead of the T. "-" for null.
std::string time_cell(const json& row, const char* key) {
  std::string text = row.value(key, json()).is_string() ? row[key].get<std::string>() : "-";
  if (const auto at = text.find('T'); at == 10) text[at] = ' ';
  return text;
}

std::string count_cell(const json& row, const char* key) {
  return std::to_string(row.value(key, 0));
}

std::string show_jobs(const json& document, std::size_t columns) {
  std::vector<std::vector<std::string>> rows{
      {"JOB", "NEXT", "LAST", "OUTCOME", "TOOK", "RUNS", "FAILED", "SKIPPED", "MISSED"}};
  for (const json& one : document.value("jobs", json::array())) {
    std::string next = time_cell(one, "next");
    if (!one.value("enabled", true))
      next = "disabled";
    else if (!one.value("here", true))
      next = one.value("group", json()).is_string() ? "with the leader of " + one["group"].get<std::string>()
                                                    : "on another node";
    const bool has_run = one.value("outcome", json()).is_string();
    std::string outcome = has_run ? one["outcome"].get<std::string>() : "-";
    if (one.value("under_way", 0) > 0) outcome = "under way";
    rows.push_back({one.value("name", ""), std::move(next), time_cell(one, "last"), std::move(outcome),
                    has_run ? duration_text(one.value("took_ms", 0LL)) : "-", count_cell(one, "runs"),
                    count_cell(one, "failures"), count_cell(one, "skipped"), count_cell(one, "missed")});
  }
  if (rows.size() == 1) return "the node has no jobs\n";
  std::string out = table(rows, columns);
  for (const json& one : document.value("jobs", json::array()))
    if (const auto why = one.find("warning"); why != one.end() && why->is_string())
      out += fmt::format("{}: {}\n", one.value("name", ""), why->get<std::string>());
  const json away = document.value("peers_away", json::array());
  for (const json& name : away)
    out += fmt::format("{}{}",
                       &name == &away.front() ? "away, and jobs with `where: one` may run there too: " : ", ",
                       name.get<std::string>());
  return out + (away.empty() ? "" : "\n");
}

std::string show_coming(const json& document, std::size_t columns) {
  std::vector<std::vector<std::string>> rows;
  for (const json& one : document.value("next", json::array()))
    rows.push_back({time_cell(one, "at"), one.value("name", ""), one.value("timezone", "")});
  if (rows.empty()) return "nothing\n";
  return table(rows, columns) + (document.value("all", true) ? "" : "and more\n");
}

// Reads RFC 3339 in UTC to the second: 2026-03-28T00:00:00Z.
std::optional<cron::instant> read_instant(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second,
                  &used) != 6 ||
      static_cast<std::size_t>(used) != text.size() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

std::string note_of(const cron::occurrence& one) {
  using kind = cron::occurrence::kind;
  switch (one.is) {
    case kind::plain:
      return "";
    case kind::after_skipped:
      return "the clock skips its time: run when it goes on";
    case kind::first_of_two:
      return "this time comes again: the first of two";
    case kind::second_of_two:
      return "this time was there before: the second of two";
  }
  return "";
}
std::string word_of(cron::occurrence::kind is) {
  using kind = cron::occurrence::kind;
  switch (is) {
    case kind::plain:
      return "plain";
    case kind::after_skipped:
      return "after_skipped";
    case kind::first_of_two:
      return "first_of_two";
    case kind::second_of_two:
      return "second_of_two";
  }
  return "plain";
}

api::exit_code explain(const parameters& p, bool as_json) {
  const auto read = cron::expression::parse(p.expression, p.job);
  if (!read) {
    const cron::fault& bad = read.error();
    complain("cron explain", fmt::format("{}\n  {}\n  {:>{}}", bad.text, p.expression, '^', bad.column),
             bad.hint);
    return api::exit_code::usage;
  }
  const std::string wanted = !p.timezone.empty()         ? p.timezone
                             : !read->timezone().empty() ? read->timezone()
                                                         : "UTC";
  const auto zone = cron::zone::find(wanted);
  if (!zone) {
    complain("cron explain", zone.error().text);
    return api::exit_code::usage;
  }
  const auto now = std::chrono::seconds(base::wall_now() / base::nanos_per_second);
  std::optional<cron::instant> after = p.after.empty() ? cron::instant(now) : read_instant(p.after);
  if (!after) {
    complain("cron explain", "--after " + p.after + ": no time in UTC", "as 2026-03-28T00:00:00Z");
    return api::exit_code::usage;
  }
  const cron::clock_changes policy{
      p.skipped == "skip" ? cron::skipped_time::skip : cron::skipped_time::run_after,
      p.repeated == "twice" ? cron::repeated_time::twice : cron::repeated_time::once};
  json document{{"expression", p.expression},
                {"canonical", read->print()},
                {"timezone", zone->name()},
                {"words", read->words()},
                {"next", json::array()}};
  std::vector<std::vector<std::string>> rows;
  const bool is_calendar = read->is() == cron::expression::kind::calendar;
  for (int i = 0; is_calendar && i < p.count; ++i) {
    const auto found = cron::next(*read, *zone, policy, *after);
    if (!found) break;
    const auto period = zone->at(found->at);
    document["next"].push_back({{"at", zone->print(found->at)}, {"clock", word_of(found->is)}});
    rows.push_back({"", zone->print(found->at, ' '), period.abbreviation});
    if (const std::string note = note_of(*found); !note.empty()) rows.back().push_back(note);
    after = found->at;
  }
  if (as_json) {
    print_json(document);
  } else {
    print(fmt::format("{}\n{}\n", read->words(), is_calendar ? "next, in " + zone->name() + ":" : ""));
    if (rows.empty() && is_calendar) print("  never within 40 years\n");
    print(table(rows));
  }
  return api::exit_code::done;
}

void declare_next(CLI::App& group, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* const command = group.add_subcommand("next", "what is due, in its order");
  auto span = std::make_shared<std::string>("24h");
  command->add_option("--for", *span, "how far to look: 10m, 24h")->type_name("TIME")->capture_default_str();
  command->callback([&common, &run, span] {
    run = [&common, span] {
      const auto time = parse_timeout(*span);
      if (!time || *time <= 0) {
        complain("--for", time ? "a time above 0 is wanted, e.g. 24h" : time.error().text);
        return api::exit_code::usage;
      }
      return ask_node("cron next", common, {{"for_ms", *time}}, show_coming);
    };
  });
}

void declare_change(CLI::App& group, const char* change, const char* summary, const common_options& common,
                    std::function<api::exit_code()>& run) {
  CLI::App* const command = group.add_subcommand(change, summary);
  auto name = std::make_shared<std::string>();
  command->add_option("job", *name, "its name")->required();
  command->callback([&common, &run, change, name] {
    run = [&common, change, name] {
      return ask_node(std::string("cron ") + change, common, {{"name", *name}, {"change", change}},
                      [](const json&, std::size_t) { return std::string(); });
    };
  });
}

} // namespace

void declare_cron(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* group = app.add_subcommand("cron", "the node's jobs: when they are due, and what they did");
  group->require_subcommand(0, 1);
  group->final_callback([&common, &run, group] {
    if (group->get_subcommands().empty())
      run = [&common] { return ask_node("cron", common, json::object(), show_jobs); };
  });
  declare_next(*group, common, run);
  declare_change(*group, "run", "runs a job now, whether it is enabled or not", common, run);
  declare_change(*group, "enable", "has a job run at its times, whatever the configuration says", common,
                 run);
  declare_change(*group, "disable", "has a job run no more, whatever the configuration says", common, run);
  auto p = std::make_shared<parameters>();
  CLI::App* command = group->add_subcommand("explain", "an expression in words, and when it is due next");
  command
      ->add_option("expression", p->expression,
                   "five fields, or six with seconds in front, or a macro as @daily")
      ->required();
  command
      ->add_option("--timezone", p->timezone, "an IANA name, or local; else the expression's TZ=, else UTC")
      ->type_name("ZONE");
  command->add_option("--count", p->count, "how many times")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--after", p->after, "from this time on, in UTC, as 2026-03-28T00:00:00Z; else now")
      ->type_name("TIME");
  command->add_option("--skipped", p->skipped, "what becomes of a time that the clock skips")
      ->check(CLI::IsMember({"run_after", "skip"}))
      ->capture_default_str();
  command->add_option("--repeated", p->repeated, "how often one that comes twice is due")
      ->check(CLI::IsMember({"once", "twice"}))
      ->capture_default_str();
  command->add_option("--job", p->job, "the job's name, which chooses what H is");
  command->callback([&common, &run, p] { run = [&common, p] { return explain(*p, common.json); }; });
}

} // namespace coppice::cli
