// SPDX-License-Identifier: MIT
// A plugin's replicated state machine: committed entries become calls of `apply`; clients' questions become
// calls of `validate` and `handle_query`. Each answer goes to the group's member. In the process's own turn.
#include <utility>
#include <vector>

#include "host/actors/raft_actor.hpp"
#include "host/boundary/callback.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using consensus::applied_commands;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;
namespace raft = behaviours::raft;

namespace {

consensus::payload payload_of(const message& m) {
  return consensus::payload(m.bytes());
}

message error_of(std::string_view tag, std::string_view what) {
  message_writer out;
  out.tuple(2);
  out.atom(tag);
  out.atom(what);
  return runtime::error_message(out.take());
}

// {error, {discarded, skipped, Serial}}
message skipped(std::uint64_t serial) {
  message_writer out;
  out.tuple(3);
  out.atom("discarded");
  out.atom("skipped");
  out.unsigned_integer(serial);
  return runtime::error_message(out.take());
}

// {ok, Reply}, or {ok, Serial, Reply} unless the serial is 0.
message ok_answer(std::uint64_t serial, const message& reply) {
  message_writer out(reply.size() + 32);
  out.tuple(serial == 0 ? 2 : 3);
  out.atom("ok");
  if (serial != 0) out.unsigned_integer(serial);
  if (reply)
    out.raw(reply.bytes());
  else
    out.atom("ok");
  return out.take();
}

} // namespace

bool raft_actor::read_entry(etf::cursor& at, given_entry& out) {
  std::uint64_t kind = 0;
  if (!at.read_tuple_of(6) || !at.read_unsigned(out.index) || !at.read_unsigned(kind) ||
      !at.read_unsigned(out.about.client) || !at.read_unsigned(out.about.sequence) ||
      !at.read_bool(out.wanted) || !at.read_binary(out.body))
    return false;
  out.about.kind = static_cast<consensus::entry_kind>(kind);
  if (out.about.kind == consensus::entry_kind::session) out.about.body = consensus::payload(out.body);
  return true;
}

outcome raft_actor::take_entries(process& self, const message& m, etf::cursor at) {
  std::uint32_t count = 0;
  if (!at.read_list(count)) return runtime::carry_on();
  std::vector<std::pair<consensus::log_index, message>> wanted;
  for (bool first = true; count > 0; --count, first = false) {
    if (!first) {
      self.reductions(1);
      if (self.should_yield()) self.yield();
      if (self.exiting()) return runtime::carry_on();
    }
    given_entry one;
    if (!read_entry(at, one)) return runtime::carry_on();
    message answer;
    const std::uint64_t before = commands_.serial();
    outcome next = take_entry(self, m, one, answer);
    if (next.stops() || self.exiting()) return next;
    if (check_ != 0 && commands_.serial() != before && commands_.serial() % check_ == 0) say_hash(self);
    carrier_.applied(self, one.index);
    if (self.exiting()) return runtime::carry_on();
    if (one.wanted) wanted.emplace_back(one.index, answer ? std::move(answer) : message::atom("ok"));
  }
  message_writer out(256);
  begin_saying(out);
  out.tuple(5);
  out.atom(raft::applied_word);
  out.unsigned_integer(commands_.index());
  out.unsigned_integer(commands_.serial());
  out.unsigned_integer(commands_.sessions());
  if (!wanted.empty()) out.list(static_cast<std::uint32_t>(wanted.size()));
  for (const auto& [index, answer] : wanted) {
    out.tuple(2);
    out.unsigned_integer(index);
    out.raw(answer.bytes());
  }
  out.nil();
  say(self, out);
  return runtime::carry_on();
}

