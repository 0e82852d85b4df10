// SPDX-License-Identifier: MIT
// A plugin's replicated state machine: its life, and the orders of its group's member. The orders that call
// the plugin with a command or a query are in raft_actor_commands.cpp. In the process's own turn.
#include "host/actors/raft_actor.hpp"

#include <algorithm>
#include <coppice/etf/order.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/requests.hpp"
#include "host/boundary/sized.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using consensus::applied_commands;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;
namespace raft = behaviours::raft;

raft_code::raft_code(const coppice_actor_type& type)
    : actor_code(type),
      callbacks(callbacks_of<coppice_raft>(type, COPPICE_RAFT_DRAFT_3, COPPICE_RAFT_LEAST)),
      versions{state_version - std::min(callbacks.older_versions, state_version), state_version} {}

namespace {

std::optional<consensus::machine_version> tried_version(const actor_plan& plan) {
  if (plan.saved == nullptr || !plan.only_tried) return std::nullopt;
  return plan.saved->version;
}

} // namespace

raft_actor::raft_actor(actor_plan&& plan) : raft_actor(tried_version(plan), std::move(plan)) {}

raft_actor::raft_actor(std::optional<consensus::machine_version> tried, actor_plan&& plan)
    : plugin_actor(std::move(plan)),
      tried_(tried),
      carrier_(effects_, progress_, [this](process& self, etf::bytes came) {
        message_writer out(came.size() + 64);
        begin_saying(out);
        out.tuple(2);
        out.atom(raft::came_word);
        out.raw(came);
        say(self, out);
      }) {
  note_code();
}

void raft_actor::note_code() {
  progress_->validates.store(callbacks().validate != nullptr, std::memory_order_relaxed);
  progress_->versions.store(code().versions, std::memory_order_relaxed);
}

outcome raft_actor::take_call(process& self, const message&, etf::bytes from, etf::bytes) {
  gen::reply(self, from, gen::refusal("a replicated state machine is asked by way of its group's members"));
  return runtime::carry_on();
}

outcome raft_actor::take_cast(process&, const message&, etf::bytes request) {
  if (if_unhandled() != runtime::unhandled::ignore) tell_unhandled("cast", request, {});
  return runtime::carry_on();
}

outcome raft_actor::take_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice && at.read_tuple_of(3) && at.read_atom_is(raft::machine_tag)) {
    if (!at.read_unsigned(run_)) return runtime::carry_on();
    return take_order(self, m, at);
  }
  if (carrier_.take(self, m)) return runtime::carry_on();
  if (actor().extra != nullptr && actor().extra->has_requested) {
    response ended;
    if (match(actor(), m, ended) != matched::nothing) return runtime::carry_on();
  }
  if (if_unhandled() != runtime::unhandled::ignore) tell_unhandled("message", m.bytes(), {});
  return runtime::carry_on();
}

outcome raft_actor::take_order(process& self, const message& m, etf::cursor at) {
  note_code();
  std::uint32_t arity = 0;
  std::string_view word;
  if (at.read_atom_is(raft::save_word)) return take_save(self), runtime::carry_on();
  if (!at.read_tuple(arity) || !at.read_atom(word)) return runtime::carry_on();
  if (word == raft::apply_word) return take_entries(self, m, at);
  if (word == raft::query_word) return take_query(self, m, at);
  if (word == raft::validate_word) return take_validate(self, m, at);
  if (word == raft::begin_word) return take_first(self, m, at);
  if (word == raft::skip_word) return take_skip(at);
  if (word == raft::get_word) return take_get(self, at), runtime::carry_on();
  if (word == raft::compacted_word) {
    std::uint64_t upto = 0;
    if (at.read_unsigned(upto)) replies_.forget_up_to(upto);
    return runtime::carry_on();
  }
  if (word == raft::lead_word) return take_lead(self, at);
  return tell(m, word, at);
}

void raft_actor::begin_saying(message_writer& out) const {
  out.tuple(3);
  out.atom(raft::machine_tag);
  out.unsigned_integer(run_);
}

