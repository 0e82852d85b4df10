// SPDX-License-Identifier: MIT
// A set of things that a thread waits for: an epoll, or a set that poll() makes for the time of a call. The
// baton's holder.
#pragma once

#include <sys/epoll.h>

#include <vector>

#include "descriptors.hpp"

namespace coppice::simulated {

class poll_set final : public open_thing {
 public:
  ~poll_set() override;
  short ready() override; // POLLIN: something in it is

  // These return 0, or errno as a negative number.
  int add(int fd, open_thing& what, std::uint32_t events, epoll_data_t data);
  int change(int fd, const open_thing& what, std::uint32_t events, epoll_data_t data);
  int remove(int fd, const open_thing& what);
  // Removes a thing that is being destroyed.
  void forget(open_thing& what);
  // Returns the number of ready entries written to `into`. The seed chooses which is the first.
  int take(std::span<epoll_event> into);

 private:
  struct entry {
    int fd;
    open_thing* what;
    std::uint32_t events;
    epoll_data_t data;
  };
  entry* find(int fd, const open_thing& what);
  static std::uint32_t ready_of(const entry& one);
  void leave(open_thing& what);

  std::vector<entry> entries_;
};

} // namespace coppice::simulated
