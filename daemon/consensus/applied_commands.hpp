// SPDX-License-Identifier: MIT
// What the log alone decides of the commands that are applied: which serial one has, and whether it is a
// repeat of what its client asked before. Every member that applies has one, feeds it every entry in order,
// and keeps it in its snapshots, so all decide alike. A session is opened by an entry; its number is that
// entry's index. At most `sessions` of them and `reply_bytes` of kept replies stay; the session unused for
// longest goes first. One thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "consensus/types.hpp"

namespace coppice::consensus {

class applied_commands {
 public:
  // Alike on all members: they are part of the state.
  struct bounds {
    std::uint64_t sessions = 100'000;
    std::uint64_t reply_bytes = 64 * 1024 * 1024;
    bool operator==(const bounds&) const = default;
  };
  enum class verdict : std::uint8_t {
    apply,          // as `serial`; finish() says what came of it
    repeat,         // not applied; `serial` and `reply` are those of the first time
    old,            // not applied: its client has asked for something later since
    unknown_client, // not applied: the session never was, or is gone
    opened,         // a session; its number is the entry's index
    nothing,        // the entry is no command
  };
  struct decision {
    verdict what = verdict::nothing;
    std::uint64_t serial = 0;
    payload reply{};
  };

  applied_commands() : applied_commands(bounds()) {}
  explicit applied_commands(const bounds& most) : bounds_(most) {}
  // A copy's map would point into the list of the original.
  applied_commands(const applied_commands&) = delete;
  applied_commands& operator=(const applied_commands&) = delete;
  applied_commands(applied_commands&&) = default;
  applied_commands& operator=(applied_commands&&) = default;

  // The entry at `index`, which is the next one.
  decision take(log_index index, const entry& one);
  // What take() last said to apply has been, with this reply.
  void finish(const entry& one, payload reply);

  std::uint64_t serial() const { return serial_; } // of the last command; 0: none
  log_index index() const { return index_; }       // of the last entry
  std::size_t sessions() const { return by_client_.size(); }

  payload save() const;
  // Into one that has taken nothing; the bounds come with it. Malformed: errc::invalid, and it is as before.
  base::status restore(base::bytes_span from);

 private:
  struct session {
    std::uint64_t client = 0, sequence = 0; // the last one that was applied. 0: none
    std::uint64_t serial = 0;
    payload reply{};
  };
  using place = std::list<session>::iterator;

  void shed();
  static std::uint64_t weight(const session& one) { return one.reply.size(); }

  bounds bounds_;
  std::uint64_t serial_ = 0;
  log_index index_ = 0;
  std::uint64_t bytes_ = 0;
  std::list<session> by_use_; // the one unused for longest first
  std::unordered_map<std::uint64_t, place> by_client_;
};

} // namespace coppice::consensus
