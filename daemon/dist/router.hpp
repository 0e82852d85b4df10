// SPDX-License-Identifier: MIT
// The distribution as the rest of the node sees it: where signals for other nodes go in, and who is
// connected. A peer belongs to one worker at a time (its home), whose thread alone touches its connection;
// whoever sends pushes into the peer's queue, and one of them gets the token to drain it there. A node's
// index may be out of date, see runtime::node_names: its node is one that cannot be reached. Any thread
// unless a function says otherwise.
//
// Locking: a peer's lock guards its state and is never held while anything outside dist is called that
// could come back here. The lock of the admissions may be taken under a peer's, not the other way round.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"
#include "dist/attempt.hpp"
#include "dist/connection.hpp"
#include "dist/options.hpp"
#include "dist/peer.hpp"
#include "dist/spawn.hpp"
#include "net/listening/listener.hpp"
#include "runtime/remote_router.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

class router final : public runtime::remote_router,
                     private runtime::node_names::holder,
                     private connection_owner,
                     private attempt_owner {
 public:
  // Outlived by nothing of `system`: set it as the system's router before its start, stop() it before the
  // system's stop.
  router(runtime::system& system, options chosen);
  ~router() override;

  // Before listen(). Called on the worker that runs the connection: before the peer's first signal is
  // delivered, and after the processes heard of its loss. `why` is the reason in words. Either may disconnect
  // the node.
  using up_fn = std::function<void(const peer_info& peer)>;
  using down_fn = std::function<void(const peer_info& peer, const std::string& why)>;
  void on_node_up(up_fn told) { up_.push_back(std::move(told)); }
  void on_node_down(down_fn told) { down_.push_back(std::move(told)); }
  void set_spawn_handler(spawn_handler handler) { spawns_ = std::move(handler); }

  // Opens every listener, the system being started; what it is called with is a foreign thread. The addresses
  // with the ports chosen, or the first error and nothing open.
  base::result<std::vector<base::socket_address>> listen(const std::vector<listen_at>& places);
  // Closes listeners and connections and refuses all that comes later. A foreign thread.
  void stop();

  // remote_router
  void route(const runtime::destination& to, runtime::signal_ptr what) override;
  bool connected(std::uint32_t node) const override;
  bool takes_bare_calls(std::uint32_t node) const override;
  bool busy(std::uint32_t node) const override;
  bool rest(std::uint32_t node, const runtime::pid& who, std::uint64_t number) override;
  void monitor_node(const runtime::pid& watcher, std::uint32_t node, bool on) override;
  std::vector<std::string> nodes(which kind) const override;
  void connect(std::uint32_t node, const runtime::reference& ref) override;
  base::status disconnect(std::uint32_t node, std::string why = "disconnected by request") override;

  // From now on `name` may be connected to whatever options::connect says, without waiting for a turn among
  // attempts at unknown nodes, and its index stays valid. That index; nullopt: no room for the name, or it is
  // our own.
  std::optional<std::uint32_t> keep(std::string_view name);
  // Ends keep() and bar(), not the connection.
  void let_go(std::uint32_t node);
  // While `on`, no new connection to or from this node, which is kept, comes about.
  void bar(std::uint32_t node, bool on);

  // Those connected or kept, and of those that were, or were tried, the ones whose names are remembered;
  // sorted by name, copies.
  std::vector<peer_info> peers() const;
  // Some of these, in no order, behind what is in `into`: looks at no more than so many places, from `first`
  // on, of which the lowest is 0. The place to go on with; 0: that was all.
  std::size_t some_peers(std::size_t first, std::size_t most, std::vector<peer_info>& into) const;
  // Messages dropped because their node could not be reached.
  std::uint64_t unreachable() const { return unreachable_.load(std::memory_order_relaxed); }
  const options& settings() const { return options_; }

 private:
  // What a worker's thread alone touches.
  struct worker_state {
    std::unique_ptr<net::tls_pacer> pacer;                                // outlives the attempts
    std::unordered_map<std::uint64_t, std::unique_ptr<attempt>> attempts; // by attempt::number()
    std::vector<net::listener> listeners;
  };
  struct finished_handshake;
  using queue = std::vector<std::unique_ptr<routed>>;

  // runtime::node_names::holder
  void slot_taken(std::uint32_t index, std::string_view name) override;
  bool slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) override;
  // connection_owner
  void lost(connection& gone, const base::error& why) override;
  void drained(connection& of) override;
  const spawn_handler& spawns() const override { return spawns_; }
  unfinished_messages& unfinished() override { return unfinished_; }
  // attempt_owner
  void established(attempt& done, const peer_node& who, net::stream stream,
                   std::vector<std::uint8_t> leftover) override;
  void failed(attempt& done, const base::error& why) override;
  handshake_message::verdict admit(std::string_view name) override;
  std::string cookie_for(std::string_view name) override;
  open_challenges& challenges() override { return challenges_; }
  bool is_certified(std::string_view name) const override;
  net::tls_pacer& pacer() override;

  // Null if the index is out of date; it may be so again the next moment, unless it is connected.
  peer* find_peer(std::uint32_t node) const;
  peer* at_slot(std::uint32_t index) const;
  unsigned here() const { return static_cast<unsigned>(system_.current_worker()); }
  local_node ourselves() const;

  void push(peer& p, const runtime::destination& to, runtime::signal_ptr what);
  void drain(peer& p);
  void drain_at_home(peer& p);
  connection* open_here(const peer& p) const;
  void pass_on(peer& p, outbox::entry& taken, queue& refused);
  void enqueue(peer& p, std::unique_ptr<routed> item, queue& refused);
  base::status begin_connecting(peer& p);
  base::status open_attempt(peer& p);
  // Who wants the node: a process here, or only services and other nodes.
  bool is_own_affair(const peer& p) const;
  net::lookup_cause cause_of(const peer& p) const;
  // Null: too many nodes that were never connected are being connected to for that cause.
  std::shared_ptr<void> place_for_attempt(const peer& p, net::lookup_cause cause);
  void next_attempt(net::lookup_cause cause);
  void resume_connecting(std::uint32_t index, net::lookup_cause cause);
  void yield(peer& p);
  void stop_yielding(peer& p);
  void end_admission(const std::string& name);
  void connect_at_home(peer& p, std::uint32_t node);
  peer* peer_for_connection(std::string_view name, std::unique_lock<std::mutex>& lock);
  void attach(const std::shared_ptr<finished_handshake>& come);
  // A finished handshake of which no connection comes. What waits for an attempt of ours is told.
  void not_attached(const finished_handshake& come, const base::error& why);
  // `fresh` may be gone.
  void begin_traffic(peer& p, connection* fresh, finished_handshake& come,
                     const std::vector<runtime::reference>& askers);
  void give_up(peer& p, const base::error& why);
  // On the home worker, the peer's `ends` being set: a part of what is left to tell, and the rest in the next
  // turns.
  void tell_of_loss(peer& p);
  // Any thread: the attempt may be gone already.
  void forget_attempt(unsigned worker, std::uint64_t number);
  void keep_attempt(std::unique_ptr<attempt> made);
  void end_at_home(peer& p, std::uint64_t generation, base::error why);
  void bounce(const runtime::destination& to, const runtime::signal& s);
  bool is_busy(const peer& p) const;
  // What to wake, taken out of the peer; under its lock.
  std::vector<resting_sender> rested(peer& p);
  void wake(const std::vector<resting_sender>& all);
  void tell_watchers(std::string_view name, const std::vector<node_watcher>& watchers);
  void tell_askers(const std::vector<runtime::reference>& askers, bool connected);
  void accepted(net::accepted_socket socket, const std::shared_ptr<net::tls_source>& tls);
  void shake_hands(net::accepted_socket socket, const std::shared_ptr<net::tls_source>& tls);
  peer_info info_of(peer& p) const;
  bool run_on_workers(const std::function<void(unsigned)>& task);

  static constexpr std::size_t chunk_size = 256;
  using chunk = std::array<std::atomic<peer*>, chunk_size>;

  runtime::system& system_;
  options options_;
  std::vector<up_fn> up_;
  std::vector<down_fn> down_;
  spawn_handler spawns_;
  unfinished_messages unfinished_; // before the peers, whose connections have a share
  mutable std::mutex peers_lock_;  // guards owned_ and the making of chunks
  std::vector<std::unique_ptr<peer>> owned_;
  std::vector<std::unique_ptr<chunk>> chunks_owned_;
  std::array<std::atomic<chunk*>, 256> chunks_{};
  open_challenges challenges_; // before the attempts
  std::mutex attempts_lock_;   // guards what follows; a peer's lock may be held
  // At nodes that were never connected.
  struct attempt_line {
    std::size_t running = 0;
    std::deque<std::uint32_t> waiting;
    std::unordered_set<std::uint32_t> queued; // those in `waiting`, each there once
  };
  std::array<attempt_line, net::lookup_causes> attempts_; // by lookup_cause
  std::vector<worker_state> workers_;                     // with the attempts, which give their places back
  std::mutex admissions_lock_;
  std::map<std::string, unsigned, std::less<>> admissions_; // nodes being let in, and how many times
  std::atomic<unsigned> next_worker_{0};
  std::atomic<std::uint64_t> unreachable_{0};
  std::atomic<bool> stopping_{false};
};

} // namespace coppice::dist
