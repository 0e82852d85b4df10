// SPDX-License-Identifier: MIT
// The messages between coordinators and participants, and their form as Erlang terms. Messages may be lost,
// repeated, delayed and reordered. Any thread.
#pragma once

#include <variant>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "saga/types.hpp"

namespace coppice::saga {

// A coordinator's requests to a participant. `perform` is saga_do or saga_prepare, `reverse` is saga_undo or
// saga_abort, depending on the kind of the transaction.
enum class request_kind : std::uint8_t { perform, reverse, confirm, forget };

struct request {
  request_kind what = request_kind::perform;
  commit_kind kind = commit_kind::compensate; // confirm: two_phase. forget: not read
  step_key key;
  term value;                // confirm: the final value. abort and forget: none
  std::uint64_t left_ms = 0; // perform: milliseconds that the transaction has left
  bool operator==(const request&) const = default;
};

enum class answer_kind : std::uint8_t {
  ok,    // perform: done, or prepared
  error, // perform: it failed and has no effect. reverse: it cannot be undone
  busy,  // not now; the coordinator asks again
};

struct reply {
  request_kind to = request_kind::perform;
  answer_kind what = answer_kind::ok;
  step_key key;
  term value;
  bool operator==(const reply&) const = default;
};

// Asks for the decision: sent by a participant that is prepared and has heard nothing for a while.
struct question {
  step_key key;
  bool operator==(const question&) const = default;
};

// An interim value. Sent once, without an answer.
struct interim_message {
  step_key key;
  term value;
  bool operator==(const interim_message&) const = default;
};

using message_body = std::variant<request, reply, question, interim_message>;

// `from` has the node of the connection that brought the message, never a node that the message names.
struct message {
  address from, to;
  message_body body;
  bool awaits_answer = true; // of a request: false if its reply is of no use
  bool operator==(const message&) const = default;
};

// {saga_do, {Tx, Step}, Value, LeftMs}, {saga_undo, {Tx, Step}, Value}, {saga_prepare, {Tx, Step}, Value,
// LeftMs}, {saga_commit, {Tx, Step}, Final}, {saga_abort, {Tx, Step}}, {saga_forget, {Tx, Step}},
// {saga_answer, {Tx, Step}, Request, Answer, Value}, {saga_question, {Tx, Step}}, {saga_interim, {Tx, Step},
// Value}; Step is {Hops, [{{Name, Node}, Number}, …]}. Without 131.
std::string encode(const message_body& of);
// errc::invalid: it has none of these forms, or a name or path is empty or too long.
base::result<message_body> decode_message(base::bytes_span from);

} // namespace coppice::saga
