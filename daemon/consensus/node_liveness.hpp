// SPDX-License-Identifier: MIT
// Keeps which groups of a node are quiescent (core::quiesce()), and whether the nodes of their other members
// live. The node of a quiescent leader offers the quiescence to the nodes of the followers, and goes on
// telling each of these nodes, in one message for all groups in each heartbeat interval, that it lives. A
// follower may be quiescent only while its node has the offer, and has heard from the leader's node within
// its election time-out. A leader may be quiescent only while the nodes of all its followers answer.
// Whatever ends that wakes the members up: a message that is missing, a lost connection, a node or a member
// that began anew, an offer that was taken back.
//
// A node numbers its offers to another node, and the offers that it takes back, in one sequence: the
// changes. Each message has the changes that the other node has not acknowledged, and says up to which
// change the sender has the receiver's changes. Messages may be lost, repeated and reordered. A message with
// an earlier number than the last is ignored. A message whose changes do not follow the changes that the
// receiver has keeps no member quiescent. After a loss both sides begin anew, from a change at which no
// offer is valid (`floor`). Nothing is kept of the other node then, but the numbers go on from there. A node
// that does not know this protocol does not answer, and its groups stay awake.
//
// A call takes time for the nodes and the groups that change, never for all groups. A pure machine, as the
// core is. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "consensus/types.hpp"

namespace coppice::etf {
class writer;
}

namespace coppice::consensus {

// Says that a group is quiescent: the arguments of a follower's core::quiesce_under().
struct quiescence {
  member_id leader{};
  term_number term = 0;
  log_index last = 0;
  bool operator==(const quiescence&) const = default;
};

struct liveness_change {
  member_id follower{};
  std::optional<quiescence> offer{}; // none: the offer is taken back
  bool is_here = true;               // not in the term: whether the receiver's node has that member
  bool operator==(const liveness_change&) const = default;
};

struct liveness_message {
  std::uint64_t from = 0; // the sender's node, by a random number of its present run
  std::uint64_t to = 0;   // the receiver's run, as far as the sender knows. 0: not known
  std::uint64_t number = 0;
  std::uint64_t applied = 0; // the receiver's last change that the sender has
  bool asks = false;         // for an answer
  std::uint64_t floor = 0;   // the last change at which no offer was valid any more
  std::uint64_t base = 0;    // `changes` has the changes after this one,
  std::uint64_t upto = 0;    // up to this one; only the last of each follower
  std::vector<liveness_change> changes{};
  std::vector<member_id> awake{}; // followers that do not take the receiver's offers
  bool operator==(const liveness_message&) const = default;
};

class node_liveness {
 public:
  using nanos = base::nanos;
  // How long a follower may take to answer an offer.
  static constexpr nanos grace = 500 * base::nanos_per_ms;
  // Bounds of: the changes, and the followers in `awake`, of one message; the offers that are kept of one
  // other node; the nodes.
  static constexpr std::size_t most_changes = 256;
  static constexpr std::size_t most_offers = 100'000;
  static constexpr std::size_t most_nodes = 1024;
  // Bound of the offers of one other node to members that are not here: any node can invent members.
  static constexpr std::size_t most_absent = 1024;

  // `run`: drawn at random when the node starts; not 0.
  explicit node_liveness(std::uint64_t run) : run_(run) {}

  struct place {
    std::string node;
    member_id follower;
  };
  struct pace {
    nanos heartbeat = 0, election = 0;
  };
  // The leader wants to be quiescent, or is quiescent and says so again. False: not all of these nodes are
  // known to live. They are asked then, and a later call may succeed.
  bool offer(nanos now, const quiescence& what, std::span<const place> followers, pace of);
  // The follower wants to be quiescent. False: `node` has made no such offer, or was not heard within
  // `election`.
  bool follow(nanos now, const member_id& follower, std::string_view node, const quiescence& what,
              nanos election);
  // That member, a leader or a follower, is awake, or has ended. Other nodes are told with the next
  // messages.
  void wake(const member_id& one);

