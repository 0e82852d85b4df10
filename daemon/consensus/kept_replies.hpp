// SPDX-License-Identifier: MIT
// The replies to the latest commands that a member has applied, by serial, up to a bound of bytes. A client
// can ask later for the reply to a command. The replies are no part of the state: a member that begins with
// a snapshot only has the replies to commands that it applies from then on. One thread at a time.
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

  // `most_bytes` counts the replies and the bookkeeping.
  explicit kept_replies(std::size_t most_bytes = std::size_t{32} << 20) : most_bytes_(most_bytes) {}

  // The command of that serial was applied. If the serial does not follow the last one, all earlier replies
  // are dropped. The last reply stays, however long it is.
  void keep(std::uint64_t serial, log_index index, payload reply);
  // Null: the reply was dropped, or never was here. The pointer is valid until the next call of another
  // function.
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
