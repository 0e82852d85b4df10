// SPDX-License-Identifier: MIT
// Howard Hinnant's library reads the data. Its exceptions stay inside this file.
#include "cron/zone.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <exception>

#include "base/suggest.hpp"

namespace coppice::cron {

namespace {

// Null: this machine has no data.
const date::tzdb* database() {
  static const date::tzdb* const all = []() -> const date::tzdb* {
    try {
      return &date::get_tzdb();
    } catch (const std::exception&) {
      return nullptr;
    }
  }();
  return all;
}

} // namespace

bool zone::has_data() {
  return database() != nullptr;
}

base::result<zone> zone::find(std::string_view name) {
  zone made;
  if (name == "UTC") return made;
  const date::tzdb* const all = database();
  if (all == nullptr && name == "local") return made;
  if (all == nullptr)
    return base::fail(base::errc::unsupported, "timezone " + std::string(name) +
                                                   ": this machine has no data of time zones, only UTC "
                                                   "(install the package tzdata)");
  try {
    made.data_ = name == "local" ? date::current_zone() : date::locate_zone(name);
    // The first use reads the zone's file, which may throw.
    made.data_->get_info(date::sys_seconds());
  } catch (const std::exception&) {
    if (name == "local") return zone();
    std::vector<std::string_view> known;
    for (const date::time_zone& each : all->zones) known.push_back(each.name());
    const std::string hint = base::did_you_mean(name, known);
    return base::fail(base::errc::not_found, "there is no timezone " + std::string(name) +
                                                 (hint.empty() ? std::string() : " (" + hint + ")"));
  }
  made.name_ = made.data_->name();
  return made;
}

zone::period zone::at(instant when) const {
  if (data_ == nullptr) return {instant::min(), instant::max(), std::chrono::seconds(0), "UTC"};
  const date::sys_info found = data_->get_info(date::sys_seconds(when.time_since_epoch()));
  return {instant(found.begin.time_since_epoch()), instant(found.end.time_since_epoch()), found.offset,
          found.abbrev};
}

std::string zone::print(instant when, char between) const {
  using namespace std::chrono;
  const seconds offset = at(when).offset;
  const instant wall = when + offset;
  const auto day = floor<days>(wall);
  const year_month_day date(day);
  const hh_mm_ss time(wall - day);
  const auto away = abs(offset).count();
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), between,
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     offset.count() < 0 ? '-' : '+', away / 3600, away / 60 % 60);
}

} // namespace coppice::cron
