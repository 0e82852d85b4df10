// SPDX-License-Identifier: MIT
// The part of transactions that is kept on the disk. Each record has a key and replaces the record with that
// key, so the disk holds exactly what is open. Each record is whole or absent: a crash between the records of
// one write leaves a first part of them, and recovery can continue from every such part. Any thread.
#pragma once

#include <compare>
#include <optional>
#include <variant>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "saga/types.hpp"

namespace coppice::saga {

enum class record_kind : std::uint8_t { begin, plan, decision, skip, entry, ended, reversed };

struct record_key {
  std::uint64_t number = 0; // of the transaction or entry, on this node; never 0
  record_kind kind = record_kind::begin;
  std::uint32_t step = 0; // for plan and skip. Otherwise 0
  auto operator<=>(const record_key&) const = default;
};

// A transaction that was started here.
struct begin_record {
  std::string tx;
  std::string starter; // the node that started it
  commit_kind kind = commit_kind::compensate;
  std::uint32_t hops = 0; // for its steps; kept here so that keys stay the same if the options change
  base::nanos deadline = 0;
  term value;
  address self;           // of this saga. The keys of its steps contain it
  std::uint32_t ends = 0; // callbacks about it that ended the actor
  bool operator==(const begin_record&) const = default;
};

// The decision of handle_start (key.step 0), or of handle_result or handle_failed for a step, with the
// step's answer. The actor is not asked again about this step.
struct plan_record {
  enum class verdict : std::uint8_t { go_on, done, retry, replace } what = verdict::go_on;
  bool succeeded = true;   // whether the step succeeded
  std::uint32_t order = 0; // number of the plan within the transaction, from 1
  std::uint32_t first = 0; // the number of steps[0]
  term answer;             // the step's result or error
  term final;              // with `done`: the final value
  std::vector<step_spec> steps;
  bool operator==(const plan_record&) const = default;
};

// From here on it is decided how the transaction ends.
struct decision_record {
  bool committed = false;
  term value; // the final value, or the reason
  bool operator==(const decision_record&) const = default;
};

// An operator has declared that a step which cannot be undone counts as undone, or that its participant is
// gone.
struct skip_record {
  bool gone = false; // the step counts as forgotten, too
  bool operator==(const skip_record&) const = default;
};

enum class entry_state : std::uint8_t {
  begun,        // handle_do may have been called
  coordinating, // the actor answered with steps, which are under way
  done,         // done, or prepared
  failed,
  reversed,
  confirmed,
};

// A step that this node takes part in.
struct entry_record {
  step_key key;
  commit_kind kind = commit_kind::compensate;
  entry_state state = entry_state::begun;
  std::uint32_t attempt = 1;
  base::nanos deadline = 0;
  bool leads = false;     // it has steps below it
  bool heuristic = false; // an operator has decided it
  bool heuristic_commit = false;
  term value;             // the value with which the step leads to steps below it
  term answer;            // the result or the error
  address self;           // of this saga, which the coordinator asks
  std::uint32_t ends = 0; // callbacks about it that ended the actor
  bool operator==(const entry_record&) const = default;
};

// How a transaction that was started here has ended.
struct ended_record {
  std::string tx;
  std::string starter;
  outcome how;
  base::nanos until = 0; // when the record may be erased
  bool gone = false;     // committed in two phases, and a participant that was taken for gone may ask for it
  bool operator==(const ended_record&) const = default;
};

// All steps of a transaction that was started here are reversed, and its outcome is told from here on.
struct reversed_record {
  bool operator==(const reversed_record&) const = default;
};

using record = std::variant<begin_record, plan_record, decision_record, skip_record, entry_record,
                            ended_record, reversed_record>;

// An Erlang term without 131.
std::string encode(const record& of);
base::result<record> decode_record(base::bytes_span from);
// 13 bytes, in the order of the keys.
std::string encode(const record_key& of);
base::result<record_key> decode_record_key(base::bytes_span from);

// An upper bound of the bytes that a record, or the erasure of one, takes in a request to the log.
std::size_t weight(const std::optional<record>& of);

struct kept_record {
  record_key key;
  record what;
};

} // namespace coppice::saga
