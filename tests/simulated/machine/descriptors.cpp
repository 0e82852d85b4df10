// SPDX-License-Identifier: MIT
// The table of descriptors, and the functions of libc that take any kind: read, write, close, dup, fcntl,
// ioctl. Descriptors that are not the machine's, such as files, go to the kernel. A read or write that
// cannot go on waits here, unless the descriptor does not block.
#include "descriptors.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "files.hpp"
#include "hosts.hpp"
#include "poll.hpp"
#include "real.hpp"

namespace coppice::simulated {
namespace {

std::vector<thing>& table() {
  static auto* const one = new std::vector<thing>; // NOLINT: lives as long as the process
  return *one;
}

thing* slot(int fd) {
  const auto at = static_cast<std::size_t>(fd - first_descriptor);
  return fd < first_descriptor || at >= table().size() || !table()[at] ? nullptr : &table()[at];
}

int lowest_free(std::size_t from) {
  auto& all = table();
  std::size_t at = from;
  while (at < all.size() && all[at]) ++at;
  if (at + first_descriptor >= most_descriptors) return -1;
  if (at >= all.size()) all.resize(at + 1);
  return static_cast<int>(at) + first_descriptor;
}

int close_number(int fd) {
  thing* const found = slot(fd);
  if (found == nullptr) return -EBADF;
  const thing one = std::move(*found);
  found->reset();
  if (one->numbers > 0 && --one->numbers == 0) one->close();
  return 0;
}

// Repeats `does`, and waits in between, until it returns something else than EAGAIN or the thing does not
// block.
template <class Does>
ssize_t in_time(open_thing& one, Does&& does) {
  for (;;) {
    const ssize_t outcome = does();
    if (outcome != -EAGAIN || !one.blocks) return outcome;
    one.await_change(never);
  }
}

int same_thing(int fd, std::size_t from) {
  const thing* const found = slot(fd);
  if (found == nullptr) return -EBADF;
  if (out_of_descriptors()) return -EMFILE;
  const thing copy = *found;
  const int number = lowest_free(from);
  if (number < 0) return -EMFILE;
  ++copy->numbers;
  table()[static_cast<std::size_t>(number - first_descriptor)] = copy;
  return number;
}

int control(int fd, int what, long argument) {
  open_thing* const one = find_thing(fd);
  if (one == nullptr) return -EBADF;
  switch (what) {
    case F_GETFL:
      return O_RDWR | (one->blocks ? 0 : O_NONBLOCK);
    case F_SETFL:
      one->blocks = (argument & O_NONBLOCK) == 0;
      return 0;
    case F_GETFD:
      return one->closes_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD:
      one->closes_on_exec = (argument & FD_CLOEXEC) != 0;
      return 0;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return same_thing(fd, static_cast<std::size_t>(std::max(argument - first_descriptor, 0L)));
    default:
      return -EINVAL;
  }
}

// The second descriptor is open on the same file as the first.
int also_open(int fd, int made) {
  if (made >= 0) note_file(made, file_at(fd));
  return made;
}

ssize_t read_pieces(int fd, std::span<const iovec> into) {
  const thing one = share_thing(fd);
  if (!one) return said<ssize_t>(-EBADF);
  point();
  return said(in_time(*one, [&] { return one->read(into); }));
}

ssize_t write_pieces(int fd, std::span<const iovec> from) {
  const thing one = share_thing(fd);
  if (!one) return said<ssize_t>(-EBADF);
  const ssize_t outcome = in_time(*one, [&] { return one->write(from); });
  point();
  return said(outcome);
}

} // namespace

// A thing that is made once, such as libuv's pipe for signals, belongs to the process and outlives any host.
open_thing::open_thing() : host(current() == nullptr || current()->in_once > 0 ? 0 : current()->host) {}

open_thing::~open_thing() {
  while (!sets.empty()) sets.back()->forget(*this);
}

ssize_t open_thing::read(std::span<const iovec>) {
  return -EINVAL;
}

ssize_t open_thing::write(std::span<const iovec>) {
  return -EINVAL;
}

void open_thing::changed() {
  wake_all(this);
  for (poll_set* one : sets) one->changed();
}

bool open_thing::await_change(nanos deadline) {
  return wait(this, deadline);
}

open_thing* find_thing(int fd) {
  const thing* const found = slot(fd);
  return found == nullptr ? nullptr : found->get();
}

thing share_thing(int fd) {
  const thing* const found = slot(fd);
  return found == nullptr ? nullptr : *found;
}

std::size_t open_descriptors(unsigned host) {
  const auto own = std::ranges::count_if(
      table(), [host](const thing& one) { return one != nullptr && one->numbers > 0 && one->host == host; });
  return static_cast<std::size_t>(own) + open_files_of(host);
}

bool out_of_descriptors() {
  if (current() == nullptr || current()->host == 0) return false;
  const std::size_t most = host_at(current()->host).most_open;
  return most != no_limit && open_descriptors(current()->host) >= most;
}

void limit_descriptors(unsigned host, std::size_t more, nanos length) {
  host_at(host).most_open = open_descriptors(host) + more;
  host_at(host).short_until = now() + length;
  at(now() + length, [host] {
    if (host_at(host).short_until <= now()) host_at(host).most_open = no_limit;
  });
}

int open_as(thing one, bool blocks) {
  if (out_of_descriptors()) return said(-EMFILE);
  const int number = lowest_free(0);
  if (number < 0) return said(-EMFILE);
  one->blocks = blocks;
  ++one->numbers;
  table()[static_cast<std::size_t>(number - first_descriptor)] = std::move(one);
  return number;
}

void close_all_of(unsigned host) {
  for (const thing& one : std::vector(table())) {
    if (!one || one->host != host || one->numbers == 0) continue;
    one->numbers = 0;
    one->close();
  }
}

unsigned open_things() {
  return static_cast<unsigned>(
      std::ranges::count_if(table(), [](const thing& one) { return one != nullptr; }));
}

template <class Number>
Number said(Number outcome) {
  if (outcome >= 0) return outcome;
  errno = static_cast<int>(-outcome);
  return -1;
}
template int said(int);
template ssize_t said(ssize_t);

std::size_t size_of(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& one : pieces) size += one.iov_len;
  return size;
}

