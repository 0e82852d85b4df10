// SPDX-License-Identifier: MIT
// The life of an established connection: reading, net ticks, its end. One thread.
#include "dist/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log_counted.hpp"
#include "runtime/loop_work.hpp"
#include "runtime/messages/block.hpp"

namespace coppice::dist {
namespace {

constexpr std::uint32_t ticks_to_silence = 4;
// More ticks, because senders take turns: if many send large messages over a slow network, each waits long
// for its turn.
constexpr std::uint32_t ticks_to_unfinished = 4 * ticks_to_silence;

// Bytes of a link, monitor or call, estimated. Small changes are not counted.
constexpr std::size_t memory_of_relation = 128;
constexpr std::size_t worth_counting = 512 * memory_of_relation;

// Counts memory in node.limits.memory, as messages are: `counted` bytes were, `now` are from now on.
void count_memory(std::size_t& counted, std::size_t now) {
  const std::size_t change = now > counted ? now - counted : counted - now;
  if (change < worth_counting) return;
  runtime::block_memory::add(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(counted));
  counted = now;
}

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
      itself_(std::make_shared<connection*>(this)),
      unfinished_(owner.unfinished(),
                  [&system, home = static_cast<unsigned>(system.current_worker()),
                   alive = std::weak_ptr<connection*>(itself_)] {
                    system.post(home, [alive] {
                      if (const auto still = alive.lock()) (*still)->end_for_others();
                    });
                  }),
      pacer_(loop_here(system), stream_, peer.name, unfinished_, [this] { read(0); }),
      ticker_(loop_here(system), [this] { tick(); }) {
  if (const auto from = stream_.peer_address()) address_ = from->to_string();
  stream_.set_handler(*this);
  stream_.resume();
  const auto quarter = std::max(opts.ticktime / ticks_to_silence, std::chrono::milliseconds(1));
  ticker_.start(quarter, quarter);
}

connection::~connection() {
  runtime::block_memory::add(-static_cast<std::int64_t>(counted_relations_ + counted_unfinished_));
  at_end_.bytes = inbound_.held();
}

void connection::start(base::bytes_span leftover) {
  inbound_.append(leftover);
  read(leftover.size());
}

void connection::on_data(base::bytes_span bytes) {
  context_.counters.heard(base::wall_now());
  inbound_.commit(bytes.size());
  if (inbound_.needs_more()) {
    count_unfinished();
    return publish();
  }
  read(bytes.size());
}

// The connection may be destroyed when this returns.
void connection::read(std::size_t bytes) {
  const runtime::loop_work named(context_.ids.peer());
  if (auto handled = inbound_.handle(); !handled) return end(handled.error());
  end_if_overfull();
  count_unfinished();
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

void connection::send_ahead(const runtime::destination& to, runtime::signal_ptr what) {
  outbound_.send_ahead(to, std::move(what));
  end_if_overfull();
}

void connection::on_drained() {
  outbound_.write_large();
  publish();
  owner_.drained(*this);
}

// Beyond the limit the connection ends. The loop ends it later, because the caller may be in the middle of
// something.
void connection::end_if_overfull() {
  if (!outbound_.overfull() || ending_) return;
  ending_ = true;
  ticker_.start(std::chrono::milliseconds(0));
}

// Called when the incomplete messages of all nodes hold too much, and this connection holds the most of them.
void connection::end_for_others() {
  if (unfinished_.may_stay()) return;
  const auto largest = inbound_.unfinished().largest();
  const std::string what =
      largest.bytes > 0 ? fmt::format("{} of them of fragmented message {}", largest.bytes, largest.sequence)
                        : std::string("of one frame");
  base::log::counted(
      base::log::level::warning, "dist", "unfinished messages",
      "{}: holds the most of messages that have not ended, {} bytes, {}: ended, since those of "
      "all nodes have passed the {} bytes they may take of limits.memory",
      context_.peer.name, unfinished_.bytes(), what, unfinished_.all().most());
  end({base::errc::limit,
       fmt::format("{} bytes of messages that it had not ended, the most of all nodes when {} was passed",
                   unfinished_.bytes(), unfinished_.all().most())});
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
  if (const auto why = stream_.paused() ? hung_up() : unfinished_too_long()) return end(*why);
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

// A paused stream gets no callback for its end. Bytes that the peer sent before the end can be read until the
// next tick.
std::optional<base::error> connection::hung_up() {
  const bool before = std::exchange(hung_up_, stream_.hung_up());
  if (!before || !hung_up_) return std::nullopt;
  return base::error{base::errc::closed,
                     "the peer has closed, and what it sent before could not be read: messages leave no room "
                     "in limits.memory"};
}

// The connection ends, because dropping the message alone would leave its receiver waiting while the node
// counts as connected.
std::optional<base::error> connection::unfinished_too_long() {
  hung_up_ = false;
  inbound_.unfinished().grow_older();
  const auto oldest = inbound_.unfinished().oldest();
  if (oldest.idle <= ticks_to_unfinished) return std::nullopt;
  const auto time = context_.settings.ticktime * ticks_to_unfinished / ticks_to_silence;
  return base::error{base::errc::timeout,
                     fmt::format("nothing more came of fragmented message {}, of which it holds {} bytes, in "
                                 "{} ms (four times net_ticktime)",
                                 oldest.sequence, oldest.bytes, time.count())};
}

void connection::publish() {
  context_.counters.set_bytes(stream_.bytes_read(), stream_.bytes_written());
  context_.counters.set_relations(context_.relations.links(), context_.relations.monitors());
  count_relations();
  outbound_.publish();
}

void connection::count_relations() {
  count_memory(counted_relations_,
               (context_.relations.links() + context_.relations.monitors()) * memory_of_relation);
}

// Blocks of messages are counted by themselves.
void connection::count_unfinished() {
  unfinished_.set(inbound_.held());
  count_memory(counted_unfinished_, inbound_.outside_blocks());
}

} // namespace coppice::dist
