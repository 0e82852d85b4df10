// SPDX-License-Identifier: MIT
// The files of the log: spdlog's rotating_file_sink behind our queue, which turns files over by size. Around
// it: a file that was moved away or removed, or that could not be written, is opened anew; what fails is said
// once, and so is that it goes on and how much is missing. The log's writer thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/log_settings.hpp"

namespace coppice::base::log {

class log_file;

class log_files {
 public:
  static constexpr nanos look_period = nanos_per_second;

  log_files();
  ~log_files();
  log_files(const log_files&) = delete;
  log_files& operator=(const log_files&) = delete;

  // Those that stay are left open.
  void use(const std::vector<file_target>& wanted);
  // `to`: JSON is JSON, all else text.
  void put(const record& line, format to);
  // After some lines: they are in the files when it returns, or counted as missing.
  void flush();
  // Whether the files are still what their paths mean. `now` is monotonic; looks at most once a period, but
  // for `anyway`.
  void look(nanos now, bool anyway);
  // When to look again; nothing without files.
  std::optional<nanos> next_look() const;
  // What is to be said of them since the last time.
  std::vector<record> take_news();

 private:
  std::vector<std::unique_ptr<log_file>> files_;
  nanos next_look_ = 0;
  std::vector<record> news_;
};

} // namespace coppice::base::log
