// SPDX-License-Identifier: MIT
// Interface for every file operation of the durable log, so that tests can replace the disk by one that loses
// unsynced bytes, fails or runs full. The log acts on two error codes. errc::limit: no room on the disk.
// errc::refused: from lock(), another process holds the lock; from open(), the process has too many open
// files, and no file was made. Any other code is a failure. Any thread may read files; everything else is
// called by one thread at a time.
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
  // Fills `into` from `offset` on. Returns fewer bytes only at the end of the file.
  virtual base::result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
  // Writes all bytes. After an error any part of them may be in the file.
  virtual base::status write(std::uint64_t offset, base::bytes_span bytes) = 0;
  // After success, the bytes written so far and the size survive a crash. After an error the state of the
  // disk is unknown: Linux may have dropped the pages and may call them clean, so a second call proves
  // nothing.
  virtual base::status sync() = 0;
  virtual base::status resize(std::uint64_t size) = 0;
  // Allocates room for `size` bytes and makes the file at least that long; what is added reads as zeros. The
  // new size survives a crash after the next sync(). errc::limit: the disk has no room for all of it; the
  // file may have become longer. errc::unsupported: this file system cannot allocate ahead; nothing was
  // changed.
  virtual base::status reserve(std::uint64_t size) = 0;
  virtual base::result<std::uint64_t> size() const = 0;
};

// A lock. It is held until the object is destroyed or the process ends.
class held_lock {
 public:
  virtual ~held_lock() = default;
};

// A folder that stays open, so that syncing it needs no new descriptor.
class held_folder {
 public:
  virtual ~held_folder() = default;
  // Makes created, removed and renamed files of this folder survive a crash.
  virtual base::status sync() = 0;
};

enum class access { read, write, create };

class disk {
 public:
  virtual ~disk() = default;
  // `create` makes a new file with mode 0600. errc::exists: the file exists already.
  virtual base::result<std::unique_ptr<file>> open(const std::string& path, access how) = 0;
  // Names of the files in the folder, in no order.
  virtual base::result<std::vector<std::string>> list(const std::string& folder) = 0;
  // Makes the folder and missing folders above it, and makes their creation survive a crash.
  virtual base::result<std::unique_ptr<held_folder>> open_folder(const std::string& path) = 0;
  virtual base::status remove(const std::string& path) = 0;
  virtual base::status rename(const std::string& from, const std::string& to) = 0;
  // Makes the file if it is missing. errc::refused: another process holds the lock.
  virtual base::result<std::unique_ptr<held_lock>> lock(const std::string& path) = 0;
};

// The machine's file system. Blocking. Lives as long as the process.
disk& real_disk();

} // namespace coppice::durable
