// SPDX-License-Identifier: MIT
// The words of a saga for Erlang: a participant's answers to requests, an outcome, and the envelope of what
// is cast. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/messages/message.hpp"
#include "saga/message.hpp"

namespace coppice::behaviours {

// The answer to the request of that kind: {ok, R}, prepared, {prepared, R}, {error, E}, ok, {never, E} or
// {busy, E}.
runtime::message saga_answer(const saga::reply& of, saga::commit_kind kind);
// A participant's answer. read_answer() nullopt: the request may not have this answer.
struct read_saga_answer {
  saga::answer_kind what = saga::answer_kind::ok;
  saga::term value;
};
std::optional<read_saga_answer> read_answer(etf::bytes answer, saga::request_kind to, saga::commit_kind kind);

// open | {committed, Final} | {compensated, Reason} | {aborted, Reason} | unknown
runtime::message outcome_term(const saga::outcome& of);
// {report, #{tx, decided}}: how many steps an operator's decision has counted for.
runtime::message resolved_answer(const std::string& tx, std::size_t parts);

// {saga, Name, Message}: the cast of a saga to another saga. The node is the message's origin.
runtime::message enveloped(std::string_view name, const saga::message_body& of);
// nullopt: another cast. An error: it has this form, and makes no sense.
std::optional<base::result<std::pair<std::string, saga::message_body>>> read_envelope(etf::bytes cast);

inline base::bytes_span bytes_of(etf::bytes term) {
  return {term.data(), term.size()};
}
inline etf::bytes bytes_of(const std::string& encoded) {
  return {reinterpret_cast<const std::uint8_t*>(encoded.data()), encoded.size()};
}
inline saga::term term_from(etf::bytes of) {
  return {std::string(reinterpret_cast<const char*>(of.data()), of.size())};
}
// The term, or `undefined` for an empty one.
void write(etf::writer& out, const saga::term& of);

} // namespace coppice::behaviours
