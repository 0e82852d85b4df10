// SPDX-License-Identifier: MIT
// Limits how many lines a source may write (log_settings.hpp). The logger asks for each line before it takes
// it, and later writes how many lines were held back. A source needs an entry in a table of fixed size while
// it writes more than its share; if too many sources do so at once, some share an entry. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/log_settings.hpp"

namespace coppice::base::log {

class log_rate {
 public:
  static constexpr nanos period = 10 * nanos_per_second;

  void use(const line_rate& chosen);

  // Whether the line may be written; if not, it is counted. `now` is monotonic.
  bool admits(const record& line, nanos now);

  // When the next count is due, monotonic; nullopt: nothing was held back.
  std::optional<nanos> next_due() const;
  // The due counts, as log lines.
  std::vector<record> take_due(nanos now);
  // All counts, for the end of the log.
  std::vector<record> take_all();

 private:
  // A token bucket, kept as the time at which it will be full again.
  struct entry {
    std::atomic<std::uint64_t> source{0}; // hash of the source
    std::atomic<nanos> full_at{0};
    std::atomic<std::uint64_t> held_back{0};
  };
  struct noted {
    std::string module;
    std::string pid; // empty: the lines were of the module itself
    nanos due = 0;
  };
  entry& entry_of(std::uint64_t source, nanos now);
  void hold_back(entry& of, const record& line, std::string_view pid, nanos now);
  record count_of(const noted& one, std::uint64_t lines) const;
  std::vector<record> take(std::optional<nanos> now);

  std::atomic<nanos> interval_{0}; // between two lines in the long run; 0: no limit, as before use()
  std::atomic<nanos> burst_{0};    // the time in which an empty bucket fills
  std::array<entry, 1024> entries_;
  mutable std::mutex lock_;
  std::map<entry*, noted> noted_; // entries from which lines were held back
};

} // namespace coppice::base::log
