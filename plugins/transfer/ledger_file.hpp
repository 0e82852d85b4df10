// SPDX-License-Identifier: MIT
// A file of records, each with its length and a checksum in front. A record is on the disk when append()
// returns. The last one may be torn by a crash, some of its bytes may be others or zeros, and it is then as
// if it had never been written. Blocking. Errors are thrown as std::system_error, damage as
// std::runtime_error.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
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
    for (record one; take_record(file, one);) all.push_back(std::move(one));
    // The first one was on the disk before the file had its name.
    struct stat seen {};
    if (all.empty() && (::fstat(file.number, &seen) != 0 || seen.st_size != 0))
      throw std::runtime_error(path_ + ": its first record is damaged, or no record of this version");
    return all;
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
  static constexpr std::size_t head_size = 8; // the length, and the checksum of what follows
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
  static std::uint32_t number_at(const std::uint8_t* bytes) {
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i) out = out << 8 | bytes[i];
    return out;
  }
  static void put_number(std::uint32_t number, std::uint8_t* bytes) {
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
  // FNV-1a.
  static std::uint32_t checksum(const record& of) {
    std::uint32_t sum = 2166136261U;
    for (const std::uint8_t byte : of) sum = (sum ^ byte) * 16777619U;
    return sum;
  }
  // False: there is none, or it is torn.
  bool take_record(const handle& from, record& into) const {
    std::uint8_t head[head_size];
    if (!take(from, head, sizeof head)) return false;
    const std::uint32_t size = number_at(head);
    if (size > most) return false;
    into.resize(size);
    return take(from, into.data(), size) && number_at(head + 4) == checksum(into);
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
    record whole(head_size);
    put_number(static_cast<std::uint32_t>(one.size()), whole.data());
    put_number(checksum(one), whole.data() + 4);
    whole.insert(whole.end(), one.begin(), one.end());
    if (::write(file.number, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()) ||
        ::fdatasync(file.number) != 0)
      fail("write ");
  }

  std::string path_;
};

} // namespace transfer
