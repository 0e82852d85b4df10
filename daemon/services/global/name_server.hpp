// SPDX-License-Identifier: MIT
// `global_name_server`, version 8 of global's protocol as in OTP 25: exchanges names and locks with every
// visible peer, keeps those that the nodes agree on, and takes part in preventing overlapping partitions. In
// the process's own turn.
//
// Getting in sync with a peer; both sides send:
//   init_connect {8, Tag}      on node up; the tags distinguish this session from older ones
//   init_connect_ack           both tags as this side knows them
//   lock_set true              this side's locker holds the lock everywhere; the other side confirms it
//   exchange Names             all known names
//   resolved Ops, Known        the changes, and the other nodes of the sender's partition
// then `in_sync` to those other nodes, and `new_nodes` to the nodes of the own partition.
//
// Processes of this node call it for OTP's functions: {register_name, Name, Pid[, Method]},
// {re_register_name, Name, Pid[, Method]}, {unregister_name, Name}, {whereis_name, Name}, registered_names.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "behaviours/gen/native_server.hpp"
#include "dist/router.hpp"
#include "runtime/messages/kept_memory.hpp"
#include "services/answers/portions.hpp"
#include "services/global/directory.hpp"
#include "services/global/locks.hpp"
#include "services/global/lost_connections.hpp"
#include "services/observer/node_counts.hpp"
#include "services/peers/peer_bounds.hpp"

namespace coppice::services {

class global_name_server : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "global_name_server";

  global_name_server(dist::router& router, const peer_bounds& bounds)
      : native_server("global_name_server"), router_(router), bounds_(bounds) {}
  std::optional<behaviours::peer_requests> from_peers() const override;

  // Called by the router on a worker's thread: before the first message of that node, and after its loss.
  static void node_up(runtime::system& system, std::string_view node);
  static void node_down(runtime::system& system, std::string_view node);

  // The request of a process of this node for the name's method. The answer is the method if `by` is
  // resolving the name: one of the two pids has it, and global's lock is held here on behalf of that node.
  // Else `false`.
  static runtime::message method_question(const runtime::node_names& nodes, std::uint32_t by, etf::bytes name,
                                          const runtime::pid& first, const runtime::pid& second);

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  // A name that both sides have and whose method another node is asked about.
  struct asked_about {
    std::uint32_t index = 0; // index in the other side's list
    runtime::pid ours;
  };
  // A connected node, and the state of its session.
  struct partner {
    std::uint32_t node = 0; // index of the node's name
    std::int64_t my_tag = 0;
    runtime::message his_tag; // none: its init_connect has not come
    runtime::pid his_locker;
    runtime::message lock;              // {global, [Pid, Pid]}, once its init_connect has come
    bool locked = false;                // this side holds it, and the peer was told
    bool names_sent = false;            // the peer's side holds it too
    std::vector<std::uint32_t> lock_at; // other nodes where this side has taken it or is about to
    std::size_t locked_at = 0;          // how many of them have agreed
    runtime::reference asking;          // reference of the present question
    runtime::message exchange;          // the peer's names
    std::vector<asked_about> asked;     // names that other nodes are being asked about
    runtime::reference settling;        // monitor of the process that asks; none: no question is open
    runtime::pid asker;                 // that process
    bool exchanged = false;             // the names were compared with this side's
    runtime::message ops;               // the changes that this side found
    runtime::message resolved;          // the peer's `resolved`, if it came before this side's ops
  };
  struct waiter {
    runtime::message from;
    std::uint32_t node = 0; // index of the waiting process's node
    std::set<std::string> nodes;
  };

  // Sessions
  void up(runtime::process& self, std::string_view node);
  void down(runtime::process& self, const std::string& node);
  void begin(runtime::process& self, const std::string& node, partner& p);
  void on_init_connect(runtime::process& self, etf::cursor at, const runtime::message& m);
  void on_init_connect_ack(runtime::process& self, etf::cursor at);
  void on_cancel_connect(runtime::process& self, etf::cursor at);
  void on_lock_set(runtime::process& self, etf::cursor at, std::uint32_t arity);
  void on_exchange(runtime::process& self, etf::cursor at, const runtime::message& m);
  void on_resolved(runtime::process& self, etf::cursor at, const runtime::message& m);
  void on_in_sync(runtime::process& self, etf::cursor at);
  void on_new_nodes(runtime::process& self, etf::cursor at);
  void send_lock_set(runtime::process& self, const partner& p, bool set);
  void resolve(runtime::process& self, const std::string& node, partner& p);
  // The changes for each side over one name that both have, and their size.
  struct changes;
  void settle(runtime::process& self, const std::string& node, etf::bytes entry, etf::bytes name,
              const runtime::pid& his, const global_directory::entry& ours,
              const std::optional<runtime::pid>& said, changes& out) const;
  runtime::message question_where_it_lives(runtime::process& self, etf::bytes name, const runtime::pid& his,
                                           const global_directory::entry& ours) const;
  template <class Use>
  void for_each_of(runtime::process& self, const runtime::message& exchange, const Use& use);
  void settle_all(runtime::process& self, const std::string& node, partner& p, etf::cursor answers);
  void on_questions_answered(runtime::process& self, etf::cursor at);
  // Whether it is the monitor of a process that asks other nodes and has ended.
  bool is_end_of_questions(runtime::process& self, const runtime::reference& ref);
  void finish(runtime::process& self, const std::string& node, partner& p);
  void end_session(runtime::process& self, partner& p);
  static bool speaks_for(const runtime::process& self, std::string_view node);
  partner* session(const runtime::process& self, etf::cursor& at, std::string& node);
  bool is_my_tag(etf::cursor& at, const partner& p) const;

