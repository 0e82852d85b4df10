// SPDX-License-Identifier: MIT
// The processes that a saga tells how its open transactions go on, and the bounds of their number: of one
// node for one transaction, and of one other node for all transactions. A subscription costs the same
// however many others there are. In the saga's own turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

class saga_subscribers {
 public:
  static constexpr std::size_t most_of_transaction = 1000; // processes of one node
  static constexpr std::size_t most_of_node = 10'000;      // of another node, for all transactions

  // False: its node has as many as it may. A process that is subscribed already stays so.
  bool add(const std::string& tx, const runtime::pid& who);
  // The subscribers of one transaction, in no order.
  using processes = std::unordered_set<runtime::pid, runtime::pid_hash>;
  // Null: there are none.
  const processes* of(const std::string& tx) const;
  // The transaction is over.
  void remove(const std::string& tx);

  // Approximate size of what is kept for other nodes.
  std::size_t bytes_for_others() const { return for_others_ * memory_of_one; }

 private:
  static constexpr std::size_t memory_of_one = sizeof(runtime::pid) + 48; // with its place in the table

  struct of_transaction {
    processes all;
    std::unordered_map<std::uint32_t, std::size_t> by_node; // none is 0
  };
  std::map<std::string, of_transaction> by_tx_;            // none is empty
  std::unordered_map<std::uint32_t, std::size_t> by_node_; // of other nodes; none is 0
  std::size_t for_others_ = 0;                             // of all other nodes
};

} // namespace coppice::behaviours
