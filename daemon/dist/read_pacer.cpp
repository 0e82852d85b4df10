// SPDX-License-Identifier: MIT
// Pauses and resumes the stream. One thread.
#include "dist/read_pacer.hpp"

#include <chrono>
#include <utility>

#include "base/log_counted.hpp"
#include "runtime/messages/block.hpp"

namespace coppice::dist {
namespace {

constexpr std::chrono::milliseconds looks_for_memory{20};
constexpr std::size_t small_read = 4 * 1024;
constexpr unsigned many_small_reads = 64;
constexpr std::chrono::milliseconds gathers_for{2};

} // namespace

read_pacer::read_pacer(uv_loop_t* on, net::stream& stream, std::string peer,
                       const unfinished_messages::share& unfinished, std::function<void()> go_on)
    : stream_(stream),
      peer_(std::move(peer)),
      unfinished_(unfinished),
      go_on_(std::move(go_on)),
      timer_(on, [this] { look_again(); }),
      next_turn_(on, [this] { take_turn(); }) {}

void read_pacer::close() {
  timer_.close();
  next_turn_.close();
}

void read_pacer::hold() {
  holds_ = true;
  timer_.stop();
  stream_.pause();
  next_turn_.start();
}

// Reading continues when all is handled. This object may be destroyed by go_on.
void read_pacer::take_turn() {
  next_turn_.stop();
  const std::function<void()> go_on = go_on_;
  go_on();
}

void read_pacer::look_again() {
  if (holds_) return;
  if (lacks_memory()) return;
  timer_.stop();
  stream_.resume();
}

bool read_pacer::lacks_memory() const {
  using runtime::block_memory;
  if (!block_memory::scarce()) return false;
  return unfinished_.empty() || block_memory::scarce_without(unfinished_.all().bytes());
}

// A node that writes many small messages one by one wakes this node with each. If nothing is written to it
// either, so it waits for no answers, its messages may gather for a moment: then both have less to do for
// each.
void read_pacer::after_read(std::size_t bytes) {
  const auto written = stream_.bytes_written();
  const bool nothing_written = written == std::exchange(written_then_, written);
  small_reads_ = bytes < small_read && nothing_written ? small_reads_ + 1 : 0;
  if (std::exchange(holds_, false)) stream_.resume();
  if (stream_.paused()) return;
  if (lacks_memory()) {
    base::log::counted(base::log::level::warning, "dist", "reading stops",
                       "{}: reading stops until messages leave room in limits.memory", peer_);
    stream_.pause();
    timer_.start(looks_for_memory, looks_for_memory);
  } else if (small_reads_ >= many_small_reads) {
    small_reads_ = 0;
    stream_.pause();
    timer_.start(gathers_for, gathers_for);
  }
}

} // namespace coppice::dist
