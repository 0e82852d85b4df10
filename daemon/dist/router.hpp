// SPDX-License-Identifier: MIT
// The distribution as the rest of the node sees it: takes signals for other nodes, and knows which nodes are
// connected. A peer belongs to one worker at a time (its home); only that worker's thread uses the
// connection. Every sender pushes into the peer's queue, and one of them gets the duty to drain it there. A
// node's index may be out of date, see runtime::node_names; then the node counts as unreachable. Any thread,
// unless a function says otherwise.
//
// Its parts: the peers (peer_table.hpp), what brings connections about (connector.hpp), and what the
// processes of this node are told (local_notices.hpp). The router itself sends, and has the connections.
//
// Locking: a peer's lock guards its state. It is never held during a call out of dist that could come back
// here.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "dist/connection.hpp"
#include "dist/connector.hpp"
#include "dist/local_notices.hpp"
#include "dist/options.hpp"
#include "dist/peer.hpp"
#include "dist/peer_table.hpp"
#include "dist/spawn.hpp"
#include "runtime/remote_router.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

class router final : public runtime::remote_router, private connection_owner {
 public:
  // `system` outlives the router's use: set the router as the system's router before the system starts, and
  // call stop() before the system stops.
  router(runtime::system& system, options chosen);
  ~router() override;

  // Registered before listen(). Called on the worker that runs the connection: on_node_up before the first
  // signal of the peer is delivered, on_node_down after the processes were told of the loss. `why`: the
  // reason in words. Both may disconnect the node. What an on_node_up sends to the node goes behind what
  // waited for the connection.
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
  void expect_ahead() override;
  bool connected(std::uint32_t node) const override;
  bool takes_bare_calls(std::uint32_t node) const override;
  bool busy(std::uint32_t node) const override;
  bool rest(std::uint32_t node, const runtime::pid& who, std::uint64_t number) override;
  void monitor_node(const runtime::pid& watcher, std::uint32_t node, bool on) override;
  std::vector<std::string> nodes(which kind) const override;
  void connect(std::uint32_t node, const runtime::reference& ref) override;
  base::status disconnect(std::uint32_t node, std::string why = "disconnected by request") override;

  // From now on this node may be connected to whatever options::connect says, and without waiting for a turn
  // among unknown nodes; its index stays valid. Returns the index. Empty: no room for the name, or it is our
  // own.
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
  // `first`. Returns where to continue. 0: there are no more.
  std::size_t some_peers(std::size_t first, std::size_t most, std::vector<peer_info>& into) const;
  // Messages dropped because their node could not be reached.
  std::uint64_t unreachable() const { return notices_.lost(); }
  const options& settings() const { return options_; }

 private:
  // Handshakes that wait until their peer can be attached, by the numbers of keep_finished(). Only the
  // worker's own thread uses them.
  struct finished_handshakes {
    std::unordered_map<std::uint64_t, std::shared_ptr<finished_handshake>> kept;
    std::uint64_t last = 0; // the number given last
  };
  using queue = std::vector<std::unique_ptr<routed>>;

  // The functions of connection_owner.
  void lost(connection& gone, const base::error& why) override;
  void drained(connection& of) override;
  const spawn_handler& spawns() const override { return spawns_; }
  unfinished_messages& unfinished() override { return unfinished_; }

  unsigned here() const { return static_cast<unsigned>(system_.current_worker()); }
  void push(peer& p, const runtime::destination& to, runtime::signal_ptr what);
  void drain(peer& p);
  void drain_at_home(peer& p);
  connection* open_here(const peer& p) const;
  void pass_on(peer& p, outbox::entry& taken, queue& refused);
  void pass_ahead(peer& p);
  void enqueue(peer& p, std::unique_ptr<routed> item, queue& refused);
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
  // On the home worker, when the peer's `ends` is set: tells a part of what is left, and posts itself for the
  // rest.
  void tell_of_loss(peer& p);
  void end_at_home(peer& p, std::uint64_t generation, base::error why);
  bool is_busy(const peer& p) const;
  // Takes the senders that may go on out of the peer. Under its lock.
  std::vector<resting_sender> rested(peer& p);
  peer_info info_of(peer& p) const;
  bool run_on_workers(const std::function<void(unsigned)>& task);

  runtime::system& system_;
  options options_;
  std::vector<up_fn> up_;
  std::vector<down_fn> down_;
  spawn_handler spawns_;
  unfinished_messages unfinished_; // declared before the peers, whose connections have shares of it
  std::atomic<bool> stopping_{false};
  std::atomic<bool> expects_ahead_{false};
  local_notices notices_;
  peer_table peers_;
  connector connector_;
  std::vector<finished_handshakes> finished_; // by worker; destroyed before the pacers that they use
};

} // namespace coppice::dist
