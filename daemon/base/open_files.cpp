// SPDX-License-Identifier: MIT
// The size that a file reports is not used: the file may grow, or be one of /proc. Files of an unknown type
// are opened non-blocking, so that a pipe with that name blocks no thread. Any thread.
#include "base/open_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace coppice::base {

result<std::string> read_all(int fd, const std::string& path, std::size_t max_bytes) {
  std::string contents;
  std::size_t used = 0;
  for (;;) {
    if (contents.size() - used < 4096) contents.resize(contents.size() < 4096 ? 8192 : contents.size() * 2);
    const ssize_t got = read(fd, contents.data() + used, contents.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + path, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > max_bytes) {
      return fail(errc::limit, "read " + path + ": larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
  contents.resize(used);
  return contents;
}

result<regular_file> open_regular_file(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return unexpected(std::move(fd.error()));
  struct stat is {};
  if (fstat(fd->get(), &is) != 0) return fail_errno("stat " + path, errno);
  if (!S_ISREG(is.st_mode)) return fail(errc::invalid, path + ": it is no regular file");
  return regular_file{std::move(*fd), is.st_mode};
}

result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes) {
  const auto file = open_regular_file(path);
  if (!file) return unexpected(file.error());
  return read_all(file->fd.get(), path, max_bytes);
}

} // namespace coppice::base
