// SPDX-License-Identifier: MIT
// Every file operation of the durable log goes through this interface, so that tests can put a disk under it
// that loses what was not synced, fails or runs full. Two codes of errors matter to the log: errc::limit says
// that there is no room; errc::refused says of lock() that another process holds the lock, and of open() that
// the process has too many open files, so that nothing was made. Any other code is a failure.
// Files may be read by any thread; everything else is called by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace coppice::durable {

class file {
 public:
  virtual ~file() = default;
  // Fills `into` from `offset` on; fewer bytes only at the end of the file.
  virtual base::result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
  // All of it. After an error any part of it may be in the file.
  virtual base::status write(std::uint64_t offset, base::bytes_span bytes) = 0;
  // What was written, and the size, outlive a crash once this has returned well. After an error nobody can
  // know what is on the disk: Linux may have dropped the pages and calls them clean, so a second call proves
  // nothing.
  virtual base::status sync() = 0;
  virtual base::status resize(std::uint64_t size) = 0;
  // Takes room for `size` bytes, and makes the file at least as long.
  virtual base::status reserve(std::uint64_t size) = 0;
  virtual base::result<std::uint64_t> size() const = 0;
};

// A lock that is held until it is destroyed, or the process ends.
class held_lock {
 public:
  virtual ~held_lock() = default;
};

// A folder that stays open, so that syncing it needs no new descriptor.
class held_folder {
 public:
  virtual ~held_folder() = default;
  // Files made, removed and renamed in the folder stay so after a crash.
  virtual base::status sync() = 0;
};

enum class access { read, write, create };

class disk {
 public:
  virtual ~disk() = default;
  // `create` makes a new file with mode 0600; errc::exists where there is one.
  virtual base::result<std::unique_ptr<file>> open(const std::string& path, access how) = 0;
  // Names of the files in the folder, in no order.
  virtual base::result<std::vector<std::string>> list(const std::string& folder) = 0;
  // Makes the folder and those above it where they are missing; those that it makes outlive a crash.
  virtual base::result<std::unique_ptr<held_folder>> open_folder(const std::string& path) = 0;
  virtual base::status remove(const std::string& path) = 0;
  virtual base::status rename(const std::string& from, const std::string& to) = 0;
  // Makes the file where it is missing. errc::refused: held by another.
  virtual base::result<std::unique_ptr<held_lock>> lock(const std::string& path) = 0;
};

// The machine's file system. Blocking. Lives as long as the process.
disk& real_disk();

} // namespace coppice::durable
