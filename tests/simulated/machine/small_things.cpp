// SPDX-License-Identifier: MIT
// Small descriptors: counters (eventfd), timers (timerfd), pipes, and watches of folders, which never report
// anything here.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "descriptors.hpp"
#include "hosts.hpp"
#include "waits.hpp"

namespace coppice::simulated {
namespace {

class counter final : public open_thing {
 public:
  counter(std::uint64_t begins, bool one_by_one) : value_(begins), one_by_one_(one_by_one) {}

  short ready() override { return static_cast<short>((value_ > 0 ? POLLIN : 0) | POLLOUT); }
  ssize_t read(std::span<const iovec> into) override {
    if (value_ == 0) return -EAGAIN;
    const std::uint64_t told = one_by_one_ ? 1 : value_;
    value_ -= told;
    scatter(into, reinterpret_cast<const char*>(&told), sizeof told);
    return sizeof told;
  }
  ssize_t write(std::span<const iovec> from) override {
    std::uint64_t more = 0;
    const std::string bytes = gather(from, sizeof more);
    if (bytes.size() < sizeof more) return -EINVAL;
    std::memcpy(&more, bytes.data(), sizeof more);
    value_ += more;
    changed();
    return sizeof more;
  }

 private:
  std::uint64_t value_;
  bool one_by_one_;
};

class timer final : public open_thing, public std::enable_shared_from_this<timer> {
 public:
  explicit timer(clockid_t clock) : clock_(clock) {}

  short ready() override { return expired_ > 0 || canceled_ ? POLLIN : 0; }
  ssize_t read(std::span<const iovec> into) override {
    if (std::exchange(canceled_, false)) return -ECANCELED;
    if (expired_ == 0) return -EAGAIN;
    const std::uint64_t told = std::exchange(expired_, 0);
    scatter(into, reinterpret_cast<const char*>(&told), sizeof told);
    return sizeof told;
  }
  void wall_clock_was_set() {
    if (clock_ != CLOCK_REALTIME) return;
    canceled_ = true;
    changed();
  }
  void set(int flags, const itimerspec& to) {
    expired_ = 0;
    canceled_ = false;
    ++setting_;
    const nanos first = to_nanos(to.it_value);
    if (first == 0) return;
    const bool absolute = (flags & TFD_TIMER_ABSTIME) != 0;
    if (clock_ == CLOCK_REALTIME && absolute) on_wall_clock(first, flags);
    arm(absolute ? on_monotonic(clock_, first) : now() + first, to_nanos(to.it_interval));
  }

 private:
  void arm(nanos when, nanos again) {
    if (when > now() + 365 * 86'400 * second) return; // no run lives as long
    at(when, [weak = weak_from_this(), setting = setting_, when, again] {
      const auto one = weak.lock();
      if (!one || one->setting_ != setting) return;
      ++one->expired_;
      one->changed();
      if (again > 0) one->arm(when + again, again);
    });
  }

  // All timers of the wall clock end far in the future here: they exist to be told that the clock is set.
  static void on_wall_clock(nanos when, int flags) {
    const bool is_far = when - wall_distance() > now() + 365 * 86'400 * second;
    if (!is_far || (flags & TFD_TIMER_CANCEL_ON_SET) == 0) not_simulated("a timer of the wall clock");
  }

  clockid_t clock_;
  bool canceled_ = false; // the wall clock was set
  std::uint64_t expired_ = 0;
  std::uint64_t setting_ = 0;
};

std::vector<std::weak_ptr<timer>>& all_timers() {
  static auto* const all = new std::vector<std::weak_ptr<timer>>; // NOLINT: lives as long as the process
  return *all;
}

struct pipe_bytes {
  std::string waiting;
  open_thing* reader = nullptr;
  open_thing* writer = nullptr;
};

constexpr std::size_t pipe_room = 65'536;

class pipe_reader final : public open_thing {
 public:
  explicit pipe_reader(std::shared_ptr<pipe_bytes> of) : of_(std::move(of)) { of_->reader = this; }
  short ready() override {
    return static_cast<short>((of_->waiting.empty() ? 0 : POLLIN) | (of_->writer == nullptr ? POLLHUP : 0));
  }
  ssize_t read(std::span<const iovec> into) override {
    if (of_->waiting.empty()) return of_->writer == nullptr ? 0 : -EAGAIN;
    const std::size_t count = std::min(size_of(into), of_->waiting.size());
    scatter(into, of_->waiting.data(), count);
    of_->waiting.erase(0, count);
    if (of_->writer != nullptr) of_->writer->changed();
    return static_cast<ssize_t>(count);
  }
  int unread() override { return static_cast<int>(of_->waiting.size()); }
  void close() override {
    of_->reader = nullptr;
    if (of_->writer != nullptr) of_->writer->changed();
  }