  // A change that the owner has to tell a member.
  struct news {
    member_id to;
    std::optional<quiescence> offer; // none: the member has to wake up
    std::string node;                // of the leader that makes the offer
    nanos heard = 0;                 // to wake up: when the other node was heard last
  };
  struct outgoing {
    std::string node;
    liveness_message what;
  };
  struct outcome {
    std::vector<news> told;
    std::vector<outgoing> sent;
  };
  void receive(nanos now, std::string_view node, const liveness_message& in, outcome& out);
  // Lets time pass. Must be called at the time due() at the latest.
  void advance(nanos now, outcome& out);
  nanos due() const; // INT64_MAX: nothing is due
  // The connection to that node, or the process that carries the messages there, has ended.
  void lost(std::string_view node, outcome& out);
  // Whether something is kept of that node, so that receive() needs no room for it.
  bool knows(std::string_view node) const { return peers_.contains(node); }
  // When that node last answered, for leaders here that rely on it. 0: it is not known to live.
  nanos heard(std::string_view node) const;

 private:
  struct peer {
    std::uint64_t run = 0;             // 0: nothing was heard of it
    std::uint64_t sent = 0, taken = 0; // numbers of the last messages

    // For the leaders here.
    std::map<member_id, quiescence> offers; // by the follower there
    std::uint64_t change = 0, floor = 0, acknowledged = 0;
    bool lives = false; // it has all up to `floor`, and has said so at `answered`
    nanos answered = 0;
    std::map<std::uint64_t, member_id> changed; // after `acknowledged`
    std::map<member_id, std::uint64_t> change_of;
    std::multiset<nanos> heartbeats, elections;
    nanos patience = 0; // for an answer: shortest election time-out of the leaders, or of the last ones
    nanos send_at = 0;
    nanos ask_at = 0; // the node is not asked before this. 0: now
    bool is_asked = false;

    // For the followers here.
    std::uint64_t applied = 0, their_floor = 0;
    nanos heard = 0; // when a message last kept followers quiescent
    std::map<member_id, quiescence> offered;
    std::set<member_id> followers; // the quiescent followers
    std::multiset<nanos> followed; // their election time-outs
    // Followers with an offer that are awake, and members with an offer that are not here. The time: their
    // leader is told from then on.
    std::map<member_id, nanos> awake;

    bool has_to_send() const { return is_asked || !offers.empty() || !changed.empty(); }
    nanos interval() const { return heartbeats.empty() ? patience : *heartbeats.begin(); }
  };
  struct quiescent_leader {
    std::vector<place> followers;
    pace of;
  };
  struct quiescent_follower {
    std::string node;
    nanos election = 0;
  };
  using peers = std::map<std::string, peer, std::less<>>;
  // Members draw their ids at random.
  struct drawn_id_hash {
    std::size_t operator()(const member_id& of) const { return of.low; }
  };

  peers::iterator enter(std::string_view node);
  void change(peer& at, const member_id& follower);
  void take_back(const member_id& of);
  void rouse(peer& at, const member_id& of, outcome& out);
  void rouse_followers(peer& at, outcome& out);
  void begin_anew(peer& at, outcome& out);
  void lose(peer& at, outcome& out);
  bool has_room_for(const peer& at, const liveness_message& in) const;
  void acknowledge(peer& at, nanos now, const liveness_message& in, outcome& out);
  void apply(const std::string& node, peer& at, nanos now, const liveness_message& in, outcome& out);
  void wake_leaders(peer& at, const liveness_message& in, outcome& out);
  void send(nanos now, const std::string& node, peer& at, bool asks, outcome& out);

  const std::uint64_t run_;
  peers peers_;
  std::uint64_t used_ = 0; // the largest number of a message or a change for a node that was forgotten
  std::unordered_map<member_id, quiescent_leader, drawn_id_hash> leaders_; // the quiescent leaders
  std::unordered_map<member_id, quiescent_follower, drawn_id_hash> followers_;
};

// {raft_liveness, From, To, Number, Applied, Asks, Floor, Base, Upto, [Change], [Awake]}, with Change one of
// {Follower, Leader, Term, Last} and {Follower}; ids are binaries of 16 bytes.
inline constexpr std::string_view liveness_word = "raft_liveness";
void encode(const liveness_message& what, etf::writer& out);
// errc::invalid: it is malformed, or has too many changes.
base::result<liveness_message> decode_liveness(base::bytes_span from);

} // namespace coppice::consensus
