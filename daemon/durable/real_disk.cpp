// SPDX-License-Identifier: MIT
// disk.hpp over POSIX. Writing calls pwrite(2) until all bytes are written. Syncing calls fdatasync(2) once,
// which also writes a changed size; it is never repeated after a failure. The lock is flock(2).
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/file.hpp"
#include "durable/disk.hpp"

namespace coppice::durable {
namespace {

bool is_no_room(int number) {
  return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

unexpected<base::error> fail_disk(const std::string& what, int number) {
  auto why = base::fail_errno(what, number);
  if (is_no_room(number)) why.error().code = base::errc::limit;
  // Too many open files: the disk is not full.
  if (number == EMFILE || number == ENFILE) why.error().code = base::errc::system;
  if (number == EEXIST) why.error().code = base::errc::exists;
  if (number == ENOENT) why.error().code = base::errc::not_found;
  return why;
}

class real_file final : public file {
 public:
  real_file(base::unique_fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
          pread(fd_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_disk("read " + path_, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  base::status write(std::uint64_t offset, base::bytes_span bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_disk("write " + path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
    return {};
  }
  base::status sync() override {
    if (fdatasync(fd_.get()) == 0) return {};
    // If the lack of room shows only here, it is a failure like any other: the written bytes are lost.
    return base::fail_errno("fdatasync " + path_, errno);
  }
  base::status resize(std::uint64_t size) override {
    if (ftruncate(fd_.get(), static_cast<off_t>(size)) == 0) return {};
    return fail_disk("truncate " + path_, errno);
  }
  base::status reserve(std::uint64_t size) override {
    // Not posix_fallocate(3), which writes to each block where the file system cannot allocate ahead.
    while (fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) != 0) {
      const int number = errno;
      if (number == EINTR) continue;
      auto why = fail_disk("reserve room in " + path_, number);
      if (number == EOPNOTSUPP || number == ENOSYS) why.error().code = base::errc::unsupported;
      return why;
    }
    return {};
  }
  base::result<std::uint64_t> size() const override {
    struct stat info {};
    if (fstat(fd_.get(), &info) != 0) return fail_disk("stat " + path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  base::unique_fd fd_;
  std::string path_;
};

class real_lock final : public held_lock {
 public:
  explicit real_lock(base::unique_fd fd) : fd_(std::move(fd)) {}

 private:
  base::unique_fd fd_;
};

class real_folder final : public held_folder {
 public:
  real_folder(base::unique_fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::status sync() override {
    if (fsync(fd_.get()) == 0) return {};
    return base::fail_errno("fsync " + path_, errno);
  }

 private:
  base::unique_fd fd_;
  std::string path_;
};

base::result<real_folder> open_there(const std::string& path) {
  base::unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_disk("open folder " + path, errno);
  return real_folder(std::move(fd), path);
}

std::string folder_above(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t last = path.find_last_of('/');
  if (last == std::string::npos) return ".";
  return path.substr(0, std::max<std::size_t>(last, 1));
}

class file_system final : public disk {
 public:
  base::result<std::unique_ptr<file>> open(const std::string& path, access how) override {
    int flags = O_RDONLY;
    if (how == access::write) flags = O_RDWR;
    if (how == access::create) flags = O_RDWR | O_CREAT | O_EXCL;
    base::unique_fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
      const int number = errno;
      auto why = fail_disk("open " + path, number);
      if (number == EMFILE || number == ENFILE) why.error().code = base::errc::refused;
      return why;
    }
    return std::make_unique<real_file>(std::move(fd), path);
  }
  base::result<std::vector<std::string>> list(const std::string& folder) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), &closedir);
    if (!entries) return fail_disk("open folder " + folder, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* one = readdir(entries.get())) names.emplace_back(one->d_name);
    if (errno != 0) return fail_disk("read folder " + folder, errno);
    std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
    return names;
  }
  base::result<std::unique_ptr<held_folder>> open_folder(const std::string& path) override {
    // Collects the parent of each missing folder, and the parent of the folder itself in any case: an earlier
    // run may have made the folder and died before syncing its parent.
    std::vector<std::string> above{folder_above(path)};
    struct stat info {};
    while (above.back() != "/" && above.back() != "." && stat(above.back().c_str(), &info) != 0)
      above.push_back(folder_above(above.back()));
    if (auto made = base::make_folders(path, 0700); !made) return unexpected(std::move(made.error()));
    for (const std::string& one : above) {
      auto opened = open_there(one);
      if (!opened) return unexpected(std::move(opened.error()));
      if (auto synced = opened->sync(); !synced) return unexpected(std::move(synced.error()));
    }
    auto opened = open_there(path);
    if (!opened) return unexpected(std::move(opened.error()));
    return std::make_unique<real_folder>(std::move(*opened));
  }
  base::status remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return fail_disk("remove " + path, errno);
    return {};
  }
  base::status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return fail_disk("rename " + from + " to " + to, errno);
    return {};
  }
  base::result<std::unique_ptr<held_lock>> lock(const std::string& path) override {
    base::unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return fail_disk("open " + path, errno);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::make_unique<real_lock>(std::move(fd));
    if (errno == EWOULDBLOCK)
      return base::fail(base::errc::refused, "lock " + path + ": another process has this log open");
    return fail_disk("lock " + path, errno);
  }
};

} // namespace

disk& real_disk() {
  static file_system one;
  return one;
}

} // namespace coppice::durable
