// SPDX-License-Identifier: MIT
// Heartbeats of all Raft groups of a node that go to the same other node leave in one message, and so do the
// answers to them: a thousand groups at rest cost a few messages in each interval. A member that has such a
// heartbeat leaves it here, and a process of the node, the carrier (beat_carrier.hpp), sends what has
// gathered. The carrier of the other node looks here for the member that a heartbeat is for. The members
// decide whether a heartbeat counts, as for one that comes alone. The node makes the object and gives it to
// its tree (engine_resources); it outlives all processes. Any thread, but for what says otherwise.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
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
// What the carrier tells a member, as a notice: {beat_word, Node, Message}, Node being the name of the node
// that has sent the heartbeat.
inline constexpr std::string_view beat_word = "$coppice_raft_beat";

class beat_exchange {
 public:
  // Bounds of one message. A longer list is malformed.
  static constexpr std::size_t most_beats = 256;
  static constexpr std::size_t most_bytes = std::size_t{64} << 10;
  // A longer message is not read. Beside the heartbeats it has its word and the last heartbeat, which may be
  // longer than those before it.
  static constexpr std::size_t longest_message = most_bytes + (std::size_t{4} << 10);
  // Bytes of all heartbeats that wait here. Beyond them a heartbeat is lost, as on any network.
  static constexpr std::size_t most_waiting_bytes = std::size_t{8} << 20;
  // Heartbeats that a member was told of and has not handled. Beyond them a heartbeat for it is lost: any
  // node can send some, and no bound of a mailbox counts notices.
  static constexpr std::size_t most_told = 1024;

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
    // The member has handled a heartbeat that it was told of.
    void handled() {
      if (of_ != nullptr) of_->handled(id_, who_);
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
  // For the carrier, which tells the member of one more heartbeat. Null: no member of this node has that id,
  // or it has most_told of them to handle.
  runtime::pid tell(const consensus::member_id& id);

  // Which groups are quiescent. A member that enters or leaves is awake.
  liveness_exchange& liveness() { return liveness_; }

  // Starts the carriers, of heartbeats and of liveness, unless they run. In the turn of `self`.
  void keep_carrier(runtime::process& self);
  // Gathers a heartbeat, or the answer to one, for a member on that other node. It leaves at `due`,
  // monotonic, at the latest, and with others before. In the turn of `self`.
  void put(runtime::process& self, std::string_view node, const consensus::message& one, base::nanos due);

  // For put(). True: the carrier has to look, since a message is complete or is due earlier than what it
  // knows of.
  bool add(std::string_view node, const consensus::message& one, base::nanos due);

  // What has gathered for one message.
  struct batch {
    std::string node;
    std::vector<std::uint8_t> beats; // one behind the other
    std::uint32_t count = 0;
  };
  // For the carrier. Takes the messages that are complete, and all others if one of them is due.
  std::vector<batch> take(base::nanos now);
  // When something is due, monotonic. 0: nothing waits.
  base::nanos due() const;

  // A heartbeat of a message of another node.
  struct beat {
    consensus::member_id to{};
    etf::bytes term; // borrowed from the message
  };
  static runtime::message to_message(const batch& what);
  // errc::invalid or limit: it makes no sense, as a whole or in a part, and nothing of it counts.
  static base::result<std::vector<beat>> read(etf::bytes term);

 private:
  // Members draw their ids at random.
  struct drawn_id_hash {
    std::size_t operator()(const consensus::member_id& of) const { return of.low; }
  };
  struct place {
    runtime::pid who{};
    std::size_t told = 0; // heartbeats that it has not handled
  };

  void leave(const consensus::member_id& id, const runtime::pid& who) noexcept;
  void handled(const consensus::member_id& id, const runtime::pid& who);

  metrics::board* const board_;
  liveness_exchange liveness_;
  std::mutex starting_;     // held while the carrier is started
  mutable std::mutex lock_; // of all below
  std::unordered_map<consensus::member_id, place, drawn_id_hash> members_;
  std::map<std::string, batch, std::less<>> open_; // by node
  std::vector<batch> complete_;
  base::nanos due_ = 0; // of open_. 0: nothing is in it
  std::size_t waiting_bytes_ = 0;
};

} // namespace coppice::behaviours::raft
