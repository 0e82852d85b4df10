// SPDX-License-Identifier: MIT
// The requests of operators: add and remove members, hand over the lead, go over to the next version, pass
// over a command, recover alone. Before a command is passed over, the leader asks the voters at which serial
// they are parked. In the process's own turn.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message error(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

} // namespace

void member::take_change(process& self, waiting one, const message& request) {
  etf::cursor at(request.bytes());
  std::string_view word;
  etf::bytes bytes;
  if (!at.read_tuple_of(3) || !at.skip() || !at.read_atom(word) || !at.read_binary(bytes))
    return answer(self, one, error("badarg"));
  const std::string address(base::as_text(bytes));
  if (word == "recover") return take_recover(self, std::move(one));
  if (core_ == nullptr || core_->what() != consensus::role::leader)
    return answer(self, one, error("no_leader"));
  one.what = waiting::kind::change;
  if (word == "skip") return take_skip(self, std::move(one), address);
  const auto& all = core_->members().members();
  const auto known = std::ranges::find(all, address, &consensus::member::address);
  if (word == "add") {
    if (known != all.end()) return answer(self, one, error("exists"));
    const auto met = strangers_.find(std::string(node_of(address)));
    if (met == strangers_.end() || met->second.address != address) return answer(self, one, error("not_met"));
    const consensus::change_request what{consensus::change_request::action::add_voter,
                                         {met->second.id, consensus::member_role::voter, address}};
    return core_->change(self.now(), keep(self, std::move(one)), what, effects_);
  }
  if (known == all.end()) return answer(self, one, error("no_member"));
  const consensus::member_id id = known->id;
  const token of = keep(self, std::move(one));
  if (word == "transfer") return core_->transfer(self.now(), of, id, effects_);
  if (word == "remove")
    return core_->change(self.now(), of, {consensus::change_request::action::remove, *known}, effects_);
  if (word == "upgrade") return core_->upgrade(self.now(), of, id, effects_);
  answer(self, of, error("badarg"));
}

message member::change_request(std::string_view what, std::string_view of) {
  message_writer out;
  out.tuple(3);
  out.atom(change_word);
  out.atom(what);
  out.binary(of);
  return out.take();
}

void member::take_skip(process& self, waiting one, std::string_view serial) {
  const char* const end = serial.data() + serial.size();
  const auto [at, problem] = std::from_chars(serial.data(), end, one.sequence);
  if (problem != std::errc() || at != end || one.sequence == 0) return answer(self, one, error("badarg"));
  if (skip_ && waiting_.contains(skip_->of)) return answer(self, one, error("busy"));
  const consensus::raft_log& log = core_->log();
  for (consensus::log_index i = log.base() + 1; i <= log.last(); ++i)
    if (log.at(i).kind == consensus::entry_kind::skip && log.at(i).sequence == one.sequence)
      return answer(self, one, error("exists"));
  const bool here = crashing_serial() == one.sequence;
  skip_ = asking_voters{keep(self, std::move(one)), {}};
  if (core_->members().votes(self_)) skip_->parked_there[self_] = here;
  // The lead should stay here until the skip is done.
  hand_over_at_ = std::max(hand_over_at_, self.now() + options_->append_timeout);
  for (const consensus::member& other : core_->members().members()) {
    if (other.id == self_ || other.role != consensus::member_role::voter) continue;
    message_writer out;
    out.tuple(3);
    out.atom(where_word);
    out.atom(of_.child->name);
    out.unsigned_integer(skip_->of);
    send_to(self, other.address, out.take());
  }
  settle_skip(self);
}

// The other members are taken for lost for good: none of them is asked.
void member::take_recover(process& self, waiting one) {
  if (core_ == nullptr) return answer(self, one, error("no_log"));
  one.what = waiting::kind::change;
  const consensus::cluster_id fresh = random_identity();
  core_->recover_alone(self.now(), keep(self, std::move(one)), fresh, effects_);
  if (core_->cluster() != fresh) return; // the answer says why not
  base::log::warning("raft", "{} becomes a group of one in term {}: what only the other members had is gone",
                     own_, core_->term());
}

// {raft_where, Name, Number}: the leader wants to know at which serial this member is parked.
void member::take_where(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::string_view name;
  std::uint64_t number = 0;
  if (!at.read_tuple_of(3) || !at.skip() || !at.read_atom(name) || name.empty() ||
      name.find('@') != std::string_view::npos || !at.read_unsigned(number))
    return drop_message(self, "a question of a leader is malformed");
  const std::string node = origin_name(self);
  if (!is_trusted(node)) return drop_message(self, "no member is there that could ask");
  message_writer out;
  out.tuple(4);
  out.atom(here_word);
  out.atom(of_.child->name);
  out.unsigned_integer(number);
  out.unsigned_integer(crashing_serial());
  send_to(self, fmt::format("{}@{}", name, node), out.take());
}

// {raft_here, Name, Number, Serial}; Serial is 0 if the member is not parked.
void member::take_here(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::string_view name;
  std::uint64_t number = 0;
  std::uint64_t serial = 0;
  if (!at.read_tuple_of(4) || !at.skip() || !at.read_atom(name) || !at.read_unsigned(number) ||
      !at.read_unsigned(serial))
    return drop_message(self, "an answer to a leader is malformed");
  if (core_ == nullptr || !skip_ || number != skip_->of) return; // too late
  const auto call = waiting_.find(number);
  if (call == waiting_.end()) return;
  const auto& all = core_->members().members();
  const auto from =
      std::ranges::find(all, fmt::format("{}@{}", name, origin_name(self)), &consensus::member::address);
  if (from == all.end() || from->role != consensus::member_role::voter)
    return drop_message(self, "an answer to a leader comes from no voter");
  skip_->parked_there[from->id] = serial == call->second.sequence;
  settle_skip(self);
}

std::size_t member::voters_parked() const {
  const auto counts = [this](const auto& one) { return one.second && core_->members().votes(one.first); };
  return static_cast<std::size_t>(std::ranges::count_if(skip_->parked_there, counts));
}

void member::settle_skip(process& self) {
  const consensus::configuration& members = core_->members();
  if (voters_parked() >= members.majority()) {
    const token of = skip_->of;
    skip_.reset();
    return propose(self, of, consensus::entry_kind::skip, {});
  }
  const auto votes = [&](const auto& one) { return members.votes(one.first); };
  const auto answered = std::ranges::count_if(skip_->parked_there, votes);
  if (static_cast<std::size_t>(answered) == members.voters()) refuse_skip(self);
}

// {error, {not_parked, Parked, Needed}}: Parked: how many voters are parked at that serial. Needed: how many
// have to be.
void member::refuse_skip(process& self) {
  const std::size_t there = voters_parked();
  const token of = skip_->of;
  skip_.reset();
  message_writer out;
  out.tuple(3);
  out.atom("not_parked");
  out.unsigned_integer(there);
  out.unsigned_integer(core_->members().majority());
  answer(self, of, runtime::error_message(out.take()));
}

} // namespace coppice::behaviours::raft