void raft_actor::say(process& self, message_writer& out) {
  message m = out.take();
  if (m && self.parent()) self.notify(self.parent(), std::move(m));
}

void raft_actor::say_answer(process& self, std::string_view word, std::uint64_t of, const message& answer) {
  message_writer out(answer.size() + 64);
  begin_saying(out);
  out.tuple(3);
  out.atom(word);
  out.unsigned_integer(of);
  out.raw(answer.bytes());
  say(self, out);
}

// {First, Carried, Most}
outcome raft_actor::take_lead(process& self, etf::cursor at) {
  raft::effect_carrier::leadership of;
  if (at.read_unsigned(of.first) && at.read_unsigned(of.carried) && at.read_unsigned(of.most))
    carrier_.lead(self, of, commands_.index());
  return runtime::carry_on();
}

// {Clients, undefined | Snapshot, Check}. A snapshot is {Version, State, Commands, Effects}; State is a
// term, or <<>> if there is none. Earlier releases wrote no Effects.
outcome raft_actor::take_first(process& self, const message& m, etf::cursor at) {
  applied_commands::bounds most;
  etf::bytes snapshot;
  if (!at.read_unsigned(most.sessions)) return runtime::carry_on();
  commands_ = applied_commands(most);
  replies_ = consensus::kept_replies();
  began_at_ = 0;
  version_ = 0;
  carrier_.lead(self, {}, 0);
  effects_ = {};
  const bool has_snapshot = at.read_binary(snapshot);
  if ((!has_snapshot && !at.read_atom_is("undefined")) || !at.read_unsigned(check_) || !has_snapshot)
    return runtime::carry_on();
  etf::cursor in(snapshot);
  std::uint64_t version = 0;
  etf::bytes state;
  etf::bytes commands;
  etf::bytes effects;
  etf::bytes nothing;
  std::uint32_t arity = 0;
  if (!in.read_tuple(arity) || (arity != 3 && arity != 4) || !in.read_unsigned(version) ||
      version > UINT32_MAX || !in.read_term(state) || !in.read_binary(commands) ||
      (arity == 4 && !in.read_term(effects)) || !in.at_end())
    return runtime::stop(message::atom("bad_snapshot"));
  if (arity == 4)
    if (auto read = effects_.restore(effects); !read) return runtime::stop(message::atom("bad_snapshot"));
  if (auto read = commands_.restore(commands); !read) return runtime::stop(message::atom("bad_snapshot"));
  saved_state saved{static_cast<std::uint32_t>(version), {}};
  etf::cursor inside(state);
  const bool stateless = inside.read_binary(nothing) && nothing.empty();
  if (!stateless) saved.term = m.slice(state);
  auto restored = prepare(self, *actor().image.get(), running(), saved);
  if (!restored) {
    message_writer why;
    why.tuple(2);
    why.atom("bad_snapshot");
    why.binary(restored.error().text);
    return runtime::stop(why.take());
  }
  began_at_ = commands_.serial();
  version_ = saved.version;
  go_over(self);
  return runtime::carry_on();
}

outcome raft_actor::take_skip(etf::cursor at) {
  std::uint64_t serial = 0;
  if (!at.read_unsigned(serial) || commands_.pass_over(serial)) return runtime::carry_on();
  if (serial > began_at_) return runtime::stop(message::atom(raft::has_skipped_reason));
  message_writer why;
  why.tuple(2);
  why.atom("bad_snapshot");
  why.binary("it has the command at serial " + std::to_string(serial) + ", over which the group passes");
  return runtime::stop(why.take());
}

