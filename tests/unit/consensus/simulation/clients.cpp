// SPDX-License-Identifier: MIT
// The clients of a simulated group. Each client opens a session and then makes one request at a time: a
// command with its session and the next sequence number, a command without a session, or a read from any
// member. A session's command that gets no answer is sent again, to another member, while the first one may
// still be on its way.
#include <algorithm>

#include "world.hpp"

namespace coppice::consensus::simulation {

void world::client_step(std::size_t of) {
  client& by = clients_[of];
  // After everything has healed, clients are slow enough for a member to catch up that takes one entry for
  // each round trip.
  schedule(chance_.between(1, calm_ ? 600 : client_pace_) * ms, happening::client, of);
  if (quiet_) {
    // The same member is asked until it answers.
    if (by.busy && now_ >= by.due) ask(by, of);
    return;
  }
  if (by.busy) {
    if (now_ < by.due) return;
    by.target = chance_.below(max_nodes);
    if (by.is_read || (by.session == 0 && !by.opening))
      by.busy = false; // the client gives up
    else
      return ask(by, of);
  }
  by.busy = true;
  by.operation = 0;
  by.shown = truth_.shown();
  by.is_read = chance_.chance(400);
  by.opening = !by.is_read && by.session == 0 && chance_.chance(700);
  if (!by.is_read && !by.opening) by.operation = ++operations_;
  if (by.session > 0 && !by.is_read) ++by.sequence;
  if (by.is_read && chance_.chance(800))
    by.target = chance_.chance(300) ? believed_leader() : chance_.below(max_nodes);
  by.first_token = tokens_.size();
  ask(by, of);
}

// A member that leads, or that did before it was suspended. None: any member.
std::size_t world::believed_leader() {
  const std::size_t from = chance_.below(max_nodes);
  for (std::size_t i = 0; i < max_nodes; ++i) {
    const std::size_t of = (from + i) % max_nodes;
    if (nodes_[of].up && nodes_[of].machine->what() == role::leader) return of;
  }
  return from;
}

void world::ask(client& by, std::size_t index) {
  by.due = now_ + chance_.between(20, 400) * ms;
  if (by.is_read && nodes_[by.target].up && now_ < nodes_[by.target].paused_until) {
    // The request waits for the suspended process, which may answer it before it handles anything else.
    tokens_.push_back({index, 0, by.shown, true});
    by.token = tokens_.size() - 1;
    by.due = nodes_[by.target].paused_until + 100 * ms;
    return schedule(nodes_[by.target].paused_until - now_, happening::read, by.target,
                    static_cast<std::uint32_t>(by.token));
  }
  if (!runs(by.target)) return;
  tokens_.push_back({index, by.operation, by.shown, by.is_read});
  by.token = tokens_.size() - 1;
  node& at = nodes_[by.target];
  const std::size_t target = by.target;
  if (by.is_read) {
    at.machine->read(now_, by.token, effects_);
  } else {
    proposal wanted;
    wanted.token = by.token;
    wanted.kind = by.opening ? entry_kind::session : entry_kind::command;
    if (!by.opening) {
      wanted.client = by.session;
      wanted.sequence = by.session > 0 ? by.sequence : 0;
      std::uint8_t bytes[8];
      base::store_be64(bytes, by.operation);
      wanted.body = payload(bytes);
    }
    at.machine->append(now_, std::span(&wanted, 1), effects_);
  }
  carry_out(target);
}

void world::answered(std::size_t of, const answer& one) {
  const asked& what = tokens_[one.token];
  if (what.client == SIZE_MAX) return;
  if (one.what == outcome::committed) return nodes_[of].appends.push_back({one.index, one.token});
  client& by = clients_[what.client];
  if (!by.busy || by.token != one.token) return;
  by.due = now_ + chance_.between(1, 30) * ms;
  if (one.leader && !quiet_ && chance_.chance(800)) by.target = node_of(one.leader);
}

void world::applied_append(std::uint64_t token, const applied_commands::decision& decided, log_index index) {
  using verdict = applied_commands::verdict;
  const asked& what = tokens_[token];
  client& by = clients_[what.client];
  // Whether this answers the client's present request, be it an earlier attempt of it.
  const bool expected = by.busy && token >= by.first_token && !by.is_read && what.operation == by.operation;
  switch (decided.what) {
    case verdict::opened:
      if (expected && by.opening) {
        by.session = index;
        by.sequence = 0;
        by.busy = by.opening = false;
      }
      break;
    case verdict::apply:
    case verdict::repeat:
      if (decided.what == verdict::repeat && base::load_be64(decided.reply.bytes().data()) != what.operation)
        fail("exactly once: a repeat got another command's answer");
      truth_.acknowledged(what.operation, decided.serial, what.shown);
      if (expected) by.busy = false;
      break;
    case verdict::old:
      if (expected) fail("exactly once: a new command is called old");
      break;
    case verdict::unknown_client:
      if (expected) {
        by.session = 0;
        by.busy = false;
      }
      break;
    case verdict::nothing:
    case verdict::passed_over: // no command is passed over in this simulation
      break;
  }
}

void world::answer_reads(std::size_t of) {
  node& at = nodes_[of];
  if (at.reads.empty()) return;
  std::erase_if(at.reads, [&](const waiting_answer& one) {
    if (one.index > at.applied) return false;
    const asked& what = tokens_[one.token];
    client& by = clients_[what.client];
    if (by.busy && by.token == one.token) {
      truth_.answered_read(one.index, at.applied, what.shown);
      by.busy = false;
    }
    return true;
  });
}

} // namespace coppice::consensus::simulation
