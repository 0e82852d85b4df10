// SPDX-License-Identifier: MIT
// Time zones from the system's tzdata: how far a zone's clock is from UTC at an instant, and until when. The
// library can read the data only once in a process, so an update of tzdata takes effect in the next process.
// Without the data there is only UTC. Any thread.
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
  // The zone UTC.
  zone() = default;
  // `name`: an IANA name, or "local" for the machine's zone, which is UTC without data. The error for an
  // unknown name suggests a similar one.
  static base::result<zone> find(std::string_view name);
  // Whether this machine has data of zones.
  static bool has_data();

  const std::string& name() const { return name_; }
  bool operator==(const zone&) const = default;

  // A span of time with one offset.
  struct period {
    instant begin, end;
    std::chrono::seconds offset{}; // of the wall clock from UTC
    std::string abbreviation;
  };
  period at(instant when) const;
  // The zone's local time with its offset: 2026-03-29T03:00:00+02:00, with `between` instead of the T.
  std::string print(instant when, char between = 'T') const;

 private:
  const date::time_zone* data_ = nullptr; // owned by the library for the life of the process. Null: UTC
  std::string name_ = "UTC";
};

} // namespace coppice::cron
