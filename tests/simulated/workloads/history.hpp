// SPDX-License-Identifier: MIT
// The requests of clients to a replicated ledger and the answers, and a check whether they are linearizable:
// each operation seems to happen at one instant between its invocation and its return. The model is a
// counter for each account: an addition is answered with the new value, a read with the value. An operation
// of unknown outcome may have happened at any time after its invocation, or never.
// tests/harness/linearizable.py has the same search, and names its source. The baton's holder.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../machine/machine.hpp"

namespace coppice::simulated {

class history {
 public:
  static constexpr std::size_t most_of_account = 64; // operations; a set of them is one word

  struct operation {
    std::int64_t adds = 0; // 0: it reads
    nanos invoked = 0;
    nanos returned = never; // never: the outcome is unknown
    std::int64_t answer = 0;
    std::uint64_t serial = 0; // of an addition that was answered
  };
  struct handle {
    std::string account;
    std::size_t at = 0;
  };

  // An account with room for another operation, and for a few at the end.
  std::string any_account();
  handle invoke(const std::string& account, std::int64_t adds);
  void returned(const handle& which, std::int64_t answer, std::uint64_t serial);
  // The operation has not happened and will not.
  void refused(const handle& which);

  const std::map<std::string, std::vector<operation>>& accounts() const { return of_; }
  // Empty: the history is linearizable, as far as the search went.
  std::string objection() const;
  // Serials are unique and follow the time: an addition that was asked for after another one was answered
  // has a higher serial. Empty: that is so.
  std::string objection_to_serials() const;

 private:
  std::map<std::string, std::vector<operation>> of_;
  std::uint64_t epoch_ = 0;
};

// Searches an order of one account's operations. Empty: there is one, or the search was given up.
std::string find_order(const std::vector<history::operation>& all);

} // namespace coppice::simulated
