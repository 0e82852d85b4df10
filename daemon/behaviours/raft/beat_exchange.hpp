// SPDX-License-Identifier: MIT
// Heartbeats of all Raft groups of a node that go to the same other node leave in one message, and so do the
// answers to them: a thousand groups at rest cost a few messages in each interval. A member that has such a
// heartbeat leaves it here, and a process of the node, the carrier (beat_carrier.hpp), sends what has
// gathered. The carrier of the other node looks here for the member that a heartbeat is for. The members
// decide whether a heartbeat counts, as for a heartbeat that comes alone. The node makes the object and
// gives it to its tree (engine_resources); it outlives all processes. Any thread, unless a comment says
// otherwise.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/raft/liveness_exchange.hpp"
#include "consensus/message.hpp"
#include "metrics/board.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours::raft {

// One message to another node: {raft_beats, [Message]}, each Message a heartbeat or the answer to one as
// consensus/wire.hpp writes it.
inline constexpr std::string_view beats_word = "raft_beats";
// The carrier's notice to a member: {beat_word, Node, Message}. Node: the name of the node that has sent the
// heartbeat.
inline constexpr std::string_view beat_word = "$coppice_raft_beat";

class beat_exchange {
 public:
  // Bounds of one message. A longer list is malformed.
  static constexpr std::size_t most_beats = 256;
  static constexpr std::size_t most_bytes = std::size_t{64} << 10;
  // A longer message is not read. The bound leaves room for the word, and for a last heartbeat that is
  // longer than the heartbeats before it.
  static constexpr std::size_t longest_message = most_bytes + (std::size_t{4} << 10);
  // Bytes of all heartbeats that wait here. Beyond this bound a heartbeat is lost, as on any network.
  static constexpr std::size_t most_waiting_bytes = std::size_t{8} << 20;
  // Heartbeats of one other node that a member was told of and has not handled. Beyond this bound a
  // heartbeat of that node for the member is lost: no bound of a mailbox counts notices. Each node with a
  // member of the group has a count of its own, so no node can use up that of another node. Other nodes have
  // none.
  static constexpr std::size_t most_told = 256;

  // `board`: where the carrier's counters are shown. Null: nowhere.
  explicit beat_exchange(metrics::board* board = nullptr) : board_(board) {}
  beat_exchange(const beat_exchange&) = delete;
  beat_exchange& operator=(const beat_exchange&) = delete;

  // A member's place, which ends with this object. The exchange outlives it.
  class seat {
   public:
    seat() = default;
    seat(seat&& other) noexcept { *this = std::move(other); }
    seat& operator=(seat&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(id_, other.id_);
      std::swap(who_, other.who_);
      return *this;
    }
    ~seat() {
      if (of_ != nullptr) of_->leave(id_, who_);
    }
    // From now on the member is told of heartbeats from these nodes. At first: from no node.
    void expect(std::span<const std::string> nodes) {
      if (of_ != nullptr) of_->expect(id_, who_, nodes);
    }
    // The member has handled a heartbeat of that node that it was told of.
    void handled(std::string_view node) {
      if (of_ != nullptr) of_->handled(id_, who_, node);
    }

   private:
    friend class beat_exchange;
    seat(beat_exchange& of, const consensus::member_id& id, const runtime::pid& who)
        : of_(&of), id_(id), who_(who) {}
    beat_exchange* of_ = nullptr; // null: it has no place
    consensus::member_id id_{};
    runtime::pid who_{};
  };
  // From now on heartbeats for the member `id` go to that process of this node.
  [[nodiscard]] seat enter(const consensus::member_id& id, const runtime::pid& who);
  // Null: no member of this node has that id.
  runtime::pid find(const consensus::member_id& id) const;
  // Whether a member of this node has that id and expects something of that other node.
  bool expects(const consensus::member_id& id, std::string_view node) const;
  // Whether any member of this node expects something of that other node.
  bool expects(std::string_view node) const;
  // For the carrier, which tells the member of one more heartbeat of that node. Null: no member of this node
  // has that id, or it expects nothing of that node, or has most_told heartbeats of it to handle.
  runtime::pid tell(const consensus::member_id& id, std::string_view node);

  // Which groups are quiescent. A member that enters or leaves is awake.
  liveness_exchange& liveness() { return liveness_; }

  // Starts the carriers, of heartbeats and of liveness, unless they run. In the turn of `self`.
  void keep_carrier(runtime::process& self);
  // Gathers a heartbeat, or the answer to one, for a member on that other node. It leaves at `due`,
  // monotonic, at the latest, or earlier with others. In the turn of `self`.
  void put(runtime::process& self, std::string_view node, const consensus::message& one, base::nanos due);

  // For put(). True: the carrier has to look, since a message is complete, or is due earlier than the
  // carrier knows.
  bool add(std::string_view node, const consensus::message& one, base::nanos due);

  // The heartbeats that have gathered for one message.
  struct batch {
    std::string node;
    std::vector<std::uint8_t> beats; // one behind the other
    std::uint32_t count = 0;
  };
  // For the carrier. Takes the messages that are complete, and all others if one of them is due.
  std::vector<batch> take(base::nanos now);
  // When something is due, monotonic. 0: nothing waits.
  base::nanos due() const;

  // A heartbeat in a message of another node.
  struct beat {
    consensus::member_id to{};
    etf::bytes term; // borrowed from the message
  };
  static runtime::message to_message(const batch& what);
  // errc::invalid or limit: the message makes no sense, as a whole or in a part, and nothing of it counts.
  static base::result<std::vector<beat>> read(etf::bytes term);

 private:
  // Members draw their ids at random.
  struct drawn_id_hash {
    std::size_t operator()(const consensus::member_id& of) const { return of.low; }
  };
  struct place {
    runtime::pid who{};
    // Heartbeats that the member has not handled, by the node that sent them; only nodes that it expects.
    std::map<std::string, std::size_t, std::less<>> told{};
  };

  // With lock_ held.
  void forget_nodes(const place& of);
  void leave(const consensus::member_id& id, const runtime::pid& who) noexcept;
  void expect(const consensus::member_id& id, const runtime::pid& who, std::span<const std::string> nodes);
  void handled(const consensus::member_id& id, const runtime::pid& who, std::string_view node);

  metrics::board* const board_;
  liveness_exchange liveness_;
  std::mutex starting_;     // held while the carrier is started
  mutable std::mutex lock_; // guards the members below
  std::unordered_map<consensus::member_id, place, drawn_id_hash> members_;
  std::map<std::string, std::size_t, std::less<>>
      expecting_;                                  // members that expect a node, by node; none is 0
  std::map<std::string, batch, std::less<>> open_; // by node
  std::vector<batch> complete_;
  base::nanos due_ = 0; // of open_. 0: nothing is in it
  std::size_t waiting_bytes_ = 0;
};

} // namespace coppice::behaviours::raft
