// SPDX-License-Identifier: MIT
// The facts about a whole simulated group, and the checks of them: election safety, log matching, leader
// completeness, state machine safety, that acknowledged commands stay, that each command is applied at most
// once, and that reads are linearizable with regard to commits. A check that fails throws `violation`. One
// thread at a time.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "consensus/core.hpp"
#include "dice.hpp"

namespace coppice::consensus::simulation {

struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void fail(const std::string& what);

std::uint64_t hash_of(const entry& one);
std::uint64_t hash_of(base::bytes_span bytes);

class truth {
 public:
  // A member's log, as `truth` records it: a hash of everything up to each index.
  using prefixes = std::vector<std::uint64_t>;

  void leads(term_number term, std::size_t node, const raft_log& log);
  // Entries that a member put into its log.
  void appended(prefixes& of, const write& one);
  // The member's log begins with what is committed up to this index.
  void starts_at(prefixes& of, log_index committed) const;
  void committed(log_index index, term_number of_entry, term_number now, std::uint64_t prefix);
  log_index committed() const { return commits_.size(); }

  // A member applied an entry: its state is `state` and its serial `serial`. `operation`: the command that it
  // carried out. 0: none.
  void applied(log_index index, std::uint64_t state, std::uint64_t serial, std::uint64_t operation);
  void restored(log_index index, std::uint64_t state) const;

  // The highest index that an acknowledged command or an answered read has shown to a client.
  log_index shown() const { return shown_; }
  void acknowledged(std::uint64_t operation, std::uint64_t serial, log_index shown_before);
  void answered_read(log_index read, log_index state, log_index shown_before);

  std::uint64_t acknowledged_count = 0, read_count = 0;

 private:
  struct one_commit {
    term_number term = 0;
    term_number known_in = 0; // the term of the first member that reported it
    std::uint64_t prefix = 0;
  };
  struct one_applied {
    std::uint64_t state = 0, serial = 0;
  };
  struct operation_record {
    log_index index = 0;
    std::uint64_t serial = 0;
  };

  std::vector<std::size_t> leaders_;                                     // by term, node + 1
  std::vector<std::vector<std::pair<term_number, std::uint64_t>>> logs_; // by index: prefix of each term
  std::vector<one_commit> commits_;
  std::vector<one_applied> states_;
  std::vector<operation_record> operations_;
  log_index shown_ = 0;
};

} // namespace coppice::consensus::simulation
