// SPDX-License-Identifier: MIT
// See zone.hpp. Howard Hinnant's library reads the data; what it throws stays here.
#include "cron/zone.hpp"

#include <date/tz.h>

#include <exception>

#include "base/suggest.hpp"

namespace coppice::cron {

namespace {

// Null: this machine has none.
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
  if (all == nullptr)
    return base::fail(base::errc::unsupported, "timezone " + std::string(name) +
                                                   ": this machine has no data of time zones, only UTC "
                                                   "(install the package tzdata)");
  try {
    made.data_ = name == "local" ? date::current_zone() : date::locate_zone(name);
    // The first use reads the zone's file.
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

} // namespace coppice::cron
