// SPDX-License-Identifier: MIT
// The replies to the commands that a member has applied, by their serials: those of the latest commands, up
// to a bound of bytes. They answer who asks later what a command has done. They are no part of the state: a
// member that begins with a snapshot has those of the commands that it applies from then on. One thread at a
// time.
#pragma once

#include <cstdint>
#include <deque>

#include "consensus/types.hpp"

namespace coppice::consensus {

class kept_replies {
 public:
  struct kept {
    log_index index = 0; // of the command's entry
    payload reply{};
  };

  // Bytes with those of the bookkeeping.
  explicit kept_replies(std::size_t most_bytes = std::size_t{32} << 20) : most_bytes_(most_bytes) {}

  // The command of that serial was applied. A serial that does not follow the last one makes all earlier
  // replies go. The last reply stays, however long it is.
  void keep(std::uint64_t serial, log_index index, payload reply);
  // Null: the reply has gone, or never was here. Until the next call of another function.
  const kept* find(std::uint64_t serial) const;
  // The log has no entries up to `index` any more.
  void forget_up_to(log_index index);

  std::size_t count() const { return all_.size(); }

 private:
  static std::size_t weight(const kept& one) { return sizeof(kept) + one.reply.size(); }
  void drop_first();

  std::size_t most_bytes_, bytes_ = 0;
  std::uint64_t first_ = 1; // the serial of all_.front()
  std::deque<kept> all_;
};

} // namespace coppice::consensus
