// SPDX-License-Identifier: MIT
// The distribution as the rest of the node sees it: takes signals for other nodes, and knows which nodes are
// connected. A peer belongs to one worker at a time (its home); only that worker's thread uses the
// connection. Every sender pushes into the peer's queue, and one of them gets the duty to drain it there. A
// node's index may be out of date, see runtime::node_names; then the node counts as unreachable. Any thread,
// unless a function says otherwise.
//
// Locking: a peer's lock guards its state. It is never held during a call out of dist that could come back
// here. The lock of the admissions may be taken while a peer's lock is held, never the other way round.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
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
#include "base/fair_queue.hpp"
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
  // `system` outlives the router's use: set the router as the system's router before the system starts, and
  // call stop() before the system stops.
  router(runtime::system& system, options chosen);
  ~router() override;

  // Registered before listen(). Called on the worker that runs the connection: on_node_up before the first
  // signal of the peer is delivered, on_node_down after the processes were told of the loss. `why`: the
  // reason in words. Both may disconnect the node.
  using up_fn = std::function<void(const peer_info& peer)>;
  using down_fn = std::function<void(const peer_info& peer, const std::string& why)>;
  void on_node_up(up_fn told) { up_.push_back(std::move(told)); }
  void on_node_down(down_fn told) { down_.push_back(std::move(told)); }
  void set_spawn_handler(spawn_handler handler) { spawns_ = std::move(handler); }

  // Opens all listeners; called on a foreign thread, after the system has started. Returns the addresses with
  // the chosen ports, or the first error, with nothing left open.
  base::result<std::vector<base::socket_address>> listen(const std::vector<listen_at>& places);
  // Closes listeners and connections, and refuses everything later. Called on a foreign thread.
  void stop();

  // The functions of remote_router.
  void route(const runtime::destination& to, runtime::signal_ptr what) override;
  bool route_ahead(const runtime::destination& to, runtime::signal_ptr what) override;
  bool connected(std::uint32_t node) const override;
  bool takes_bare_calls(std::uint32_t node) const override;
  bool busy(std::uint32_t node) const override;
  bool rest(std::uint32_t node, const runtime::pid& who, std::uint64_t number) override;
  void monitor_node(const runtime::pid& watcher, std::uint32_t node, bool on) override;
  std::vector<std::string> nodes(which kind) const override;
  void connect(std::uint32_t node, const runtime::reference& ref) override;
  base::status disconnect(std::uint32_t node, std::string why = "disconnected by request") override;

  // From now on this node may be connected to whatever options::connect says, and without waiting for a turn
  // among unknown nodes; its index stays valid. Returns the index. nullopt: no room for the name, or it is
  // our own.
  std::optional<std::uint32_t> keep(std::string_view name);
  // Ends keep() and bar(). A connection stays.
  void let_go(std::uint32_t node);
  // While `on`, no new connection to or from this node is made. The node must be kept.
  void bar(std::uint32_t node, bool on);
  // A service is about to use the name of `node` because the node `by` named it; 0: this node. Nodes that
  // were never connected wait for attempts and look-ups, and those that name them take turns.
  void brought_up(std::uint32_t node, std::uint32_t by);

  // The nodes that are connected or kept, and those of former connections and attempts whose names are
  // remembered. Sorted by name; copies.
  std::vector<peer_info> peers() const;
  // Appends a part of peers() to `into`, in no order: looks at no more than `most` entries, beginning with
  // `first`. Returns where to continue; 0: that was all.
  std::size_t some_peers(std::size_t first, std::size_t most, std::vector<peer_info>& into) const;
  // Messages dropped because their node could not be reached.
  std::uint64_t unreachable() const { return unreachable_.load(std::memory_order_relaxed); }
  const options& settings() const { return options_; }

 private:
  struct finished_handshake;
  // State that only the worker's own thread uses.
  struct worker_state {
    std::unique_ptr<net::tls_pacer> pacer;                                // outlives the attempts
    std::unordered_map<std::uint64_t, std::unique_ptr<attempt>> attempts; // by attempt::number()
    // Handshakes that wait until their peer can be attached, by the numbers of keep_finished().
    std::unordered_map<std::uint64_t, std::shared_ptr<finished_handshake>> finished;
    std::uint64_t last_finished = 0; // the number given last
    std::vector<net::listener> listeners;
  };
  using queue = std::vector<std::unique_ptr<routed>>;

  // The functions of runtime::node_names::holder.
  void slot_taken(std::uint32_t index, std::string_view name) override;
  bool slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) override;
  // The functions of connection_owner.
  void lost(connection& gone, const base::error& why) override;
  void drained(connection& of) override;
  const spawn_handler& spawns() const override { return spawns_; }
  unfinished_messages& unfinished() override { return unfinished_; }
  // The functions of attempt_owner.
  void established(attempt& done, const peer_node& who, net::stream stream,
                   std::vector<std::uint8_t> leftover) override;
  void failed(attempt& done, const base::error& why) override;
  handshake_message::verdict admit(std::string_view name) override;
  std::string cookie_for(std::string_view name) override;
  open_challenges& challenges() override { return challenges_; }
  bool is_certified(std::string_view name) const override;
  net::tls_pacer& pacer() override;

  // Null: the index is out of date. Unless the node is connected, an index can become so at any moment.
  peer* find_peer(std::uint32_t node) const;
  peer* at_slot(std::uint32_t index) const;
  unsigned here() const { return static_cast<unsigned>(system_.current_worker()); }
  local_node ourselves() const;

  void push(peer& p, const runtime::destination& to, runtime::signal_ptr what);
  void drain(peer& p);
  void drain_at_home(peer& p);
  connection* open_here(const peer& p) const;
  void pass_on(peer& p, outbox::entry& taken, queue& refused);
  void pass_ahead(peer& p);
  void enqueue(peer& p, std::unique_ptr<routed> item, queue& refused);
  base::status begin_connecting(peer& p);
  base::status open_attempt(peer& p);
  // is_own_affair(): the node is kept, has a route, or was connected before. cause_of(): on whose behalf it
  // is looked up.
  bool is_own_affair(const peer& p) const;
  net::lookup_cause cause_of(const peer& p) const;
  // Null: too many attempts at never-connected nodes are running for that cause.
  std::shared_ptr<void> place_for_attempt(const peer& p, net::lookup_cause cause);
  void next_attempt(net::lookup_cause cause);
  void resume_connecting(std::uint32_t index, net::lookup_cause cause);
  void yield(peer& p);
  void stop_yielding(peer& p);
  void end_admission(const std::string& name);
  void connect_at_home(peer& p, std::uint32_t node);
  peer* peer_for_connection(std::string_view name, std::unique_lock<std::mutex>& lock);
  void attach(const std::shared_ptr<finished_handshake>& come);
  // Keeps the handshake on the calling worker, where its stream has to end, for attach_kept(). A task for it
  // carries its number alone: a task that is refused, or never runs, is destroyed by any thread.
  std::uint64_t keep_finished(const std::shared_ptr<finished_handshake>& come);
  // Any thread. Attaches the handshake that `worker` keeps under that number, if it still does.
  void attach_kept(unsigned worker, std::uint64_t number);
  // A finished handshake that leads to no connection. Gives up if an attempt of ours waited for it.
  void not_attached(const finished_handshake& come, const base::error& why);
  // `fresh` may be destroyed already.
  void begin_traffic(peer& p, connection* fresh, finished_handshake& come,
                     const std::vector<runtime::reference>& askers);
  void give_up(peer& p, const base::error& why);
  // On the home worker, when the peer's `ends` is set: tells a part of what is left, and posts itself for the
  // rest.
  void tell_of_loss(peer& p);
  // Any thread; the attempt may be gone already.
  void forget_attempt(unsigned worker, std::uint64_t number);
  void keep_attempt(std::unique_ptr<attempt> made);
  void end_at_home(peer& p, std::uint64_t generation, base::error why);
  void bounce(const runtime::destination& to, const runtime::signal& s);
  bool is_busy(const peer& p) const;
  // Takes the senders that may go on out of the peer. Under its lock.
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
  unfinished_messages unfinished_; // declared before the peers, whose connections have shares of it
  mutable std::mutex peers_lock_;  // guards owned_ and the making of chunks
  std::vector<std::unique_ptr<peer>> owned_;
  std::vector<std::unique_ptr<chunk>> chunks_owned_;
  std::array<std::atomic<chunk*>, 256> chunks_{};
  open_challenges challenges_; // declared before the attempts, which use it
  std::mutex attempts_lock_;   // guards attempts_; a peer's lock may be held
  // Attempts of one cause at nodes that were never connected, by the nodes that brought them up.
  struct attempt_line {
    std::size_t running = 0;
    std::unordered_map<std::uint32_t, std::size_t> running_for; // none is 0
    base::fair_queue<std::uint32_t> waiting;
    std::unordered_set<std::uint32_t> queued; // the entries of `waiting`, each of which is there once
  };
  bool has_place(const attempt_line& in, std::uint32_t by) const;
  std::array<attempt_line, net::lookup_causes> attempts_; // by lookup_cause
  std::vector<worker_state> workers_; // declared after attempts_: the attempts give their places back
  std::mutex admissions_lock_;
  std::map<std::string, unsigned, std::less<>> admissions_; // handshakes by the name being let in
  std::atomic<unsigned> next_worker_{0};
  std::atomic<std::uint64_t> unreachable_{0};
  std::atomic<bool> stopping_{false};
};

} // namespace coppice::dist