// {Token, Serial}. The reply of a command that was refused is the caller's whole answer.
void raft_actor::take_get(process& self, etf::cursor at) {
  std::uint64_t of = 0;
  std::uint64_t serial = 0;
  if (!at.read_unsigned(of) || !at.read_unsigned(serial)) return;
  const consensus::kept_replies::kept* const found = replies_.find(serial);
  message_writer out(found == nullptr ? 64 : found->reply.size() + 64);
  begin_saying(out);
  if (found == nullptr || found->reply.size() == 0) {
    out.tuple(3);
    out.atom(raft::queried_word);
    out.unsigned_integer(of);
    out.tuple(2);
    out.atom("error");
    out.atom(found != nullptr ? "no_command" : serial > commands_.serial() ? "unknown_serial" : "compacted");
    return say(self, out);
  }
  out.tuple(4);
  out.atom(raft::got_word);
  out.unsigned_integer(of);
  out.unsigned_integer(found->index);
  etf::cursor in(found->reply.bytes());
  const bool is_ok = in.read_tuple_of(3) && in.read_atom_is("ok") && in.skip();
  out.raw(is_ok ? in.rest() : found->reply.bytes());
  say(self, out);
}

void raft_actor::take_save(process& self) {
  const base::nanos began = base::mono_now();
  auto saved = save(self);
  message_writer out(1024);
  begin_saying(out);
  if (!saved) {
    out.tuple(2);
    out.atom(raft::not_saved_word);
    out.binary(saved.error().text);
    return say(self, out);
  }
  const consensus::payload commands = commands_.save();
  etf::vector_writer snapshot(saved->term.size() + commands.size() + 64);
  snapshot.tuple(4);
  snapshot.unsigned_integer(saved->version);
  if (saved->term)
    snapshot.raw(saved->term.bytes());
  else
    snapshot.binary(std::string_view());
  snapshot.binary(commands.bytes());
  effects_.save(snapshot);
  out.tuple(4);
  out.atom(raft::saved_word);
  out.unsigned_integer(commands_.index());
  out.binary(snapshot.view());
  out.unsigned_integer(static_cast<std::uint64_t>((base::mono_now() - began) / 1000));
  say(self, out);
}

// Compares by Erlang's equality, since members may write equal states in different bytes.
void raft_actor::say_hash(process& self) {
  const auto saved = save(self);
  if (!saved || !saved->term) {
    if (!std::exchange(told_no_hash_, true))
      base::log::warning(actor().is->plugin,
                         "{} has no state that could be compared with that of other members: {}",
                         actor().is->actor, saved ? "it saves none" : saved.error().text);
    return;
  }
  etf::vector_writer whole(saved->term.size() + 256);
  whole.tuple(2);
  whole.raw(saved->term.bytes());
  effects_.save(whole);
  message_writer out(64);
  begin_saying(out);
  out.tuple(4);
  out.atom(raft::checked_word);
  out.unsigned_integer(commands_.serial());
  out.unsigned_integer(saved->version);
  out.unsigned_integer(etf::phash2(whole.view(), 0));
  say(self, out);
}

outcome raft_actor::tell(const message& m, std::string_view word, etf::cursor at) {
  etf::bytes what;
  std::uint64_t number = 0;
  bool reachable = false;
  if (word == raft::leader_word) {
    if (!at.read_term(what) || !at.read_unsigned(number)) return runtime::carry_on();
    const std::int32_t status = in_turn(actor(), "on_leader", what, [&] {
      return call_or(COPPICE_OK, callbacks().on_leader, &actor(), state(), lend_bytes(what), number);
    });
    return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "on_leader", what);
  }
  if (word == raft::quorum_word) {
    if (!at.read_unsigned(number) || !at.read_bool(reachable)) return runtime::carry_on();
    const std::int32_t status = in_turn(actor(), "on_quorum", {}, [&] {
      return call_or(COPPICE_OK, callbacks().on_quorum, &actor(), state(), number, reachable ? 1 : 0);
    });
    return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "on_quorum");
  }
  if (word != raft::members_word || !at.read_term(what)) return runtime::carry_on();
  const coppice_message given = lend(m, what);
  const std::int32_t status = in_turn(actor(), "on_member", what, [&] {
    return call_or(COPPICE_OK, callbacks().on_member, &actor(), state(), &given);
  });
  return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "on_member", what);
}

template hosted_behaviour hosted<raft_actor>(const coppice_behaviour* facts);

} // namespace coppice::host
