// SPDX-License-Identifier: MIT
// Life of an established connection: reading, ticking, ending. What arrives is turned into signals in
// connection_in.cpp, what leaves into control messages in connection_out.cpp. One thread, the worker's.
#include "dist/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "dist/flags.hpp"
#include "runtime/block.hpp"

namespace coppice::dist {
namespace {

constexpr std::size_t read_at_once = 64 * 1024;
constexpr std::size_t read_at_most = 1024 * 1024; // of a frame, at a time
constexpr std::size_t keep_buffer = 256 * 1024;   // memory kept between frames
// Frames this long get memory of their own, but for those longer than is given for the asking; and so much is
// read behind them, where most likely another one begins.
constexpr std::size_t long_frame = 32 * 1024;
constexpr std::size_t read_behind = 4 * 1024;
constexpr std::size_t worth_a_write = 32; // messages
constexpr int ticks_to_silence = 4;
constexpr std::chrono::milliseconds looks_for_memory{20};
constexpr std::size_t small_read = 4 * 1024;
constexpr unsigned many_small_reads = 64;
constexpr std::chrono::milliseconds gathers_for{2};

std::optional<compression_settings> compression_towards(const peer_node& peer, const options& opts) {
  if ((peer.capabilities & handshake_message::capability::lz4) == 0) return std::nullopt;
  return opts.compression;
}

bool takes_short_forms(const peer_node& peer) {
  return (peer.capabilities & handshake_message::capability::short_forms) != 0;
}

} // namespace

connection::connection(runtime::system& system, const options& opts, connection_owner& owner,
                       std::uint32_t peer_index, const peer_node& peer, bool outgoing, net::stream stream)
    : system_(system),
      options_(opts),
      owner_(owner),
      peer_(peer),
      outgoing_(outgoing),
      ids_(system.nodes(), peer_index),
      short_forms_(takes_short_forms(peer)),
      unpacker_(opts.term_limits, peer.capabilities),
      packer_(peer.flags, compression_towards(peer, opts), peer.capabilities == 0),
      stream_(std::move(stream)),
      ticker_(system.loop(static_cast<unsigned>(system.current_worker())), [this] { tick(); }),
      reader_(system.loop(static_cast<unsigned>(system.current_worker())), [this] {
        if (runtime::block_memory::scarce()) return;
        reader_.stop();
        stream_.resume();
      }) {
  if (const auto address = stream_.peer_address()) address_ = address->to_string();
  stream_.set_handler(*this);
  stream_.resume();
  stream_.set_low_mark(std::min(large_window, options_.busy_limit) / 2);
  const auto quarter = std::max(options_.ticktime / ticks_to_silence, std::chrono::milliseconds(1));
  ticker_.start(quarter, quarter);
}

std::size_t connection::ready_below() const {
  return short_forms_ ? packer_.sent_as_it_is_below() : 0;
}

void connection::start(base::bytes_span leftover) {
  in_.append(leftover);
  if (read_frames()) took_messages();
}

// The stream is read once a turn: as much as keeps what handles it busy.
std::span<std::uint8_t> connection::read_space() {
  if (long_size_ > 0) return long_.room();
  std::size_t wanted = longest_seen_ < long_frame ? read_at_once : read_behind;
  longest_seen_ = 0;
  if (in_.size() >= 4) {
    const std::size_t frame = std::size_t{4} + base::load_be32(in_.data());
    if (frame >= long_frame && frame <= read_at_most && long_.reserve(frame + read_behind)) {
      long_size_ = frame;
      long_.append(in_.readable());
      in_.clear();
      return long_.room();
    }
    wanted = std::clamp(frame - std::min(frame, in_.size()), wanted, read_at_most);
  }
  return in_.prepare(wanted).first(wanted);
}

void connection::on_data(base::bytes_span bytes) {
  if (long_size_ == 0) {
    in_.commit(bytes.size());
  } else {
    long_.commit(bytes.size());
    if (long_.size() < long_size_) return publish();
    if (!take_long_frame()) return;
  }
  if (!read_frames()) return;
  took_messages();
  gather_reads(bytes.size());
  publish();
}

// A node that writes each of many small messages by itself wakes this one with each. While nothing is
// written to it either (it waits for no answers) they are left to gather for a moment, and both have less to
// do for each.
void connection::gather_reads(std::size_t size) {
  const auto written = stream_.bytes_written();
  small_reads_ = size < small_read && written == std::exchange(written_then_, written) ? small_reads_ + 1 : 0;
  if (small_reads_ < many_small_reads || stream_.paused()) return;
  small_reads_ = 0;
  stream_.pause();
  reader_.start(gathers_for, gathers_for);
}

// As read_frames().
bool connection::take_long_frame() {
  const std::size_t size = std::exchange(long_size_, 0);
  const runtime::message memory = long_.take();
  in_.append(memory.bytes().subspan(size));
  return take_frame(memory.bytes().subspan(4, size - 4), memory);
}

// False when the connection has ended, and is gone.
bool connection::take_frame(base::bytes_span whole, const runtime::message& memory) {
  longest_seen_ = std::max(longest_seen_, whole.size());
  auto taken = unpacker_.take(whole, memory);
  if (!taken) {
    end(taken.error());
    return false;
  }
  if (!*taken) return true;
  ++handled_;
  if (auto done = handle(**taken); !done) {
    end(done.error());
    return false;
  }
  return true;
}

void connection::took_messages() {
  const std::size_t count = std::exchange(handled_, 0);
  counters_.messages_in.fetch_add(count, std::memory_order_relaxed);
  gathered_ = 0;
  gather_ = std::max(worth_a_write, count / 4);
  answers_due_ = count;
  if (runtime::block_memory::scarce()) rest_while_scarce();
}

// As take_frame().
bool connection::read_frames() {
  const std::size_t longest = options_.term_limits.bytes + 64 * 1024;
  auto rest = in_.readable();
  for (;;) {
    const auto whole = next_frame(rest, longest);
    if (!whole) {
      end(whole.error());
      return false;
    }
    if (!*whole) break;
    if (!(*whole)->empty() && !take_frame(**whole, {})) return false;
  }
  in_.consume(in_.size() - rest.size());
  if (in_.empty()) in_.shrink(keep_buffer);
  return true;
}

// Messages fill the node's memory: let the peers keep theirs. The tick does not judge meanwhile.
void connection::rest_while_scarce() {
  if (stream_.paused()) return;
  base::log::warning("dist", "{}: reading stops until messages leave room in limits.memory", peer_.name);
  stream_.pause();
  reader_.start(looks_for_memory, looks_for_memory);
}

void connection::on_flushed() {
  publish();
}

void connection::on_drained() {
  feed_large();
  publish();
  owner_.drained(*this);
}

void connection::on_closed(base::error why) {
  end(why);
}

void connection::end(const base::error& why) {
  if (ended_) return;
  ended_ = true;
  stream_.close();
  ticker_.close();
  reader_.close();
  owner_.lost(*this, why);
}

void connection::tell_processes(const bounce& never_sent) {
  for (const auto& [sender, one] : large_) {
    tell_sender(*one.signal);
    for (const auto& [to, what] : one.behind) never_sent(to, *what);
  }
  relations_.lost([this](const runtime::destination& to, runtime::signal_ptr what) {
    system_.deliver(to, std::move(what));
  });
}

void connection::tick() {
  if (overfull_) {
    return end(
        {base::errc::limit, fmt::format("the peer does not read: {} bytes are waiting for it, {} is the most",
                                        unsent(), options_.queue_limit)});
  }
  const auto read = stream_.bytes_read();
  if (read != read_at_tick_ || stream_.paused()) {
    silent_ticks_ = 0;
  } else if (++silent_ticks_ >= ticks_to_silence) {
    return end({base::errc::timeout,
                fmt::format("nothing heard for {} ms (net_ticktime): the peer hangs, or the network does not "
                            "carry; both nodes need the same ticktime",
                            options_.ticktime.count())});
  }
  read_at_tick_ = read;
  counters_.silent_ticks.store(static_cast<std::uint32_t>(silent_ticks_), std::memory_order_relaxed);
  if (std::exchange(idle_, true)) packer_.tick(stream_);
  publish();
}

void connection::publish() {
  constexpr auto relaxed = std::memory_order_relaxed;
  counters_.bytes_in.store(stream_.bytes_read(), relaxed);
  counters_.bytes_out.store(stream_.bytes_written(), relaxed);
  counters_.queued.store(unsent() + large_bytes_, relaxed);
  counters_.links.store(relations_.links(), relaxed);
  counters_.monitors.store(relations_.monitors(), relaxed);
}

} // namespace coppice::dist
