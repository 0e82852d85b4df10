// SPDX-License-Identifier: MIT
// Keeps the state of a member of a Raft group in the member's group of the durable log: the core's writes
// become changes of that group. A snapshot is kept in pieces, each a value of the group, so that it needs no
// file of its own and shares the log's fsyncs. Values of the group:
//
//   id         16 bytes: this member
//   group      the cluster (16 bytes) and the bound of sessions (8 bytes), once the member belongs to one
//   hard       the hard state, as consensus/wire.hpp writes it
//   snapshot   the description of the snapshot in use, as consensus/wire.hpp writes it
//   stored     index, digest and size (8 bytes each) of every snapshot that may have pieces
//   piece …    with index, digest and offset: the bytes of a snapshot from that offset on
//
// In the owning process's turn, but for read_group().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bound.hpp"
#include "base/error.hpp"
#include "behaviours/journal/journal_writer.hpp"
#include "consensus/effects.hpp"
#include "consensus/options.hpp"
#include "durable/log.hpp"

namespace coppice::behaviours::raft {

// Bytes of a piece of a snapshot, which is also what one message between members carries. The same for all
// members of a group, and in all lives of a node.
extern const base::bound<std::uint32_t> piece_bytes;

// The group that a member belongs to.
struct membership {
  consensus::cluster_id cluster{};
  std::uint64_t clients = 0; // the bound of sessions, equal in all members
};

// Names a snapshot's pieces.
struct stored_snapshot {
  std::uint64_t index = 0, digest = 0, size = 0;
  bool operator==(const stored_snapshot&) const = default;
};

struct group_contents {
  consensus::member_id self{};      // none: this member is new
  std::optional<membership> of{};   // none: it belongs to no group yet
  consensus::durable_state state{}; // empty until it does
  std::vector<stored_snapshot> stored{};
  std::uint64_t first = 1, last = 0; // entries
};

// Blocking: waits for the requests that an earlier owner of the group has submitted, then reads all of it.
// errc::invalid: the group is stopped for damage, or makes no sense.
base::result<group_contents> read_group(durable::shared_log& log, durable::group_id group);

std::uint64_t digest_of(base::bytes_span bytes);

class storage {
 public:
  // `found` is what read_group() returned. Pieces of snapshots that are not in use are removed.
  storage(durable::shared_log& log, runtime::system& system, const runtime::pid& owner,
          durable::group_id group, const group_contents& found);

  // errc::limit: the log has no room in its queue; errc::invalid: the entries do not follow the last one.
  // Other errors are those of shared_log::submit(). The state in memory is then ahead of the disk, and the
  // owner has to begin anew with what read_group() finds.
  base::status put_identity(const consensus::member_id& self);
  base::status put_membership(const membership& of, consensus::durable_state first);
  base::status write(consensus::write&& one);

  // Stores the bytes of a new snapshot, a few pieces at a time; news tells when all of it is on the disk.
  // One snapshot at a time: see is_storing(). If the log's queue has no room, storing goes on with the next
  // news or catch_up().
  base::status keep(const consensus::snapshot_meta& meta, consensus::payload bytes);
  bool is_storing() const { return saving_.has_value(); }
  // Removes the snapshot's pieces, at once or when the log's queue has room.
  void release(const consensus::snapshot_meta& meta);
  // Submits the changes for which the log's queue had no room. The owner calls it now and then.
  base::status catch_up();
  // Writes a value that is there already, so that a log whose disk was full looks for room again.
  base::status touch();

  struct news {
    std::uint64_t core_written = 0; // the last write of the core that is on the disk. 0: no new one
    bool identity_written = false;
    bool membership_written = false;
    std::optional<consensus::snapshot_meta> stored{}; // by keep()
    std::optional<base::error> failure{};             // of a request; the storage is of no use any more
    base::nanos slowest = 0;                          // of the requests that were acknowledged
  };
  static bool is_news(const runtime::process& self, const runtime::message& m) {
    return journal_writer::is_news(self, m);
  }
  base::result<news> take();

  // Bytes of a snapshot on the disk. Empty: the piece is not there.
  consensus::payload piece(const consensus::snapshot_meta& of, std::uint64_t offset,
                           std::uint32_t length) const;
  // errc::invalid: pieces are missing, or have changed.
  base::result<std::string> whole(const consensus::snapshot_meta& of) const;

 private:
  enum class kind : std::uint8_t { other, identity, membership, core, piece, snapshot };
  struct submitted {
    std::uint64_t number = 0;
    kind what = kind::other;
    std::uint64_t core = 0;
    base::nanos at = 0;
  };
  struct saving {
    consensus::snapshot_meta meta;
    consensus::payload bytes;
    std::uint64_t next = 0; // offset of the first piece that is not submitted
    unsigned under_way = 0;
    bool ends = false; // the description is submitted
  };

  base::status submit(std::vector<durable::change> changes, kind what, std::uint64_t core = 0);
  base::status pump();
  base::status sweep();
  void put_stored(std::vector<durable::change>& to) const;
  void add_stored(std::vector<durable::change>& to, const stored_snapshot& one);
  void drop_stored(std::vector<durable::change>& to, const stored_snapshot& one);
  void install(std::vector<durable::change>& to, const consensus::write& one);

  const durable::shared_log& log_;
  journal_writer writer_;
  std::uint64_t number_ = 0;
  std::deque<submitted> submitted_;
  std::uint64_t first_, last_; // entries, once all that was submitted is on the disk
  membership of_;              // as it was submitted last
  stored_snapshot used_;       // the snapshot whose description was submitted last
  std::vector<stored_snapshot> stored_;
  std::optional<stored_snapshot> incoming_; // a leader has begun to send it
  std::vector<stored_snapshot> unwanted_;   // their pieces are to be removed
  std::optional<saving> saving_;
};

} // namespace coppice::behaviours::raft
