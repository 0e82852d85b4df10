// SPDX-License-Identifier: MIT
// A file of records, each with its length in front. A record is on the disk when append() returns. The last
// one may be torn by a crash, and is then as if it had never been written. Blocking. Errors are thrown as
// std::system_error.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace transfer {

class ledger_file {
 public:
  using record = std::vector<std::uint8_t>;

  explicit ledger_file(std::string path) : path_(std::move(path)) {}

  // Empty: there is no file, or nothing in it.
  std::vector<record> read() const {
    const handle file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.number < 0 && errno == ENOENT) return {};
    if (file.number < 0) fail("open ");
    std::vector<record> all;
    for (;;) {
      std::uint8_t head[4];
      if (!take(file, head, sizeof head)) return all;
      std::uint32_t size = 0;
      for (const std::uint8_t byte : head) size = size << 8 | byte;
      if (size > most) return all;
      record one(size);
      if (!take(file, one.data(), size)) return all;
      all.push_back(std::move(one));
    }
  }

  // Makes the file anew, with one record.
  void begin_with(const record& first) const {
    const std::string part = path_ + ".new";
    put(part, first, O_TRUNC);
    if (std::rename(part.c_str(), path_.c_str()) != 0) fail("rename ");
    const std::size_t cut = path_.rfind('/');
    const std::string folder = cut == std::string::npos ? "." : path_.substr(0, cut + 1);
    const handle above(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (above.number < 0 || ::fsync(above.number) != 0) fail("fsync the folder of ");
  }

  void append(const record& one) const { put(path_, one, O_APPEND); }

 private:
  static constexpr std::uint32_t most = 64 << 20;
  struct handle {
    explicit handle(int of) : number(of) {}
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;
    ~handle() {
      if (number >= 0) ::close(number);
    }
    int number;
  };

  [[noreturn]] void fail(const char* what) const {
    throw std::system_error(errno, std::generic_category(), what + path_);
  }
  bool take(const handle& from, std::uint8_t* into, std::size_t size) const {
    while (size > 0) {
      const ssize_t got = ::read(from.number, into, size);
      if (got < 0) fail("read ");
      if (got == 0) return false;
      into += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }
  // In one write, so that a crash cannot leave a part of it between two others.
  void put(const std::string& path, const record& one, int how) const {
    const handle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0640));
    if (file.number < 0) fail("open ");
    const auto size = static_cast<std::uint32_t>(one.size());
    record whole{static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
                 static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    whole.insert(whole.end(), one.begin(), one.end());
    if (::write(file.number, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()) ||
        ::fdatasync(file.number) != 0)
      fail("write ");
  }

  std::string path_;
};

} // namespace transfer
