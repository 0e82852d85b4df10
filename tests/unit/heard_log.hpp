// SPDX-License-Identifier: MIT
// Collects the node's log lines so that a test can look for a text in them. Any thread.
// rooms: base
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace coppice::test {

// Collects every line that is logged during its lifetime, with the name of the module before the text.
class heard_log {
 public:
  heard_log()
      : tap_(base::log::add_tap([this](const base::log::record& line) {
          const std::scoped_lock held(lock_);
          lines_.push_back(line.module + ": " + line.text);
        })) {
    base::log::start({});
  }
  ~heard_log() {
    base::log::stop();
    base::log::remove_tap(tap_);
  }
  // The number of lines that contain `part`.
  std::ptrdiff_t count(std::string_view part) {
    base::log::flush();
    const std::scoped_lock held(lock_);
    return std::ranges::count_if(lines_,
                                 [part](const std::string& one) { return one.find(part) != one.npos; });
  }

 private:
  std::mutex lock_;
  std::vector<std::string> lines_;
  std::uint64_t tap_;
};

} // namespace coppice::test
