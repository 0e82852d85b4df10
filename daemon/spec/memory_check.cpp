// SPDX-License-Identifier: MIT
// See memory_check.hpp.
#include "spec/memory_check.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "spec/kinds/raft_groups.hpp"
#include "spec/kinds/raft_state.hpp"
#include "spec/kinds/saga_values.hpp"
#include "spec/memory_share.hpp"

namespace coppice::spec {
namespace {

class memory_check {
 public:
  memory_check(const limit_options& limits, std::uint64_t machine_memory, typed_values& notes, report& to)
      : limits_(limits), machine_memory_(machine_memory), notes_(notes), to_(to) {}

  // Checked if the key is written. The default value is not checked where memory is a share: `check
  // --effective` writes it out, so it says nothing about what the user wants.
  void check_term_bytes(const node& root) {
    const node* at = root.find("node");
    for (const std::string_view key : {"limits", "term_bytes"}) at = value_of(at, key);
    const std::uint64_t term_bytes = limits_.term_bytes;
    if (at == nullptr || (is_share() && term_bytes == limit_options().term_bytes)) return;
    const std::uint64_t most = memory_here() / 4;
    if (term_bytes > most)
      to_.warning(at->at,
                  "node.limits.term_bytes: more than a quarter of memory, which is " + std::to_string(most) +
                      " bytes" + (is_share() ? on_this_machine() : std::string()),
                  "a message of another node, or the state of a Raft group, can have that much at most");
  }

  // A group whose state has no room for one command could have no snapshot.
  void check_raft_states() {
    for (const raft_groups::longest_command& one : notes_.get<raft_groups>().commands)
      compare(one.at, one.bytes, &largest_raft_state,
              {"raft.limits.entry: a command may have ", "the whole state of a group", "raft.limits.entry"});
  }

  // Another node could not send a value of that size.
  void check_saga_values() {
    for (const saga_values::longest_value& one : notes_.get<saga_values>().values)
      compare(one.at, one.bytes, &largest_saga_value,
              {"saga.limits.value: a value may have ", "one of another node", "saga.limits.value"});
  }

 private:
  struct compared_words {
    std::string_view begin, whole, key;
  };
  // Error: `bytes` are above the bound on every machine. Warning: memory is a share, and `bytes` are above
  // the bound on this machine; the node may run on another machine.
  template <class Bound>
  void compare(const place& at, std::uint64_t bytes, Bound (*bound)(std::uint64_t, std::uint64_t),
               const compared_words& words) {
    const std::uint64_t term_bytes = limits_.term_bytes;
    const Bound sure = bound(term_bytes, is_share() ? UINT64_MAX : memory_here());
    const Bound here = bound(term_bytes, memory_here());
    if (bytes <= here.bytes) return;
    const bool is_sure = bytes > sure.bytes;
    const Bound& most = is_sure ? sure : here;
    std::string message = std::string(words.begin) + std::to_string(bytes) + " bytes, and " +
                          std::string(words.whole) + " " + std::to_string(most.bytes) + ": " +
                          std::string(most.by);
    std::string hint = "raise that limit of the node, or lower " + std::string(words.key);
    if (is_sure)
      to_.error(at, std::move(message), std::move(hint));
    else
      to_.warning(at, std::move(message) + on_this_machine(), std::move(hint));
  }

  bool is_share() const { return limits_.memory.percent != 0; }
  std::uint64_t memory_here() const { return bytes_of(limits_.memory, machine_memory_); }
  std::string on_this_machine() const {
    return " on this machine, of whose " + std::to_string(machine_memory_) + " bytes it is " +
           std::to_string(limits_.memory.percent) + "%";
  }

  const limit_options& limits_;
  const std::uint64_t machine_memory_;
  typed_values& notes_;
  report& to_;
};

} // namespace

void check_memory(const node& root, const limit_options& limits, std::uint64_t machine_memory,
                  typed_values& notes, report& to) {
  memory_check check(limits, machine_memory, notes, to);
  check.check_term_bytes(root);
  check.check_raft_states();
  check.check_saga_values();
}

} // namespace coppice::spec
