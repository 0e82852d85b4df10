// SPDX-License-Identifier: MIT
// epoll and poll. Readiness is checked when a thread begins to wait, and whenever something in its set has
// changed. Only level-triggered, which is all that libuv and the product use.
#include "poll.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <functional>

namespace coppice::simulated {
namespace {

constexpr std::uint32_t always = POLLERR | POLLHUP;
constexpr std::uint32_t unsupported = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE;

nanos deadline_in(int milliseconds) {
  return milliseconds < 0 ? never : now() + milliseconds * millisecond;
}

int await(poll_set& set, std::span<epoll_event> into, int milliseconds) {
  const nanos deadline = deadline_in(milliseconds);
  point();
  for (;;) {
    const int found = set.take(into);
    if (found > 0 || milliseconds == 0) return found;
    if (now() >= deadline) return 0;
    set.await_change(deadline);
  }
}

} // namespace

poll_set::~poll_set() {
  for (const entry& one : entries_) std::erase(one.what->sets, this);
}

short poll_set::ready() {
  const bool any = std::ranges::any_of(entries_, [](const entry& one) { return ready_of(one) != 0; });
  return any ? POLLIN : 0;
}

std::uint32_t poll_set::ready_of(const entry& one) {
  return static_cast<std::uint32_t>(one.what->ready()) & (one.events | always);
}

poll_set::entry* poll_set::find(int fd, const open_thing& what) {
  const auto found =
      std::ranges::find_if(entries_, [&](const entry& one) { return one.fd == fd && one.what == &what; });
  return found == entries_.end() ? nullptr : &*found;
}

int poll_set::add(int fd, open_thing& what, std::uint32_t events, epoll_data_t data) {
  if ((events & unsupported) != 0) not_simulated("an epoll that tells of changes alone");
  if (find(fd, what) != nullptr) return -EEXIST;
  entries_.push_back({fd, &what, events, data});
  what.sets.push_back(this);
  changed();
  return 0;
}

int poll_set::change(int fd, const open_thing& what, std::uint32_t events, epoll_data_t data) {
  entry* const found = find(fd, what);
  if (found == nullptr) return -ENOENT;
  found->events = events;
  found->data = data;
  changed();
  return 0;
}

int poll_set::remove(int fd, const open_thing& what) {
  entry* const found = find(fd, what);
  if (found == nullptr) return -ENOENT;
  open_thing& left = *found->what;
  entries_.erase(entries_.begin() + (found - entries_.data()));
  leave(left);
  return 0;
}

void poll_set::forget(open_thing& what) {
  std::erase_if(entries_, [&what](const entry& one) { return one.what == &what; });
  leave(what);
}

void poll_set::leave(open_thing& what) {
  if (std::ranges::none_of(entries_, [&what](const entry& one) { return one.what == &what; }))
    std::erase(what.sets, this);
}

int poll_set::take(std::span<epoll_event> into) {
  std::vector<epoll_event> found;
  if (spoiled().by_address) std::ranges::sort(entries_, std::greater(), &entry::what);
  for (const entry& one : entries_)
    if (const std::uint32_t events = ready_of(one); events != 0) {
      epoll_event& told = found.emplace_back();
      told.events = events;
      told.data = one.data;
    }
  if (found.size() > 1)
    std::ranges::rotate(found, found.begin() + static_cast<std::ptrdiff_t>(draw_below(found.size())));
  const std::size_t count = std::min(found.size(), into.size());
  std::copy_n(found.begin(), count, into.begin());
  return static_cast<int>(count);
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int epoll_create1(int) noexcept {
  return open_as(std::make_shared<poll_set>(), true);
}

int epoll_create(int) noexcept {
  return epoll_create1(0);
}

int epoll_ctl(int on, int what, int fd, epoll_event* event) noexcept {
  auto* const set = find_as<poll_set>(on);
  if (set == nullptr) return said(-EBADF);
  if (!is_simulated(fd)) return said(-EPERM); // a file, which is always ready
  open_thing* const one = find_thing(fd);
  if (one == nullptr) return said(-EBADF);
  if (what == EPOLL_CTL_ADD) return said(set->add(fd, *one, event->events, event->data));
  if (what == EPOLL_CTL_MOD) return said(set->change(fd, *one, event->events, event->data));
  return said(set->remove(fd, *one));
}

int epoll_pwait(int on, epoll_event* into, int most, int milliseconds, const sigset_t*) {
  const thing held = share_thing(on);
  auto* const set = dynamic_cast<poll_set*>(held.get());
  if (set == nullptr) return said(-EBADF);
  return await(*set, {into, static_cast<std::size_t>(most)}, milliseconds);
}

int epoll_wait(int on, epoll_event* into, int most, int milliseconds) {
  return epoll_pwait(on, into, most, milliseconds, nullptr);
}

int poll(pollfd* all, nfds_t count, int milliseconds) {
  const auto set = std::make_shared<poll_set>();
  int already = 0;
  for (nfds_t at = 0; at < count; ++at) {
    pollfd& one = all[at];
    one.revents = 0;
    if (one.fd < 0) continue;
    open_thing* const what = find_thing(one.fd);
    if (what != nullptr) {
      epoll_data_t data{};
      data.u64 = at;
      (void)set->add(one.fd, *what, static_cast<std::uint32_t>(one.events), data);
      continue;
    }
    one.revents = is_simulated(one.fd) ? static_cast<short>(POLLNVAL)
                                       : static_cast<short>(one.events & (POLLIN | POLLOUT));
    if (one.revents != 0) ++already;
  }
  std::vector<epoll_event> found(std::max<std::size_t>(count, 1));
  const int more = await(*set, found, already > 0 ? 0 : milliseconds);
  for (int at = 0; at < more; ++at) {
    const epoll_event& told = found[static_cast<std::size_t>(at)];
    all[told.data.u64].revents = static_cast<short>(told.events);
  }
  return already + more;
}

} // extern "C"