outcome raft_actor::take_entry(process& self, const message& m, const given_entry& one, message& answer) {
  using verdict = applied_commands::verdict;
  // The entry is in another log than the one that the state comes from.
  if (one.index != commands_.index() + 1) return runtime::stop(message::atom("bad_entry"));
  const auto came = came_of(one);
  if (came && !effects_.expects(came->what)) {
    // Another entry has brought the same outcome, or it was cancelled. This entry is skipped and has no
    // serial.
    commands_.take(one.index, {});
    return runtime::carry_on();
  }
  const applied_commands::decision decided = commands_.take(one.index, one.about);
  if (one.about.kind == consensus::entry_kind::version) return take_version(self, one.about.sequence);
  switch (decided.what) {
    case verdict::apply: {
      progress_->applying.store(decided.serial, std::memory_order_relaxed);
      outcome next = came ? apply_came(*came, decided.serial) : apply(m, one, decided.serial, answer);
      if (next.stops()) return next;
      progress_->applying.store(0, std::memory_order_relaxed);
      keep_reply(one, decided.serial, answer);
      return next;
    }
    case verdict::passed_over:
      answer = skipped(decided.serial);
      if (came) effects_.pass_over(*came);
      keep_reply(one, decided.serial, came ? message() : answer);
      break;
    case verdict::repeat:
      answer = message::copy_of(decided.reply.bytes());
      break;
    case verdict::old:
      answer = error_of("discarded", "old");
      break;
    case verdict::unknown_client:
      answer = error_of("discarded", "unknown_client");
      break;
    case verdict::opened:
    case verdict::nothing:
      break;
  }
  return runtime::carry_on();
}

// Keeps the reply for a repeat of the command, and for clients that ask by its serial. No answer: the entry
// is no command.
void raft_actor::keep_reply(const given_entry& one, std::uint64_t serial, const message& answer) {
  const consensus::payload said = answer ? payload_of(answer) : consensus::payload();
  commands_.finish(one.about, said);
  replies_.keep(serial, one.index, said);
}

std::optional<raft::group_effects::came_entry> raft_actor::came_of(const given_entry& one) {
  if (one.about.kind != consensus::entry_kind::command || one.about.client != 0) return std::nullopt;
  return raft::group_effects::read_came_entry(one.body);
}

template <class Callback>
std::int32_t raft_actor::noting(looking what, const coppice_entry& about, Callback callback) {
  effects_.begin(about.time, about.random);
  actor().needs_extra().noting = &effects_;
  const std::int32_t status = callback(what);
  actor().extra->noting = nullptr;
  if (status == COPPICE_OK || status == COPPICE_HIBERNATE)
    effects_.keep();
  else
    effects_.undo();
  return status;
}

outcome raft_actor::apply_came(const raft::group_effects::came_entry& one, std::uint64_t serial) {
  coppice_entry about = about_entry(serial);
  about.time = one.time;
  about.random = one.random;
  effects_.begin(about.time, about.random);
  message_writer out(128);
  const bool for_actor = effects_.take(one.what, out);
  effects_.keep(); // whatever the callback does
  if (!for_actor) return runtime::carry_on();
  const message term = out.take();
  const coppice_message given = lend(term);
  const std::int32_t status = noting(looking::apply_info, about, [&](looking callback) {
    return look_only(actor(), callback, [&] {
      return call_or(COPPICE_UNHANDLED, callbacks().apply_info, &actor(), state(), &about, &given);
    });
  });
  actor().extra->refused.clear(); // it was logged
  if (status == COPPICE_DISCARD) {
    actor().extra->error = {};
    return runtime::carry_on();
  }
  if (status == COPPICE_UNHANDLED) {
    const std::string why = take_error_text();
    if (if_unhandled() != runtime::unhandled::ignore) tell_unhandled("message", term.bytes(), why);
    return runtime::carry_on();
  }
  return follow(status, "apply_info", term.bytes());
}

template <class Callback>
std::int32_t raft_actor::asked(looking what, message& out, Callback callback) {
  const coppice_message_api& messages = *message_interface();
  coppice_writer reply;
  if (messages.write_begin(128, &reply) != COPPICE_OK) return COPPICE_E_MEMORY;
  const std::uint8_t* const begin = reply.at;
  const std::int32_t status = look_only(actor(), what, [&] { return callback(&reply); });
  if (actor().extra != nullptr) actor().extra->refused.clear(); // it was logged
  if ((status != COPPICE_OK && status != COPPICE_HIBERNATE) || reply.at == begin) {
    messages.discard(&reply);
    return status;
  }
  coppice_message made;
  if (messages.finish(&reply, &made) != COPPICE_OK) return COPPICE_E_TERM;
  out = take(&made);
  return out ? status : COPPICE_E_TERM;
}

