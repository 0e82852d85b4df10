// SPDX-License-Identifier: MIT
// The functions of libc that make, write, name and sync files. The files are real; changes of files on a
// host's disk are also recorded there (disk.hpp). A full disk refuses writes that would make a file longer.
// /proc and /sys appear empty, because their contents come from the real machine and differ from run to run.
#include "files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "descriptors.hpp"
#include "real.hpp"

namespace coppice::simulated {
namespace {

struct open_file {
  unsigned host = 0; // the host of the thread that opened it
  entry_ptr of;
};

std::array<open_file, first_descriptor>& open_files() {
  static auto* const all =
      new std::array<open_file, first_descriptor>; // NOLINT: lives as long as the process
  return *all;
}

bool tells_of_the_real_machine(const char* path) {
  return std::strncmp(path, "/proc/", 6) == 0 || std::strncmp(path, "/sys/", 5) == 0;
}

disk_place place_of(int above, const char* path) {
  if (current() == nullptr) return {};
  if (above == AT_FDCWD || path[0] == '/') return find_place(path);
  const entry_ptr folder = file_at(above);
  return folder ? find_place(path, folder) : disk_place{};
}

bool is_full(const entry_ptr& of) {
  return of && !of->gone && disk_of(of->host).full;
}

std::uint64_t size_of_file(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// The entry of the file opened at that place. It is new if the call has made the file.
entry_ptr entry_of_opened(const disk_place& at, int fd, int flags, bool was_there) {
  struct stat info {};
  if (!at.folder || fstat(fd, &info) != 0) return nullptr;
  if (const entry_ptr known = at.entry()) {
    if ((flags & O_TRUNC) != 0 && !known->is_folder) note_size(*known, file_change::kind::cut, 0);
    return known;
  }
  if (was_there || !S_ISREG(info.st_mode)) return nullptr; // a link, or a socket's name
  const entry_ptr made = make_entry(at.folder->host, false, info.st_mode & 07777);
  give_name(at, made);
  return made;
}

bool is_there(int above, const char* path) {
  return kernel(SYS_faccessat, above, as_long(path), F_OK) == 0;
}

int open_file_at(int above, const char* path, int flags, unsigned mode) {
  if (out_of_descriptors()) return said(-EMFILE);
  if (current() != nullptr && tells_of_the_real_machine(path)) return said(-ENOENT);
  const disk_place at = place_of(above, path);
  const bool was_there = is_there(above, path);
  if (!was_there && (flags & O_CREAT) != 0 && is_full(at.folder) && one_in(4)) return said(-ENOSPC);
  const int made = static_cast<int>(kernel(SYS_openat, above, as_long(path), flags, mode));
  if (made >= 0) note_file(made, entry_of_opened(at, made, flags, was_there));
  return made;
}

FILE* open_stream(const char* path, const char* mode) {
  static auto* const does = real<FILE*(const char*, const char*)>("fopen64");
  if (current() == nullptr) return does(path, mode);
  const bool hidden = tells_of_the_real_machine(path);
  if (hidden || out_of_descriptors()) {
    errno = hidden ? ENOENT : EMFILE;
    return nullptr;
  }
  const disk_place at = place_of(AT_FDCWD, path);
  const bool was_there = is_there(AT_FDCWD, path);
  FILE* const made = does(path, mode);
  if (made != nullptr)
    note_file(fileno(made), entry_of_opened(at, fileno(made), mode[0] == 'w' ? O_TRUNC : 0, was_there));
  return made;
}

// How many bytes of a write have room. A full disk may accept a part of a write.
std::size_t room_for(const entry_ptr& to, std::uint64_t start, std::uint64_t size, std::size_t count) {
  if (start + count <= size || !is_full(to)) return count;
  const std::size_t inside = start < size ? size - start : 0;
  return inside + (one_in(3) ? draw_below(count - inside) : 0);
}

// Replaces the last six characters by drawn ones until the name is free. `make` returns -1 with EEXIST if it
// is not.
template <class Make>
int with_drawn_name(char* name, Make&& make) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  char* const drawn = name + std::strlen(name) - 6;
  for (;;) {
    for (int at = 0; at < 6; ++at) drawn[at] = letters[draw_below(letters.size())];
    const int made = make();
    if (made >= 0 || errno != EEXIST) return made;
  }
}

int remove_at(int above, const char* path, int flags) {
  const disk_place at = place_of(above, path);
  const int done = static_cast<int>(kernel(SYS_unlinkat, above, as_long(path), flags));
  if (done == 0 && at.folder) take_name(at);
  return done;
}

int make_longer(int fd, std::uint64_t size) {
  const entry_ptr of = file_at(fd);
  const std::uint64_t before = size_of_file(fd);
  if (size <= before) return 0;
  const bool full = is_full(of);
  const std::uint64_t after = full ? before + draw_below(size - before) : size; // a part may be made
  if (kernel(SYS_ftruncate, fd, static_cast<long>(after)) != 0) return errno;
  if (of && after > before) note_size(*of, file_change::kind::reserve, after);
  return full ? ENOSPC : 0;
}

int sync_file(int fd) {
  if (current() == nullptr) return 0;
  point();
  const entry_ptr of = file_at(fd);
  return of && !of->gone ? said(-sync_entry(of)) : 0;
}

} // namespace

void note_file(int fd, entry_ptr of) {
  if (fd >= 0 && fd < first_descriptor && current() != nullptr)
    open_files()[static_cast<std::size_t>(fd)] = {current()->host, std::move(of)};
}

void forget_file(int fd) {
  if (fd >= 0 && fd < first_descriptor) open_files()[static_cast<std::size_t>(fd)] = {};
}

entry_ptr file_at(int fd) {
  return fd >= 0 && fd < first_descriptor ? open_files()[static_cast<std::size_t>(fd)].of : nullptr;
}

void close_files_of(unsigned host) {
  for (std::size_t fd = 0; fd < first_descriptor; ++fd)
    if (open_files()[fd].host == host) close(static_cast<int>(fd));
}

std::size_t open_files_of(unsigned host) {
  return static_cast<std::size_t>(
      std::ranges::count_if(open_files(), [host](const open_file& one) { return one.host == host; }));
}

ssize_t write_file(int fd, std::span<const iovec> from, off64_t offset) {
  const entry_ptr to = file_at(fd);
  if (!to || current() == nullptr) {
    if (offset < 0) return kernel(SYS_writev, fd, as_long(from.data()), static_cast<long>(from.size()));
    return kernel(SYS_pwritev, fd, as_long(from.data()), static_cast<long>(from.size()), offset);
  }
  const std::uint64_t size = size_of_file(fd);
  if ((kernel(SYS_fcntl, fd, F_GETFL) & O_APPEND) != 0) kernel(SYS_lseek, fd, 0, SEEK_END);
  const auto start = static_cast<std::uint64_t>(offset < 0 ? kernel(SYS_lseek, fd, 0, SEEK_CUR) : offset);
  const std::size_t count = room_for(to, start, size, size_of(from));
  if (count == 0 && size_of(from) > 0) return said<ssize_t>(-ENOSPC);
  const std::string bytes = gather(from, count);
  const long done = offset < 0
                        ? kernel(SYS_write, fd, as_long(bytes.data()), static_cast<long>(count))
                        : kernel(SYS_pwrite64, fd, as_long(bytes.data()), static_cast<long>(count), offset);
  if (done > 0) note_write(*to, start, std::string_view(bytes).substr(0, static_cast<std::size_t>(done)));
  point();
  return done;
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int openat64(int above, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<unsigned>(va_arg(rest, int));
  va_end(rest);
  return open_file_at(above, path, flags, mode);
}

int openat(int above, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<unsigned>(va_arg(rest, int));
  va_end(rest);
  return open_file_at(above, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<unsigned>(va_arg(rest, int));
  va_end(rest);
  return open_file_at(AT_FDCWD, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<unsigned>(va_arg(rest, int));
  va_end(rest);
  return open_file_at(AT_FDCWD, path, flags, mode);
}

int __open64_2(const char* path, int flags) {
  return open_file_at(AT_FDCWD, path, flags, 0);
}

FILE* fopen64(const char* path, const char* mode) {
  return open_stream(path, mode);
}

FILE* fopen(const char* path, const char* mode) {
  return open_stream(path, mode);
}

int fclose(FILE* which) {
  static auto* const does = real<int(FILE*)>("fclose");
  if (current() != nullptr) forget_file(fileno(which));
  return does(which);
}

DIR* opendir(const char* path) {
  static auto* const does = real<DIR*(const char*)>("opendir");
  if (current() == nullptr || !tells_of_the_real_machine(path)) return does(path);
  errno = ENOENT;
  return nullptr;
}

int mkstemp64(char* name) {
  static auto* const does = real<int(char*)>("mkstemp64");
  if (current() == nullptr) return does(name);
  return with_drawn_name(
      name, [name] { return open_file_at(AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); });
}

char* mkdtemp(char* name) noexcept {
  static auto* const does = real<char*(char*)>("mkdtemp");
  if (current() == nullptr) return does(name);
  return with_drawn_name(name, [name] { return mkdir(name, 0700); }) == 0 ? name : nullptr;
}

int mkdir(const char* path, mode_t mode) noexcept {
  const disk_place at = place_of(AT_FDCWD, path);
  const int done = static_cast<int>(kernel(SYS_mkdir, as_long(path), mode));
  if (done == 0 && at.folder) give_name(at, make_entry(at.folder->host, true, mode));
  return done;
}

int rename(const char* from, const char* to) noexcept {
  const disk_place old_place = place_of(AT_FDCWD, from);
  const disk_place new_place = place_of(AT_FDCWD, to);
  const int done = static_cast<int>(kernel(SYS_rename, as_long(from), as_long(to)));
  if (done == 0 && old_place.entry() && new_place.folder) move_name(old_place, new_place);
  return done;
}

int link(const char* from, const char* to) noexcept {
  const disk_place old_place = place_of(AT_FDCWD, from);
  const disk_place new_place = place_of(AT_FDCWD, to);
  const int done = static_cast<int>(kernel(SYS_link, as_long(from), as_long(to)));
  if (done == 0 && old_place.entry() && new_place.folder) give_name(new_place, old_place.entry());
  return done;
}

int unlinkat(int above, const char* path, int flags) noexcept {
  return remove_at(above, path, flags);
}

int unlink(const char* path) noexcept {
  return remove_at(AT_FDCWD, path, 0);
}

int rmdir(const char* path) noexcept {
  return remove_at(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char* path) noexcept {
  const int done = remove_at(AT_FDCWD, path, 0);
  return done != 0 && errno == EISDIR ? remove_at(AT_FDCWD, path, AT_REMOVEDIR) : done;
}

ssize_t pwrite64(int fd, const void* from, size_t count, off64_t offset) {
  const iovec piece{const_cast<void*>(from), count};
  return write_file(fd, {&piece, 1}, offset);
}

ssize_t pwrite(int fd, const void* from, size_t count, off_t offset) {
  return pwrite64(fd, from, count, offset);
}

int ftruncate64(int fd, off64_t size) noexcept {
  const int done = static_cast<int>(kernel(SYS_ftruncate, fd, size));
  if (const entry_ptr of = file_at(fd); done == 0 && of)
    note_size(*of, file_change::kind::cut, static_cast<std::uint64_t>(size));
  return done;
}

int ftruncate(int fd, off_t size) noexcept {
  return ftruncate64(fd, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  if (mode != 0) return said(-EOPNOTSUPP);
  return said(-make_longer(fd, static_cast<std::uint64_t>(offset + size)));
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  return fallocate64(fd, mode, offset, size);
}

int fsync(int fd) {
  return sync_file(fd);
}

int fdatasync(int fd) {
  return sync_file(fd);
}

} // extern "C"
