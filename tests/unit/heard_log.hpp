// SPDX-License-Identifier: MIT
// The node's log as a test hears it. Any thread.
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

// What is logged while it is there, each line with the module before it.
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
  // How many lines have this in them.
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
