// SPDX-License-Identifier: MIT
// Life of an established connection: reading, net ticks, ending. One thread, the worker's.
#include "dist/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace coppice::dist {
namespace {

constexpr std::uint32_t ticks_to_silence = 4;

uv_loop_t* loop_here(runtime::system& system) {
  return system.loop(static_cast<unsigned>(system.current_worker()));
}

} // namespace

connection::connection(runtime::system& system, const options& opts, connection_owner& owner,
                       std::uint32_t peer_index, const peer_node& peer, net::stream stream)
    : owner_(owner),
      context_(system, opts, peer, peer_index),
      stream_(std::move(stream)),
      outbound_(context_, stream_),
      inbound_(context_, outbound_, owner.spawns()),
      pacer_(loop_here(system), stream_, peer.name, [this] { read(0); }),
      ticker_(loop_here(system), [this] { tick(); }) {
  if (const auto from = stream_.peer_address()) address_ = from->to_string();
  stream_.set_handler(*this);
  stream_.resume();
  const auto quarter = std::max(opts.ticktime / ticks_to_silence, std::chrono::milliseconds(1));
  ticker_.start(quarter, quarter);
}

void connection::start(base::bytes_span leftover) {
  inbound_.append(leftover);
  read(leftover.size());
}

void connection::on_data(base::bytes_span bytes) {
  inbound_.commit(bytes.size());
  if (inbound_.needs_more()) return publish();
  read(bytes.size());
}

// The connection may be gone when this returns.
void connection::read(std::size_t bytes) {
  if (auto handled = inbound_.handle(); !handled) return end(handled.error());
  end_if_overfull();
  inbound_.busy() ? pacer_.hold() : pacer_.after_read(bytes);
  publish();
}

void connection::send(const runtime::destination& to, runtime::signal_ptr what) {
  outbound_.send(to, std::move(what));
  end_if_overfull();
}

void connection::send(ready_frames all) {
  outbound_.send(std::move(all));
  end_if_overfull();
}

void connection::on_drained() {
  outbound_.write_large();
  publish();
  owner_.drained(*this);
}

// Beyond the limit the peer is given up. Whoever called may be in the middle of something: the end comes from
// the loop.
void connection::end_if_overfull() {
  if (!outbound_.overfull() || ending_) return;
  ending_ = true;
  ticker_.start(std::chrono::milliseconds(0));
}

void connection::end(const base::error& why) {
  if (ended_) return;
  ended_ = true;
  stream_.close();
  ticker_.close();
  pacer_.close();
  owner_.lost(*this, why);
}

void connection::tick() {
  const auto& settings = context_.settings;
  if (ending_) {
    return end(
        {base::errc::limit, fmt::format("the peer does not read: {} bytes are waiting for it, {} is the most",
                                        unsent(), settings.queue_limit)});
  }
  const auto read = stream_.bytes_read();
  if (read != read_at_tick_ || stream_.paused()) {
    silent_ticks_ = 0;
  } else if (++silent_ticks_ >= ticks_to_silence) {
    return end({base::errc::timeout,
                fmt::format("nothing heard for {} ms (net_ticktime): the peer hangs, or the network does not "
                            "carry; both nodes need the same ticktime",
                            settings.ticktime.count())});
  }
  read_at_tick_ = read;
  const auto written = stream_.bytes_written();
  const bool stalled = stream_.bytes_queued() > 0 && written == written_at_tick_;
  stalled_ticks_ = stalled ? stalled_ticks_ + 1 : 0;
  if (stalled_ticks_ >= ticks_to_silence) {
    return end({base::errc::timeout,
                fmt::format("the peer does not read: it took none of {} bytes that wait for it in {} ms "
                            "(net_ticktime)",
                            unsent(), settings.ticktime.count())});
  }
  written_at_tick_ = written;
  context_.counters.set_silent_ticks(silent_ticks_);
  outbound_.tick();
  publish();
}

void connection::publish() {
  context_.counters.set_bytes(stream_.bytes_read(), stream_.bytes_written());
  context_.counters.set_relations(context_.relations.links(), context_.relations.monitors());
  outbound_.publish();
}

} // namespace coppice::dist
