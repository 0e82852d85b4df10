// SPDX-License-Identifier: MIT
// my_raft: a replicated state machine. The command {add, N} adds N, from 1 on, to a sum that is the same in
// all members of the group, and is answered with it. The query `sum` is answered with the sum.
#include <coppice/raft.hpp>

namespace {

namespace etf = coppice::etf;

struct add {
  std::int64_t amount;
};
using sum = etf::constant<"sum">;

class counter : public coppice::raft_machine {
 public:
  // Raise it when the state or what apply does changes: name the oldest_version, add save for that one and a
  // restore_state(coppice::version<1>, …) beside that of version 2, and let apply follow entry.version().
  static constexpr std::uint32_t state_version = 1;

  // Runs at the leader, before the command is in the log. The sum may be older than apply's.
  void validate(const add& what) const {
    if (what.amount < 1) throw coppice::discarded(etf::atom{"bad_amount"});
  }
  // Runs in all members. A discarded command must not have changed anything.
  std::int64_t apply(const coppice::entry&, const add& what) {
    validate(what);
    if (what.amount > INT64_MAX - sum_) throw coppice::discarded(etf::atom{"too_much"});
    return sum_ += what.amount;
  }
  std::int64_t handle_query(const sum&) const { return sum_; }

  std::int64_t save_state() const { return sum_; }
  void restore_state(std::int64_t saved) { sum_ = saved; }

 private:
  std::int64_t sum_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_raft", "0.1.0", counter);
