// SPDX-License-Identifier: MIT
// The checks of a simulated group. A check costs about the same however long the run is: logs are compared by
// a hash of everything before an entry, when the entry is appended.
#include "truth.hpp"

#include <algorithm>

namespace coppice::consensus::simulation {

void fail(const std::string& what) {
  throw violation(what);
}

std::uint64_t hash_of(base::bytes_span bytes) {
  std::uint64_t sum = bytes.size();
  while (bytes.size() >= 8) {
    sum = mix(sum, base::load_be64(bytes.data()));
    bytes = bytes.subspan(8);
  }
  for (const std::uint8_t one : bytes) sum = mix(sum, one);
  return sum;
}

std::uint64_t hash_of(const entry& one) {
  return mix(mix(one.term, static_cast<std::uint64_t>(one.kind)),
             mix(mix(one.client, one.sequence), hash_of(one.body.bytes())));
}

void truth::leads(term_number term, std::size_t node, const raft_log& log) {
  if (leaders_.size() <= term) leaders_.resize(term + 1);
  if (leaders_[term] != 0 && leaders_[term] != node + 1)
    fail("election safety: two leaders in term " + std::to_string(term));
  if (leaders_[term] != 0) return;
  leaders_[term] = node + 1;
  for (log_index at = commits_.size(); at > 0; --at) {
    const one_commit& commit = commits_[at - 1];
    if (commit.known_in >= term) continue;
    if (log.last() < at || (at >= log.base() && log.term_at(at) != commit.term))
      fail("leader completeness: the leader of term " + std::to_string(term) + " lacks entry " +
           std::to_string(at));
    break;
  }
}

void truth::starts_at(prefixes& of, log_index committed) const {
  if (committed > commits_.size()) fail("state machine safety: a snapshot of what is not committed");
  if (of.size() <= committed) of.resize(committed + 1);
  for (log_index i = 1; i <= committed; ++i) of[i] = commits_[i - 1].prefix;
}

void truth::appended(prefixes& of, const write& one) {
  if (one.truncate_from > 0 && of.size() > one.truncate_from) of.resize(one.truncate_from);
  if (one.install && !one.keep_log) {
    of.clear();
    starts_at(of, one.install->index);
  }
  log_index at = one.first;
  for (const entry& added : one.entries) {
    if (of.empty()) of.push_back(0);
    if (of.size() != at) fail("log matching: entries with a gap at " + std::to_string(at));
    of.push_back(mix(of.back(), hash_of(added)));
    if (logs_.size() <= at) logs_.resize(at + 1);
    auto& known = logs_[at];
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const auto& seen) { return seen.first == added.term; });
    if (same == known.end())
      known.emplace_back(added.term, of.back());
    else if (same->second != of.back())
      fail("log matching: two logs with entry " + std::to_string(at) + " of term " +
           std::to_string(added.term));
    ++at;
  }
}

void truth::committed(log_index index, term_number of_entry, term_number now, std::uint64_t prefix) {
  if (index <= commits_.size()) {
    if (commits_[index - 1].prefix != prefix)
      fail("state machine safety: two entries committed at " + std::to_string(index));
    return;
  }
  if (index != commits_.size() + 1) fail("state machine safety: a commit with a gap");
  commits_.push_back({of_entry, now, prefix});
}

void truth::applied(log_index index, std::uint64_t state, std::uint64_t serial, std::uint64_t operation) {
  if (index <= states_.size()) {
    const one_applied& known = states_[index - 1];
    if (known.state != state || known.serial != serial)
      fail("state machine safety: states differ at " + std::to_string(index));
    return;
  }
  if (index != states_.size() + 1) fail("state machine safety: applied with a gap");
  states_.push_back({state, serial});
  if (operation == 0) return;
  if (operations_.size() <= operation) operations_.resize(operation + 1);
  if (operations_[operation].index != 0)
    fail("exactly once: operation " + std::to_string(operation) + " applied twice");
  operations_[operation] = {index, serial};
}

void truth::restored(log_index index, std::uint64_t state) const {
  if (index > states_.size() || states_[index - 1].state != state)
    fail("state machine safety: a snapshot differs at " + std::to_string(index));
}

void truth::acknowledged(std::uint64_t operation, std::uint64_t serial, log_index shown_before) {
  if (operations_.size() <= operation || operations_[operation].index == 0)
    fail("an acknowledged operation was never applied");
  if (operations_[operation].serial != serial) fail("exactly once: an operation with two serials");
  if (operations_[operation].index <= shown_before)
    fail("linearizability: an append before what was seen before it");
  shown_ = std::max(shown_, operations_[operation].index);
  ++acknowledged_count;
}

void truth::answered_read(log_index read, log_index state, log_index shown_before) {
  if (read < shown_before)
    fail("linearizability: a read at " + std::to_string(read) + " after " + std::to_string(shown_before) +
         " was seen");
  shown_ = std::max(shown_, state);
  ++read_count;
}

} // namespace coppice::consensus::simulation
