// SPDX-License-Identifier: MIT
// The handlers of the log (log_settings.hpp): which lines each gets, its queue, and the sender of those that
// go to a syslog server. Lines that a handler loses are counted, and the log says so at most once in ten
// seconds for each. Any thread, unless a function says otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/log_queue.hpp"
#include "base/log_settings.hpp"

namespace coppice::base::log {

class log_handler;

class log_handlers {
 public:
  static constexpr nanos period = 10 * nanos_per_second;

  log_handlers();
  ~log_handlers();
  log_handlers(const log_handlers&) = delete;
  log_handlers& operator=(const log_handlers&) = delete;

  // Replaces the handlers, whose names are unique. A handler that keeps its name and its destination keeps
  // its queue. One that goes to a syslog server no more sends what waits, for at most 2 s. One call at a
  // time.
  void use(const std::vector<handler_target>& wanted);
  // The log's writer thread.
  void put(const record& line);

  // When the next count may have to be told, monotonic; nullopt: none.
  std::optional<nanos> next_due() const;
  // The counts that are due, as log lines. `now` is monotonic; nullopt: all counts.
  std::vector<record> take_due(std::optional<nanos> now);

  std::shared_ptr<log_queue> queue_of(std::string_view name) const;
  std::vector<handler_report> reports() const;

 private:
  mutable std::mutex lock_;
  std::vector<std::unique_ptr<log_handler>> all_;
};

} // namespace coppice::base::log