 private:
  std::shared_ptr<pipe_bytes> of_;
};

class pipe_writer final : public open_thing {
 public:
  explicit pipe_writer(std::shared_ptr<pipe_bytes> of) : of_(std::move(of)) { of_->writer = this; }
  short ready() override {
    if (of_->reader == nullptr) return POLLERR | POLLOUT;
    return of_->waiting.size() < pipe_room ? POLLOUT : 0;
  }
  ssize_t write(std::span<const iovec> from) override {
    if (of_->reader == nullptr) return -EPIPE;
    const std::string bytes = gather(from, pipe_room - std::min(pipe_room, of_->waiting.size()));
    if (bytes.empty() && size_of(from) > 0) return -EAGAIN;
    of_->waiting += bytes;
    of_->reader->changed();
    return static_cast<ssize_t>(bytes.size());
  }
  void close() override {
    of_->writer = nullptr;
    if (of_->reader != nullptr) of_->reader->changed();
  }

 private:
  std::shared_ptr<pipe_bytes> of_;
};

class folder_watch final : public open_thing {
 public:
  short ready() override { return 0; }
  ssize_t read(std::span<const iovec>) override { return -EAGAIN; }
  int next() { return ++watches_; }

 private:
  int watches_ = 0;
};

} // namespace

void set_wall_clock(unsigned host, nanos ahead) {
  note("clock", host, static_cast<std::uint64_t>(ahead));
  host_at(host).wall_ahead = ahead;
  for (const auto& weak : all_timers())
    if (const auto one = weak.lock(); one != nullptr && one->host == host) one->wall_clock_was_set();
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int eventfd(unsigned begins, int flags) noexcept {
  return open_as(std::make_shared<counter>(begins, (flags & EFD_SEMAPHORE) != 0),
                 (flags & EFD_NONBLOCK) == 0);
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  const auto made = std::make_shared<timer>(clock);
  if (clock == CLOCK_REALTIME) all_timers().push_back(made);
  return open_as(made, (flags & TFD_NONBLOCK) == 0);
}

int timerfd_settime(int fd, int flags, const itimerspec* to, itimerspec* before) noexcept {
  auto* const one = find_as<timer>(fd);
  if (one == nullptr) return said(-EBADF);
  if (before != nullptr) *before = {};
  one->set(flags, *to);
  return 0;
}

int pipe2(int* ends, int flags) noexcept {
  if (out_of_descriptors()) return said(-EMFILE);
  const auto bytes = std::make_shared<pipe_bytes>();
  const bool blocks = (flags & O_NONBLOCK) == 0;
  ends[0] = open_as(std::make_shared<pipe_reader>(bytes), blocks);
  ends[1] = open_as(std::make_shared<pipe_writer>(bytes), blocks);
  if (ends[1] < 0) close(ends[0]);
  return ends[1] < 0 ? said(-EMFILE) : 0;
}

int inotify_init1(int flags) noexcept {
  return open_as(std::make_shared<folder_watch>(), (flags & IN_NONBLOCK) == 0);
}

int inotify_add_watch(int fd, const char*, std::uint32_t) noexcept {
  auto* const one = find_as<folder_watch>(fd);
  return one == nullptr ? said(-EBADF) : one->next();
}

int inotify_rm_watch(int fd, int) noexcept {
  return find_as<folder_watch>(fd) == nullptr ? said(-EBADF) : 0;
}

} // extern "C"
