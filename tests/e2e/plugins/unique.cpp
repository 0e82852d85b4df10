// SPDX-License-Identifier: MIT
// unique: a replicated state machine whose `validate` reads the state. It keeps texts, each once.
#include <coppice/raft.hpp>

#include <cstdint>
#include <set>
#include <string>

namespace {

namespace etf = coppice::etf;

struct add { // {add, Text}: refused if it is kept already. Returns the number of texts
  std::string text;
};
using count = etf::constant<"count">;

class unique_machine : public coppice::raft_machine {
 public:
  static constexpr std::string_view name = "unique";

  void validate(const add& what) const {
    if (texts_.contains(what.text)) throw coppice::discarded(etf::atom{"known"});
  }
  std::uint64_t apply(const coppice::entry&, const add& what) {
    texts_.insert(what.text);
    return texts_.size();
  }
  std::uint64_t handle_query(const count&) const { return texts_.size(); }

  std::set<std::string> save_state() const { return texts_; }
  void restore_state(const std::set<std::string>& saved) { texts_ = saved; }

 private:
  std::set<std::string> texts_;
};

} // namespace

COPPICE_PLUGIN("unique", "1.0.0", unique_machine);
