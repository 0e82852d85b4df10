// SPDX-License-Identifier: MIT
// Descriptors of the machine: numbers from first_descriptor on, each for an open thing that several numbers
// may share. Lower numbers are the kernel's. Functions on descriptors are in descriptors.cpp, readiness is
// in poll.cpp. The baton's holder.
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

// An open thing, such as a socket. Functions return the value of errno as a negative number.
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
  // The number of bytes that could be read now, for FIONREAD.
  virtual int unread() { return 0; }
  // Called when the last number of the thing was closed.
  virtual void close() {}

  // Makes threads look again that wait for this thing, or for a set that it is in.
  void changed();
  // Waits until the thing changes. False: the deadline came first.
  bool await_change(nanos deadline);

  bool blocks = true;
  bool closes_on_exec = false;
  unsigned host;
  unsigned numbers = 0; // how many numbers stand for it
  std::vector<poll_set*> sets;
};

using thing = std::shared_ptr<open_thing>;

// Null: not a descriptor of the machine.
open_thing* find_thing(int fd);
thing share_thing(int fd);
template <class Kind>
Kind* find_as(int fd) {
  return dynamic_cast<Kind*>(find_thing(fd));
}
// Returns the new number, or -1 with errno.
int open_as(thing one, bool blocks);
inline bool is_simulated(int fd) {
  return fd >= first_descriptor;
}
// Whether the host of this thread has as many descriptors as it may have. Then nothing can be opened.
bool out_of_descriptors();
// Closes all that threads of the host have opened, as the kernel does when a program ends. The numbers stay
// taken: a thread of libuv's pool, which the hosts share, may still have one.
void close_all_of(unsigned host);
unsigned open_things();
// How many descriptors threads of the host have open, files among them.
std::size_t open_descriptors(unsigned host);

// For a negative number: sets errno and returns -1.
template <class Number>
Number said(Number outcome);

// The room in a list of pieces, and copying out of such a list and into it.
std::size_t size_of(std::span<const iovec> pieces);
std::string gather(std::span<const iovec> from, std::size_t most);
void scatter(std::span<const iovec> into, const char* from, std::size_t count);

} // namespace coppice::simulated
