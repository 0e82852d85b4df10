// SPDX-License-Identifier: MIT
// ledger: a replicated state machine. Accounts with balances, which are alike on all nodes of a Raft group.
// The effect of a command depends on the accounts and the command alone, and a command that is refused
// changes nothing. The accounts are kept in order, so that every member writes the same snapshot.
#include <coppice/raft.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace ledger {

using coppice::discarded;
using coppice::entry;
namespace etf = coppice::etf;

// Commands.
struct deposit { // {deposit, Account, Amount}
  std::string account;
  std::int64_t amount = 0;
};
struct transfer { // {transfer, From, To, Amount}
  std::string from;
  std::string to;
  std::int64_t amount = 0;
};

// Queries.
struct balance { // {balance, Account}
  std::string account;
};
using accounts = etf::constant<"accounts">;
using total = etf::constant<"total">;

// Reasons.
using bad_amount = etf::constant<"bad_amount">;
using same_account = etf::constant<"same_account">;
using insufficient = etf::constant<"insufficient">;
using too_much = etf::constant<"too_much">;

// Replies.
struct balances { // {balances, OfFrom, OfTo}
  std::int64_t of_from = 0;
  std::int64_t of_to = 0;
};

constexpr std::int64_t most = std::int64_t{1} << 53; // of an account, and of an amount

class ledger_machine : public coppice::raft_machine {
 public:
  static constexpr std::string_view name = "ledger";
  static constexpr std::uint32_t state_version = 1;
  using commands = std::variant<deposit, transfer>;
  using queries = std::variant<balance, accounts, total>;

  // A command that is wrong for any accounts never reaches the log.
  void validate(const deposit& what) const { check(what.amount); }
  void validate(const transfer& what) const {
    check(what.amount);
    if (what.from == what.to) throw discarded(same_account{});
  }

  // The new balance.
  std::int64_t apply(const entry&, const deposit& what) {
    check(what.amount);
    if (held(what.account) > most - what.amount) throw discarded(too_much{});
    return accounts_[what.account] += what.amount;
  }
  balances apply(const entry&, const transfer& what) {
    validate(what);
    if (held(what.from) < what.amount) throw discarded(insufficient{});
    if (held(what.to) > most - what.amount) throw discarded(too_much{});
    return {accounts_[what.from] -= what.amount, accounts_[what.to] += what.amount};
  }

  // 0 for an account that there is not.
  std::int64_t handle_query(const balance& of) const { return held(of.account); }
  std::uint64_t handle_query(const accounts&) const { return accounts_.size(); }
  std::int64_t handle_query(const total&) const {
    std::int64_t sum = 0;
    for (const auto& [account, held] : accounts_) sum += held;
    return sum;
  }

  std::map<std::string, std::int64_t> save_state() const { return accounts_; }
  void restore_state(const std::map<std::string, std::int64_t>& saved) { accounts_ = saved; }

 private:
  std::int64_t held(const std::string& account) const {
    const auto found = accounts_.find(account);
    return found == accounts_.end() ? 0 : found->second;
  }
  static void check(std::int64_t amount) {
    if (amount <= 0 || amount > most) throw discarded(bad_amount{});
  }

  std::map<std::string, std::int64_t> accounts_;
};

} // namespace ledger

COPPICE_PLUGIN("ledger", "1.0.0", ledger::ledger_machine);
