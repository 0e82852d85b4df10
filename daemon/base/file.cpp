// SPDX-License-Identifier: MIT
// POSIX file calls with errors that name the path. Blocking. Any thread.
#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/open_files.hpp"
#include "base/random.hpp"

namespace coppice::base {
namespace {

status write_all(int fd, std::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write " + path, errno);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

status fill(int fd, const std::string& path, std::string_view contents, mode_t mode) {
  if (auto done = write_all(fd, contents, path); !done) return done;
  if (fchmod(fd, mode) != 0) return fail_errno("chmod " + path, errno);
  if (fsync(fd) != 0) return fail_errno("fsync " + path, errno);
  return {};
}

// Writes a new file beside `path` and returns its name.
result<std::string> write_beside(const std::string& path, std::string_view contents, mode_t mode) {
  std::string temporary = path + "." + std::to_string(random_u64());
  const unique_fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail_errno("create " + temporary, errno);
  if (auto done = fill(fd.get(), temporary, contents, mode); !done) {
    unlink(temporary.c_str());
    return unexpected(std::move(done.error()));
  }
  return temporary;
}

// Syncs the folder above a new folder. One that may not be read, or whose file system syncs no folders, is
// left to the system.
status keep_name(const std::string& path) {
  const std::size_t last = path.find_last_of('/');
  const std::string above = last == std::string::npos ? "." : path.substr(0, last + 1);
  const unique_fd fd(open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && fsync(fd.get()) != 0 && errno != EINVAL) return fail_errno("fsync " + above, errno);
  return {};
}

} // namespace

void unique_fd::reset(int fd) {
  // On Linux the descriptor is closed even if close() fails with EINTR: no second call.
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

result<unique_fd> open_file(const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return unique_fd(fd);
    if (errno != EINTR) return fail_errno("open " + path, errno);
  }
}

result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const auto fd = open_file(path, O_RDONLY);
  if (!fd) return unexpected(fd.error());
  return read_all(fd->get(), path, max_bytes);
}

status write_file_atomic(const std::string& path, std::string_view contents, mode_t mode) {
  const auto temporary = write_beside(path, contents, mode);
  if (!temporary) return unexpected(temporary.error());
  if (rename(temporary->c_str(), path.c_str()) == 0) return {};
  const int problem = errno;
  unlink(temporary->c_str());
  return fail_errno("rename to " + path, problem);
}

status write_new_file_atomic(const std::string& path, std::string_view contents, mode_t mode) {
  const auto temporary = write_beside(path, contents, mode);
  if (!temporary) return unexpected(temporary.error());
  // link(2) is the call that gives a file a name and fails if that name is in use.
  const int linked = link(temporary->c_str(), path.c_str());
  const int problem = errno;
  unlink(temporary->c_str());
  if (linked != 0) return fail_errno("make " + path, problem);
  return {};
}

status make_folders(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), mode) == 0) {
      if (auto kept = keep_name(part); !kept) return kept;
    } else if (errno != EEXIST) {
      return fail_errno("make folder " + part, errno);
    }
    if (end == std::string::npos) break;
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return fail_errno("make folder " + path, errno);
  if (!S_ISDIR(info.st_mode)) return fail_errno("make folder " + path, ENOTDIR);
  return {};
}

} // namespace coppice::base
