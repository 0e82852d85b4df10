// SPDX-License-Identifier: MIT
// See saga_words.hpp.
#include "behaviours/saga/saga_words.hpp"

#include <coppice/etf/cursor.hpp>

#include "behaviours/gen/report_fields.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using saga::answer_kind;
using saga::commit_kind;
using saga::request_kind;

namespace {

message tagged_term(std::string_view word, const saga::term& value) {
  message_writer out(value.encoded.size() + 32);
  out.tuple(2);
  out.atom(word);
  write(out, value);
  return out.take();
}

bool says_nothing(const saga::term& value) {
  return value.encoded.empty() || etf::cursor(bytes_of(value.encoded)).read_atom_is("undefined");
}

} // namespace

void write(etf::writer& out, const saga::term& of) {
  if (of.encoded.empty())
    out.atom("undefined");
  else
    out.raw(bytes_of(of.encoded));
}

message saga_answer(const saga::reply& of, commit_kind kind) {
  if (of.what == answer_kind::busy) return tagged_term("busy", of.value);
  if (of.what == answer_kind::error)
    return tagged_term(of.to == request_kind::perform ? "error" : "never", of.value);
  if (of.to != request_kind::perform) return message::atom("ok");
  if (kind == commit_kind::compensate) return tagged_term("ok", of.value);
  return says_nothing(of.value) ? message::atom("prepared") : tagged_term("prepared", of.value);
}

std::optional<read_saga_answer> read_answer(etf::bytes answer, request_kind to, commit_kind kind) {
  etf::cursor at(answer);
  std::string_view word;
  const bool performs = to == request_kind::perform;
  const bool prepares = performs && kind == commit_kind::two_phase;
  if (at.read_atom(word)) {
    if (word == (prepares ? "prepared" : "ok") && (prepares || !performs)) return read_saga_answer{};
    return std::nullopt;
  }
  etf::bytes value;
  if (!at.read_tuple_of(2) || !at.read_atom(word) || !at.read_term(value)) return std::nullopt;
  if (word == "busy") return read_saga_answer{answer_kind::busy, term_from(value)};
  if (performs && word == (prepares ? "prepared" : "ok"))
    return read_saga_answer{answer_kind::ok, term_from(value)};
  if (performs && word == "error") return read_saga_answer{answer_kind::error, term_from(value)};
  if (to == request_kind::reverse && word == "never")
    return read_saga_answer{answer_kind::error, term_from(value)};
  return std::nullopt;
}

message outcome_term(const saga::outcome& of) {
  switch (of.what) {
    case saga::outcome_kind::open:
      return message::atom("open");
    case saga::outcome_kind::committed:
      return tagged_term("committed", of.value);
    case saga::outcome_kind::compensated:
      return tagged_term("compensated", of.value);
    case saga::outcome_kind::aborted:
      return tagged_term("aborted", of.value);
    case saga::outcome_kind::unknown:
      break;
  }
  return message::atom("unknown");
}

message resolved_answer(const std::string& tx, std::size_t parts) {
  message_writer out(tx.size() + 64);
  out.tuple(2);
  out.atom("report");
  out.map(2);
  report::text(out, "tx", tx);
  report::number(out, "decided", parts);
  return out.take();
}

message enveloped(std::string_view name, const saga::message_body& of) {
  const std::string body = saga::encode(of);
  message_writer out(body.size() + name.size() + 32);
  out.tuple(3);
  out.atom("saga");
  out.binary(name);
  out.raw(bytes_of(body));
  return out.take();
}

std::optional<base::result<std::pair<std::string, saga::message_body>>> read_envelope(etf::bytes cast) {
  etf::cursor at(cast);
  if (!at.read_tuple_of(3) || !at.read_atom_is("saga")) return std::nullopt;
  std::string name;
  etf::bytes body;
  if (!at.read_text(name) || !saga::is_sound(name) || !at.read_term(body))
    return base::fail(base::errc::invalid, "a saga's cast names its sender by a text of 1 to 255 bytes");
  auto read = saga::decode_message(bytes_of(body));
  if (!read) return unexpected(std::move(read.error()));
  return std::pair(std::move(name), std::move(*read));
}

} // namespace coppice::behaviours
