// SPDX-License-Identifier: MIT
// Descriptors of the machine: numbers from first_descriptor on, each of an open thing that several numbers
// may share. Numbers below are the kernel's. Functions on descriptors are in descriptors.cpp, readiness is in
// poll.cpp. The baton's holder.
#pragma once

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "machine.hpp"

namespace coppice::simulated {

inline constexpr int first_descriptor = 512;
inline constexpr int most_descriptors = 16'384; // the limit that the product is told

class poll_set;

// What is open. Functions that do something say what errno would be as a negative number.
class open_thing {
 public:
  open_thing();
  virtual ~open_thing();
  open_thing(const open_thing&) = delete;
  open_thing& operator=(const open_thing&) = delete;

  // POLLIN, POLLOUT, POLLRDHUP, POLLHUP and POLLERR, as far as they hold now.
  virtual short ready() = 0;
  virtual ssize_t read(std::span<const iovec> into);
  virtual ssize_t write(std::span<const iovec> from);
  // The bytes that could be read now; FIONREAD.
  virtual int unread() { return 0; }
  // The last number of it was closed.
  virtual void close() {}

  // Threads that wait for it, or for a set that it is in, look again.
  void changed();
  // Until it changes. False: the deadline came.
  bool await_change(nanos deadline);

  bool blocks = true;
  bool closes_on_exec = false;
  unsigned host;
  unsigned numbers = 0; // that stand for it
  std::vector<poll_set*> sets;
};

using thing = std::shared_ptr<open_thing>;

// Null: not one of the machine's.
open_thing* find_thing(int fd);
thing share_thing(int fd);
template <class Kind>
Kind* find_as(int fd) {
  return dynamic_cast<Kind*>(find_thing(fd));
}
// The new number, or -1 with errno.
int open_as(thing one, bool blocks);
inline bool is_simulated(int fd) {
  return fd >= first_descriptor;
}
// All that threads of the host have opened, as the kernel does when a program ends. The numbers stay taken: a
// thread of libuv's pool, which the hosts share, may still have one.
void close_all_of(unsigned host);
unsigned open_things();

// errno and -1 for a negative number.
template <class Number>
Number said(Number outcome);

// What a list of pieces has room for, and copying out of it and into it.
std::size_t size_of(std::span<const iovec> pieces);
std::string gather(std::span<const iovec> from, std::size_t most);
void scatter(std::span<const iovec> into, const char* from, std::size_t count);

} // namespace coppice::simulated
