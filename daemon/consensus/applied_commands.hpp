// SPDX-License-Identifier: MIT
// Decides, from the log alone, the serial of each command and whether a command repeats an earlier one of its
// client. Every member that applies entries has one such object, feeds it every entry in order, and keeps it
// in its snapshots, so all members decide in the same way. An entry opens a session; the session's number is
// that entry's index, and its body names the node of the client. At most `sessions` sessions and
// `reply_bytes` bytes of replies are kept. Beyond that, the node that has the most loses its session that
// was unused for longest. So no node can push out the sessions of a node that has fewer. A later entry may
// say that a command is passed over. One thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "consensus/types.hpp"

namespace coppice::consensus {

class applied_commands {
 public:
  // Must be equal on all members, since they are part of the state.
  struct bounds {
    std::uint64_t sessions = 100'000;
    std::uint64_t reply_bytes = 64 * 1024 * 1024;
    bool operator==(const bounds&) const = default;
  };
  enum class verdict : std::uint8_t {
    apply,          // the command is applied as `serial`; finish() takes the reply
    repeat,         // not applied; `serial` and `reply` are from the first time
    old,            // not applied: the client has issued a later command since
    unknown_client, // not applied: there is no such session, or it is gone
    passed_over,    // not applied, and yet it has `serial`: pass_over() named it; finish() takes the reply
    opened,         // a session was opened; its number is the entry's index
    nothing,        // the entry is not a command
  };
  struct decision {
    verdict what = verdict::nothing;
    std::uint64_t serial = 0;
    payload reply{};
  };

  applied_commands() : applied_commands(bounds()) {}
  explicit applied_commands(const bounds& most) : bounds_(most) {}
  // Not copied: the copy's map would point into the original's list.
  applied_commands(const applied_commands&) = delete;
  applied_commands& operator=(const applied_commands&) = delete;
  applied_commands(applied_commands&&) = default;
  applied_commands& operator=(applied_commands&&) = default;

  // Decides about the entry at `index`, which must be the next one.
  decision take(log_index index, const entry& one);
  // Whether the session's command with that number would not be applied if its entry came now: it repeats an
  // earlier command, or is older, or the session is gone. False for a session whose entry has not come yet.
  bool is_settled(std::uint64_t client, std::uint64_t sequence) const;
  // Whether the session was opened by another node than that one. False: it was opened by that node, or its
  // entry names no node, or there is no such session.
  bool belongs_to_other(std::uint64_t client, std::string_view node) const;
  // A committed entry of the kind `skip` names this serial, so that no member applies the command. Called for
  // each such entry before that entry is taken, and after restore() for the entries that the state does not
  // contain. False: the command was applied, so the state differs from the group's and is of no use.
  bool pass_over(std::uint64_t serial);
  // Keeps the reply of the entry that take() last decided to apply or to pass over.
  void finish(const entry& one, payload reply);

  std::uint64_t serial() const { return serial_; } // of the last command. 0: none
  log_index index() const { return index_; }       // of the last entry
  std::size_t sessions() const { return by_client_.size(); }

  payload save() const;
  // For a new object; the bounds are restored too. errc::invalid: malformed, and the object is unchanged.
  base::status restore(base::bytes_span from);

 private:
  static constexpr std::size_t longest_node = 1020; // bytes of a name; the rest is not read
  // The sessions of one node.
  struct owner {
    std::list<std::uint64_t> by_use; // its sessions; the one unused for longest comes first
    std::uint64_t bytes = 0;         // of their replies
    std::uint64_t listed = 0;        // `bytes` as it stands in by_bytes_
  };
  using owners = std::map<std::string, owner, std::less<>>;
  struct session {
    std::uint64_t client = 0, sequence = 0; // the last command that was applied. 0: none
    std::uint64_t serial = 0;
    payload reply{};
    owners::iterator of{};
    std::list<std::uint64_t>::iterator in_owner{};
  };
  using place = std::list<session>::iterator;

  decision next();
  place open(std::uint64_t client, std::string_view node);
  void close(place one);
  void set_reply(session& of, payload reply);
  void list_by_bytes();
  void shed();
  std::uint64_t session_to_close() const;

  bounds bounds_;
  std::uint64_t serial_ = 0;
  log_index index_ = 0;
  std::uint64_t bytes_ = 0;
  std::list<session> by_use_; // the session unused for longest comes first
  std::unordered_map<std::uint64_t, place> by_client_;
  owners owners_;
  // Each owner with its number of sessions, and with its bytes. The names are keys of owners_.
  std::set<std::pair<std::uint64_t, std::string_view>> by_count_, by_bytes_;
  // Owners whose bytes have changed since they were listed. They are listed again when the order is needed,
  // so that a command below the bound of bytes changes no order.
  std::set<std::string_view> unlisted_;
  // The latest serials that were passed over, and the serials that will be passed over. The second set is
  // not saved, because it is made from the log.
  static constexpr std::size_t most_passed = 1000;
  std::set<std::uint64_t> passed_, to_pass_;
};

} // namespace coppice::consensus
