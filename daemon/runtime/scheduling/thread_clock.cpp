// SPDX-License-Identifier: MIT
// Reads a thread's times from the kernel. See thread_clock.hpp. Sources: proc(5); for schedstat
// Documentation/scheduler/sched-stats.rst of the kernel: time on a processor and time ready without one, in
// ns. The latter grows only when the thread gets a processor. While the thread waits for one, only is known
// that it is not blocked.
#include "runtime/scheduling/thread_clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <string_view>

namespace coppice::runtime {
namespace {

// The beginning of a file, enough for a few numbers.
std::string_view start_of(int file, std::array<char, 512>& room) {
  const ssize_t got = file < 0 ? -1 : pread(file, room.data(), room.size(), 0);
  return {room.data(), got < 0 ? 0 : static_cast<std::size_t>(got)};
}

base::nanos used(clockid_t clock) {
  timespec ran{};
  if (clock_gettime(clock, &ran) != 0) return 0;
  return ran.tv_sec * base::nanos_per_second + ran.tv_nsec;
}

} // namespace

base::nanos thread_time() {
  return used(CLOCK_THREAD_CPUTIME_ID);
}

thread_clock::thread_clock()
    : schedule_(open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)),
      state_(open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC)) {
  if (pthread_getcpuclockid(pthread_self(), &clock_) != 0) clock_ = CLOCK_PROCESS_CPUTIME_ID;
}

thread_clock::~thread_clock() {
  if (schedule_ >= 0) close(schedule_);
  if (state_ >= 0) close(state_);
}

// The order matters, since the thread that reads may lose its processor in between. A thread that is found
// blocked has had a processor after all its waits until then, so the kernel has counted them; `waited`, which
// is read later, has them. The other way round, a wait that ends between the two would count as held.
thread_clock::reading thread_clock::read() const {
  reading now;
  now.wall = base::mono_now();
  now.blocked = blocked();
  now.ran = ran();
  if (now.ran == 0) return now;
  std::array<char, 512> room;
  const std::string_view text = start_of(schedule_, room);
  const std::size_t second = text.find(' ');
  if (second == std::string_view::npos) return now;
  now.complete =
      std::from_chars(text.data() + second + 1, text.data() + text.size(), now.waited).ec == std::errc{};
  return now;
}

base::nanos thread_clock::ran() const {
  return used(clock_);
}

// The state is the third field. The second is the thread's name in brackets, which may contain any character.
bool thread_clock::blocked() const {
  std::array<char, 512> room;
  const std::string_view text = start_of(state_, room);
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string_view::npos && name_end + 2 < text.size() && text[name_end + 2] != 'R';
}

base::nanos held_between(const thread_clock::reading& first, const thread_clock::reading& second,
                         base::nanos since) {
  const base::nanos before = std::max<base::nanos>(0, since - first.wall);
  const base::nanos whole = second.wall - first.wall;
  if (!first.complete || !second.complete) return std::max<base::nanos>(0, whole - before);
  const base::nanos held = second.blocked ? whole - (second.waited - first.waited) : second.ran - first.ran;
  return std::max<base::nanos>(0, held - before);
}

} // namespace coppice::runtime
