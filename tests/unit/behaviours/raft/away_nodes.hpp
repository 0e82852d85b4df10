// SPDX-License-Identifier: MIT
// Replaces the connections of a test_host's node to other nodes; the test plays the processes there. It
// records the messages that leave the node, and says whether the other nodes are connected and busy. It must
// be made before the host and destroyed after it.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/raft/beat_exchange.hpp"
#include "consensus/wire.hpp"
#include "metrics/board.hpp"
#include "metrics/exposition.hpp"
#include "runtime/remote_router.hpp"
#include "runtime/system.hpp"

namespace coppice::test {

// Any thread.
class away_router final : public runtime::remote_router {
 public:
  struct sent {
    runtime::destination to;
    runtime::message what;
    bool ahead = false; // sent before all messages that wait
  };
  void route(const runtime::destination& to, runtime::signal_ptr what) override {
    if (what->kind == runtime::signal_kind::message) note(to, what->take_payload(), false);
  }
  bool route_ahead(const runtime::destination& to, runtime::signal_ptr what) override {
    if (lane_is_full) return false;
    note(to, what->take_payload(), true);
    return true;
  }
  bool connected(std::uint32_t) const override { return is_connected; }
  bool takes_bare_calls(std::uint32_t) const override { return false; }
  bool busy(std::uint32_t) const override { return is_busy; }
  bool rest(std::uint32_t, const runtime::pid&, std::uint64_t) override { return false; }
  void monitor_node(const runtime::pid&, std::uint32_t, bool) override {}
  std::vector<std::string> nodes(which) const override { return {}; }
  void connect(std::uint32_t, const runtime::reference&) override {}
  base::status disconnect(std::uint32_t, std::string) override { return {}; }

  std::vector<sent> all() const {
    const std::scoped_lock held(lock_);
    return all_;
  }
  // Waits until `count` messages are wanted. False: they were not within 30 s.
  bool comes_to(std::size_t count, const std::function<bool(const sent&)>& wanted) {
    std::unique_lock held(lock_);
    std::size_t seen = 0;
    std::size_t found = 0;
    return changed_.wait_for(held, std::chrono::seconds(30), [&] {
      for (; seen < all_.size(); ++seen)
        if (wanted(all_[seen])) ++found;
      return found >= count;
    });
  }

  // Sets the function that is called for each message from now on; calls do not overlap. Null: none, and no
  // call is in progress any more.
  void tell(std::function<void(const runtime::destination&, const runtime::message&)> on_message) {
    const std::scoped_lock held(calling_);
    on_message_ = std::move(on_message);
  }

  std::atomic<bool> is_busy = false;
  std::atomic<bool> is_connected = true;
  std::atomic<bool> lane_is_full = false;

 private:
  void note(const runtime::destination& to, const runtime::message& m, bool ahead) {
    {
      const std::scoped_lock held(lock_);
      all_.push_back({to, m, ahead});
      changed_.notify_all();
    }
    const std::scoped_lock held(calling_);
    if (on_message_) on_message_(to, m);
  }

  std::mutex calling_;
  std::function<void(const runtime::destination&, const runtime::message&)> on_message_;
  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::vector<sent> all_;
};

// The objects beside the host that a test of carried heartbeats needs. The host's class names this as an
// earlier base class, so that it is destroyed after the host.
struct away_nodes {
  away_router router;
  metrics::board board;
  behaviours::raft::beat_exchange exchange{&board};

  // The value of a metric family without labels on the metrics page. 0: the page has no line for it.
  std::uint64_t counted(const std::string& family) const {
    metrics::exposition to(metrics::exposition::format::prometheus);
    board.write(to);
    const std::string page = to.take();
    const std::size_t at = page.find("\n" + family + " ");
    return at == std::string::npos ? 0 : std::stoull(page.substr(at + family.size() + 2));
  }
};

inline bool is_beats(const away_router::sent& one) {
  return one.to.what() == runtime::destination::kind::remote_name && one.to.name() == "coppice_raft_beats";
}

// The heartbeats in a carrier's message. Empty: any other message.
inline std::vector<consensus::message> beats_in(const runtime::message& m) {
  std::vector<consensus::message> out;
  const auto read = behaviours::raft::beat_exchange::read(m.bytes());
  if (!read) return out;
  for (const auto& one : *read)
    if (auto made = consensus::decode_message(one.term)) out.push_back(std::move(*made));
  return out;
}

inline runtime::message beats_of(const std::vector<consensus::message>& all) {
  runtime::message_writer out(1024);
  out.tuple(2);
  out.atom(behaviours::raft::beats_word);
  out.list(static_cast<std::uint32_t>(all.size()));
  for (const consensus::message& one : all) consensus::encode(one, out);
  out.nil();
  return out.take();
}

// Delivers a message as if a process of `node` had sent it to the name `to`.
inline void deliver_from(runtime::system& system, std::uint32_t node, const std::string& to,
                         runtime::message m) {
  auto made =
      runtime::make_signal(runtime::signal_kind::message, runtime::pid{node, 77, 40, 0}, std::move(m));
  made->flags = runtime::signal::remote;
  system.deliver(runtime::destination::named(to), std::move(made));
}

} // namespace coppice::test
