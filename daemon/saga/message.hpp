// SPDX-License-Identifier: MIT
// What coordinators and participants say to each other, and its form as an Erlang term. Messages may be lost,
// come twice, late and in another order. Any thread.
#pragma once

#include <variant>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "saga/types.hpp"

namespace coppice::saga {

// What a coordinator asks of a participant. `perform` is saga_do or saga_prepare, `reverse` saga_undo or
// saga_abort, by the kind of the transaction.
enum class request_kind : std::uint8_t { perform, reverse, confirm, forget };

struct request {
  request_kind what = request_kind::perform;
  commit_kind kind = commit_kind::compensate; // of confirm: two_phase. Of forget: not read
  step_key key;
  term value;                // of confirm: the final value. Of abort and forget: none
  std::uint64_t left_ms = 0; // of perform: milliseconds that the transaction has left
  bool operator==(const request&) const = default;
};

enum class answer_kind : std::uint8_t {
  ok,    // of perform: done, or prepared
  error, // of perform: it failed and has no effect. Of reverse: it cannot be undone
  busy,  // not now; to be asked again
};

struct reply {
  request_kind to = request_kind::perform;
  answer_kind what = answer_kind::ok;
  step_key key;
  term value;
  bool operator==(const reply&) const = default;
};

// A participant that is prepared has heard nothing for a while.
struct question {
  step_key key;
  bool operator==(const question&) const = default;
};

// Best effort: sent once.
struct interim_message {
  step_key key;
  term value;
  bool operator==(const interim_message&) const = default;
};

using message_body = std::variant<request, reply, question, interim_message>;

// The sender's node is the connection's by which it came, never what the message says.
struct message {
  address from, to;
  message_body body;
  bool operator==(const message&) const = default;
};

// {saga_do, {Tx, Step}, Value, LeftMs}, {saga_undo, {Tx, Step}, Value}, {saga_prepare, {Tx, Step}, Value,
// LeftMs}, {saga_commit, {Tx, Step}, Final}, {saga_abort, {Tx, Step}}, {saga_forget, {Tx, Step}},
// {saga_answer, {Tx, Step}, Request, Answer, Value}, {saga_question, {Tx, Step}}, {saga_interim, {Tx, Step},
// Value}; Step is {Hops, [{{Name, Node}, Number}, …]}. Without 131.
std::string encode(const message_body& of);
// errc::invalid: it is none of them, or a name or path is empty or too long.
base::result<message_body> decode_message(base::bytes_span from);

} // namespace coppice::saga