std::string gather(std::span<const iovec> from, std::size_t most) {
  std::string out;
  for (const iovec& one : from) {
    const std::size_t part = std::min(one.iov_len, most - out.size());
    out.append(static_cast<const char*>(one.iov_base), part);
  }
  return out;
}

void scatter(std::span<const iovec> into, const char* from, std::size_t count) {
  for (const iovec& one : into) {
    const std::size_t part = std::min(one.iov_len, count);
    if (part > 0) std::memcpy(one.iov_base, from, part);
    from += part;
    count -= part;
  }
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

ssize_t read(int fd, void* into, size_t count) {
  if (!is_simulated(fd)) return kernel(SYS_read, fd, as_long(into), static_cast<long>(count));
  const iovec piece{into, count};
  return read_pieces(fd, {&piece, 1});
}

ssize_t readv(int fd, const iovec* into, int count) {
  if (!is_simulated(fd)) return kernel(SYS_readv, fd, as_long(into), count);
  return read_pieces(fd, {into, static_cast<std::size_t>(count)});
}

ssize_t write(int fd, const void* from, size_t count) {
  const iovec piece{const_cast<void*>(from), count};
  if (!is_simulated(fd)) return write_file(fd, {&piece, 1}, -1);
  return write_pieces(fd, {&piece, 1});
}

ssize_t writev(int fd, const iovec* from, int count) {
  if (!is_simulated(fd)) return write_file(fd, {from, static_cast<std::size_t>(count)}, -1);
  return write_pieces(fd, {from, static_cast<std::size_t>(count)});
}

int close(int fd) {
  if (!is_simulated(fd)) {
    forget_file(fd);
    return static_cast<int>(kernel(SYS_close, fd));
  }
  return said(close_number(fd));
}

int dup(int fd) noexcept {
  if (!is_simulated(fd) && out_of_descriptors()) return said(-EMFILE);
  if (!is_simulated(fd)) return also_open(fd, static_cast<int>(kernel(SYS_dup, fd)));
  return said(same_thing(fd, 0));
}

int dup3(int from, int to, int flags) noexcept {
  if (is_simulated(from) || is_simulated(to)) not_simulated("dup3");
  return static_cast<int>(kernel(SYS_dup3, from, to, flags));
}

int dup2(int from, int to) noexcept {
  if (from == to) return to;
  return dup3(from, to, 0);
}

int fcntl64(int fd, int what, ...) {
  va_list rest;
  va_start(rest, what);
  const long argument = va_arg(rest, long);
  va_end(rest);
  if (!is_simulated(fd)) {
    const bool opens = what == F_DUPFD || what == F_DUPFD_CLOEXEC;
    if (opens && out_of_descriptors()) return said(-EMFILE);
    const auto outcome = static_cast<int>(kernel(SYS_fcntl, fd, what, argument));
    return opens ? also_open(fd, outcome) : outcome;
  }
  return said(control(fd, what, argument));
}

int fcntl(int fd, int what, ...) {
  va_list rest;
  va_start(rest, what);
  const long argument = va_arg(rest, long);
  va_end(rest);
  return fcntl64(fd, what, argument);
}

int ioctl(int fd, unsigned long what, ...) noexcept {
  va_list rest;
  va_start(rest, what);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (!is_simulated(fd))
    return static_cast<int>(kernel(SYS_ioctl, fd, static_cast<long>(what), as_long(argument)));
  open_thing* const one = find_thing(fd);
  if (one == nullptr) return said(-EBADF);
  switch (what) {
    case FIONBIO:
      one->blocks = *static_cast<const int*>(argument) == 0;
      return 0;
    case FIOCLEX:
      one->closes_on_exec = true;
      return 0;
    case FIONCLEX:
      one->closes_on_exec = false;
      return 0;
    case FIONREAD:
      *static_cast<int*>(argument) = one->unread();
      return 0;
    default:
      return said(-ENOTTY);
  }
}

} // extern "C"
