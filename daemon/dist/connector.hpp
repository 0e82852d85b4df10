// SPDX-License-Identifier: MIT
// How connections to other nodes come about: attempts to connect on demand, connections that other nodes
// open, and what happens if both nodes do so at once. A handshake that has succeeded is handed on, and so is
// the stream; a peer that cannot be reached is given up. Attempts belong to the worker that is their peer's
// home, or on which the connection was accepted. Any thread, unless a function says otherwise.
//
// Locking: the lock of the admissions may be taken while a peer's lock is held, never the other way round.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "dist/attempt.hpp"
#include "dist/attempt_places.hpp"
#include "dist/finished_handshake.hpp"
#include "dist/local_notices.hpp"
#include "dist/options.hpp"
#include "dist/peer_table.hpp"
#include "net/listening/listener.hpp"
#include "net/tls/tls_pacer.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

// Why a node that was barred has no connection.
base::error disconnected_by_hand();

class connector final : private attempt_owner {
 public:
  // Called on the worker that shook hands. If it leads to no connection, end_admission() has to be called.
  using attach_fn = std::function<void(const std::shared_ptr<finished_handshake>& come)>;

  // All outlive the connector. `stopping`: once it is true, nothing begins any more.
  connector(runtime::system& system, const options& chosen, peer_table& peers, local_notices& notices,
            const std::atomic<bool>& stopping, attach_fn attach);

  // Opens all listeners; called on a foreign thread, after the system has started. Returns the addresses with
  // the chosen ports, or the first error, with nothing left open.
  base::result<std::vector<base::socket_address>> listen(const std::vector<listen_at>& places);
  // Closes the worker's listeners and attempts. On that worker, while it stops.
  void close_on(unsigned worker);

  // On the home worker, under the peer's lock; state down.
  base::status begin(peer& p);
  // Begins on the home worker, if the peer still belongs to that node and is down. The peer is not locked.
  void connect_at_home(peer& p, std::uint32_t node);
  // Tells everything that waits for the peer that it cannot be reached. The peer is not locked.
  void give_up(peer& p, const base::error& why);
  // A handshake under that name, which was admitted, has led to a connection or to none. No effect for an
  // empty name.
  void end_admission(const std::string& name);
  // Ends an attempt, which may be gone already.
  void forget_attempt(unsigned worker, std::uint64_t number);

 private:
  // State that only the worker's own thread uses.
  struct worker_state {
    std::unique_ptr<net::tls_pacer> pacer;                                // outlives the attempts
    std::unordered_map<std::uint64_t, std::unique_ptr<attempt>> attempts; // by attempt::number()
    std::vector<net::listener> listeners;
  };

  // The functions of attempt_owner.
  void established(attempt& done, const peer_node& who, net::stream stream,
                   std::vector<std::uint8_t> leftover) override;
  void failed(attempt& done, const base::error& why) override;
  handshake_message::verdict admit(std::string_view name) override;
  std::string cookie_for(std::string_view name) override;
  open_challenges& challenges() override { return challenges_; }
  bool is_certified(std::string_view name) const override;
  net::tls_pacer& pacer() override;

  unsigned here() const { return static_cast<unsigned>(system_.current_worker()); }
  local_node ourselves() const;
  base::status open_attempt(peer& p);
  // is_own_affair(): the node is kept, has a route, or was connected before. cause_of(): on whose behalf it
  // is looked up.
  bool is_own_affair(const peer& p) const;
  net::lookup_cause cause_of(const peer& p) const;
  // Null: too many attempts at never-connected nodes are running for that cause.
  std::shared_ptr<void> place_for_attempt(const peer& p, net::lookup_cause cause);
  bool start_waiting(std::uint32_t index, net::lookup_cause cause);
  void resume_connecting(std::uint32_t index, net::lookup_cause cause);
  void yield(peer& p);
  void stop_yielding(peer& p);
  void accepted(net::accepted_socket socket, const std::shared_ptr<net::tls_source>& tls);
  void shake_hands(net::accepted_socket socket, const std::shared_ptr<net::tls_source>& tls);
  void keep_attempt(std::unique_ptr<attempt> made);

  runtime::system& system_;
  const options& options_;
  peer_table& peers_;
  local_notices& notices_;
  const std::atomic<bool>& stopping_;
  const attach_fn attach_;
  open_challenges challenges_; // declared before the attempts, which use it
  attempt_places places_;      // declared before the attempts
  std::vector<worker_state> workers_;
  std::mutex admissions_lock_;
  std::map<std::string, unsigned, std::less<>> admissions_; // handshakes by the name being let in
  std::atomic<unsigned> next_worker_{0};
};

} // namespace coppice::dist
