// SPDX-License-Identifier: MIT
// The files of the log. Each is spdlog's rotating_file_sink, which rotates by size, behind the logger's
// queue. A file that was moved away or removed, or could not be written, is opened again. A failure is logged
// once; so is its end, with the number of missing lines. For the log's writer thread, unless a function says
// otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
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

  // Replaces the files. Files in `wanted` that are open already stay open.
  void use(const std::vector<file_target>& wanted);
  // `to`: for json the line is written as JSON, else as text.
  void put(const record& line, format to);
  // Called after some lines. When it returns, they are in the files or counted as missing.
  void flush();
  // Opens files anew whose paths now name another file, or none. `now` is monotonic. Looks at most once in
  // each look_period unless `anyway`.
  void look(nanos now, bool anyway);
  // When to look again; nullopt: there are no files.
  std::optional<nanos> next_look() const;
  // Lines to be logged about the files themselves, since the last call.
  std::vector<record> take_news();
  // The files that take no lines now. Any thread.
  std::vector<unwritable_file> unwritable() const;

 private:
  void tell_unwritable();

  std::vector<std::unique_ptr<log_file>> files_;
  nanos next_look_ = 0;
  std::vector<record> news_;
  mutable std::mutex told_lock_; // guards told_
  std::vector<unwritable_file> told_;
};

} // namespace coppice::base::log