outcome raft_actor::apply(const message& m, const given_entry& one, std::uint64_t serial, message& answer) {
  coppice_entry about = about_entry(serial);
  etf::cursor at(one.body);
  etf::bytes command;
  if (!at.read_tuple_of(3) || !at.read_integer(about.time) || !at.read_unsigned(about.random) ||
      !at.read_term(command))
    return runtime::stop(message::atom("bad_entry"));
  const coppice_message given = lend(m, command);
  message reply;
  const std::int32_t status = noting(looking::apply, about, [&](looking callback) {
    return asked(callback, reply, [&](coppice_writer* out) {
      return call_or(COPPICE_UNHANDLED, callbacks().apply, &actor(), state(), &about, &given, out);
    });
  });
  if (status == COPPICE_UNHANDLED || status == COPPICE_DISCARD) {
    answer = discarded(status, serial);
    return runtime::carry_on();
  }
  answer = ok_answer(serial, reply);
  return follow(status, "apply", command);
}

message raft_actor::discarded(std::int32_t status, std::uint64_t serial) {
  coppice_error said;
  if (actor().extra != nullptr) said = std::exchange(actor().extra->error, {});
  message_writer out(128);
  out.tuple(2);
  out.atom("error");
  out.tuple(serial == 0 ? 2 : 3);
  out.atom("discarded");
  if (said.reason)
    out.raw(said.reason.bytes());
  else if (!said.text.empty())
    out.binary(said.text);
  else
    out.atom(status == COPPICE_DISCARD ? "discarded" : "bad_command");
  if (serial != 0) out.unsigned_integer(serial);
  return out.take();
}

outcome raft_actor::take_query(process& self, const message& m, etf::cursor at) {
  std::uint64_t of = 0;
  etf::bytes query;
  if (!at.read_unsigned(of) || !at.read_term(query)) return runtime::carry_on();
  const coppice_message given = lend(m, query);
  message reply;
  const std::int32_t status = asked(looking::handle_query, reply, [&](coppice_writer* out) {
    return call_or(COPPICE_UNHANDLED, callbacks().handle_query, &actor(), state(), &given, out);
  });
  message answer;
  if (status == COPPICE_UNHANDLED) {
    const std::string why = take_error_text();
    answer = gen::refusal(why.empty() ? "the state machine takes no such query" : why);
  } else {
    outcome next = follow(status, "handle_query", query);
    if (next.stops() || self.exiting()) return next;
    answer = ok_answer(0, reply);
  }
  say_answer(self, raft::queried_word, of, answer);
  return runtime::carry_on();
}

outcome raft_actor::take_validate(process& self, const message& m, etf::cursor at) {
  std::uint64_t of = 0;
  std::uint64_t client = 0;
  std::uint64_t sequence = 0;
  std::string_view node;
  etf::bytes command;
  if (!at.read_unsigned(of) || !at.read_unsigned(client) || !at.read_unsigned(sequence) ||
      !at.read_atom(node) || !at.read_term(command))
    return runtime::carry_on();
  if (commands_.belongs_to_other(client, node)) {
    say_answer(self, raft::queried_word, of, error_of("discarded", "unknown_client"));
    return runtime::carry_on();
  }
  const coppice_message given = lend(m, command);
  std::int32_t status = COPPICE_OK;
  // A repeat gets its first answer, however the state has changed since then.
  if (!commands_.is_settled(client, sequence))
    status = look_only(actor(), looking::validate,
                       [&] { return call_or(COPPICE_OK, callbacks().validate, &actor(), state(), &given); });
  if (actor().extra != nullptr) actor().extra->refused.clear();
  message answer = message::atom("ok");
  if (status == COPPICE_UNHANDLED || status == COPPICE_DISCARD) {
    answer = discarded(status, 0);
  } else {
    outcome next = follow(status, "validate", command);
    if (next.stops() || self.exiting()) return next;
  }
  say_answer(self, raft::validated_word, of, answer);
  return runtime::carry_on();
}

} // namespace coppice::host
