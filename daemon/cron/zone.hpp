// SPDX-License-Identifier: MIT
// Time zones of the system's tzdata: how far a zone's clock is from UTC at an instant, and until when. Read
// once for the process: the library that reads the system's data can do so no second time, so what an update
// of tzdata changes is known to the next process. Without the data there is UTC alone. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace date {
class time_zone;
}

namespace coppice::cron {

using instant = std::chrono::sys_seconds;

class zone {
 public:
  // UTC.
  zone() = default;
  // An IANA name, or "local" for the machine's, which is UTC without data. The error of one that is not there
  // says which is like it.
  static base::result<zone> find(std::string_view name);
  // Whether this machine has data of zones.
  static bool has_data();

  const std::string& name() const { return name_; }
  bool operator==(const zone&) const = default;

  // A span of time with one offset.
  struct period {
    instant begin, end;
    std::chrono::seconds offset{}; // of the clock on the wall from UTC
    std::string abbreviation;
  };
  period at(instant when) const;
  // As its clock shows it, with the offset: 2026-03-29T03:00:00+02:00, `between` in place of the T.
  std::string print(instant when, char between = 'T') const;

 private:
  const date::time_zone* data_ = nullptr; // the library's, for as long as the process lives; null: UTC
  std::string name_ = "UTC";
};

} // namespace coppice::cron
