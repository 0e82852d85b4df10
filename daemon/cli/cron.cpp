// SPDX-License-Identifier: MIT
// See cron.hpp. What a change of the clock does to a time is said beside it.
#include "cli/cron.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "cli/render.hpp"
#include "cron/schedule.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

struct parameters {
  std::string expression;
  std::string timezone; // empty: the expression's, else UTC
  std::string job;
  std::string after; // empty: now
  std::string skipped = "run_after";
  std::string repeated = "once";
  int count = 5;
};

// RFC 3339 in UTC to the second: 2026-03-28T00:00:00Z.
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

// With its offset: 2026-03-29T03:00:00+02:00.
std::string print_instant(cron::instant when, std::chrono::seconds offset, char between = 'T') {
  using namespace std::chrono;
  const cron::instant wall = when + offset;
  const auto day = floor<days>(wall);
  const year_month_day date(day);
  const hh_mm_ss time(wall - day);
  const auto away = abs(offset).count();
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), between,
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     offset.count() < 0 ? '-' : '+', away / 3600, away / 60 % 60);
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
    document["next"].push_back(
        {{"at", print_instant(found->at, period.offset)}, {"clock", word_of(found->is)}});
    rows.push_back({"", print_instant(found->at, period.offset, ' '), period.abbreviation});
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

} // namespace

void declare_cron(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* group = app.add_subcommand("cron", "what a cron expression means");
  group->require_subcommand(1);
  // Those of jobs, which there are none of yet: named, so that nobody takes a refusal for a slip of the pen.
  for (const char* name : {"next", "run", "enable", "disable"}) {
    CLI::App* missing = group->add_subcommand(name, "")->group("");
    missing->fallthrough(false)->allow_extras();
    missing->callback([&run, name] {
      run = [name] {
        complain(std::string("cron ") + name, "not available in this version");
        return api::exit_code::failed;
      };
    });
  }
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