  // Taking the lock
  // `rests`: other partners come first.
  void try_later(runtime::process& self, const std::string& node, partner& p, bool rests = false);
  void try_lock(runtime::process& self, const std::string& node);
  void ask_next(runtime::process& self, const std::string& node, partner& p);
  void on_lock_answer(runtime::process& self, const runtime::reference& ref, bool yes);
  void give_up_lock(runtime::process& self, partner& p);
  void send_names(runtime::process& self, partner& p);
  void make_lock(runtime::process& self, partner& p) const;
  bool is_answer(runtime::process& self, const runtime::message& m);

  // Partitions
  // False: the node was known.
  bool know(std::string_view node);
  void add_known(runtime::process& self, etf::cursor& at, bool tell_them);
  // [Node | Theirs]: `theirs` is at a list of nodes, of which no more are written than may be known here.
  void write_known(etf::writer& out, std::string_view node, etf::cursor theirs);
  void synced_with(runtime::process& self, const std::string& node);
  void check_waiters(runtime::process& self);
  void on_lost_connection(runtime::process& self, etf::cursor at, const runtime::message& m);
  void on_remove_connection(runtime::process& self, etf::cursor at);
  void forget(runtime::process& self, const std::string& node);
  void disconnect(runtime::process& self, const std::string& node, const std::string& why);

  // Names and locks
  call_answer hand_to_registrar(runtime::process& self, const runtime::message& from,
                                const runtime::message& request);
  runtime::message whereis(runtime::process& self, etf::bytes name) const;
  bool may_register(runtime::process& self, etf::bytes name, const runtime::pid& pid) const;
  runtime::message method_of(runtime::process& self, etf::cursor question) const;
  runtime::message registered_names();
  // Writes a list of nodes of this partition.
  void write_nodes(etf::writer& out, const std::set<std::string, std::less<>>& nodes);
  // `speaker`: the node that registers the name; 0: this one. False: that node has reached its bound, and
  // nothing is changed.
  bool insert(runtime::process& self, etf::bytes name, const runtime::pid& pid, etf::bytes method,
              std::uint32_t speaker);
  // Whether a call of that process may change names here.
  bool may_change(const runtime::pid& asker) const;
  bool may_say(std::uint32_t speaker, etf::bytes name, etf::bytes method) const;
  void erase(runtime::process& self, etf::bytes name);
  // Changes of names that were carried out, as the elements of a list.
  struct applied {
    etf::vector_writer ops;
    std::uint32_t count = 0;
  };
  // Carries `ops` out, up to the first one that is malformed. What was done is added to `done`, if that is
  // not null. False: `speaker` says more than it may, and is disconnected; the rest was left out.
  bool apply(runtime::process& self, etf::bytes ops, std::uint32_t speaker, applied* done = nullptr);
  void write_names(runtime::process& self, etf::writer& out);
  void wait_for_sync(runtime::process& self, const runtime::message& from, etf::cursor at);
  bool set_lock(runtime::process& self, etf::bytes lock, const runtime::pid& holder);
  void del_lock(runtime::process& self, etf::bytes lock, const runtime::pid& holder);
  void on_down(runtime::process& self, etf::cursor at);

  // Sends to the peer's server, over the existing connection.
  static runtime::message cast_message(etf::bytes term);
  void cast(runtime::process& self, std::uint32_t node, etf::bytes term);
  void tell(runtime::process& self, std::uint32_t node, runtime::message m);
  void tell_known(runtime::process& self, const runtime::message& m, std::uint32_t but = 0);
  runtime::message own_node(runtime::process& self) const;

  dist::router& router_;
  const peer_bounds bounds_;
  portions work_; // of this process, once it has started
  runtime::pid registrar_;
  std::map<std::string, partner, std::less<>> partners_;
  std::set<std::string, std::less<>> known_;  // in this partition
  std::set<std::string, std::less<>> synced_; // have the same names
  global_directory names_;
  global_locks locks_;
  std::map<runtime::reference, runtime::pid, bool (*)(const runtime::reference&, const runtime::reference&)>
      lock_monitors_{
          [](const runtime::reference& a, const runtime::reference& b) { return a.words < b.words; }};
  std::unordered_map<runtime::pid, runtime::reference, runtime::pid_hash> lock_monitor_of_; // by holder
  std::vector<waiter> waiters_;
  node_counts waiting_at_; // waiters of each node
  lost_connections losses_;
  runtime::kept_memory memory_;                              // memory of known_
  std::map<std::string, std::uint64_t, std::less<>> timers_; // timer of the next attempt at each node's lock
  base::nanos rests_until_ = 0;                              // until then this node leaves the lock to others
  std::int64_t next_tag_ = 0;
  std::int64_t next_loss_ = 0;
};

} // namespace coppice::services
