// SPDX-License-Identifier: MIT
// The challenges that this node has sent in handshakes under way. The answer to a challenge proves the
// cookie, so the node never answers one of its own: an attacker without the cookie and with two connections
// to this node could pass the challenge of one on to the other, and its answer back. An attacker between two
// nodes with one cookie can still do that; TLS with `verify: peer` prevents it. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "base/random.hpp"

namespace coppice::dist {

class open_challenges {
 public:
  // A challenge that is in the list as long as this object lives. The list outlives it.
  class given {
   public:
    given() = default;
    // For a node that has no other handshakes: the challenge is in no list.
    explicit given(std::uint32_t value) : value_(value) {}
    std::uint32_t value() const { return value_; }

   private:
    friend class open_challenges;
    given(open_challenges& of, std::uint32_t value) : value_(value), of_(&of, take_back{value}) {}
    struct take_back {
      std::uint32_t value; // no default: it would not be known yet in the enclosing class
      void operator()(open_challenges* of) const { of->forget(value); }
    };

    std::uint32_t value_ = 0;
    std::unique_ptr<open_challenges, take_back> of_{nullptr, take_back{0}};
  };

  given hand_out() {
    const std::lock_guard guard(lock_);
    std::uint32_t fresh = base::random_u32();
    while (!values_.insert(fresh).second) fresh = base::random_u32();
    return {*this, fresh};
  }

  bool contains(std::uint32_t challenge) const {
    const std::lock_guard guard(lock_);
    return values_.contains(challenge);
  }

 private:
  void forget(std::uint32_t value) {
    const std::lock_guard guard(lock_);
    values_.erase(value);
  }

  mutable std::mutex lock_;
  std::unordered_set<std::uint32_t> values_;
};

} // namespace coppice::dist
