// SPDX-License-Identifier: MIT
// The calls of clients. Any process calls any member. An append goes to the leader, to which another member
// passes it on; a query is answered by the member that was asked, once it knows from the leader how far its
// state has to be. In the process's own turn.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/gen/node_patterns.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr std::size_t most_at_once = 256;               // commands of one append to the core
constexpr std::size_t most_bytes_at_once = 1024 * 1024; // and their bytes
constexpr std::size_t longest_sequence = 1024;          // bytes of an append beside its command
// Of the queries and commands that wait, and of the addresses of their callers: of all, and of one other
// node. A node cannot fill what the leader has appended and not committed.
constexpr std::size_t most_waiting_bytes = std::size_t{64} << 20;
constexpr std::size_t most_waiting_bytes_of_node = std::size_t{16} << 20;
// Of entries that are committed and not applied, at least; as much as two snapshots are apart is usual after
// a start.
constexpr std::uint64_t least_behind = std::uint64_t{64} << 20;

message error(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

// {Client, Seq}, both from 1.
bool read_sequence(etf::cursor& at, std::uint64_t& client, std::uint64_t& sequence) {
  return at.read_tuple_of(2) && at.read_unsigned(client) && at.read_unsigned(sequence) && client > 0 &&
         sequence > 0;
}

} // namespace

member::call_answer member::handle_call(process& self, const message& from, const message& request) {
  etf::cursor at(request.bytes());
  std::string_view word;
  if (at.peek() == etf::kind::atom && at.read_atom(word)) {
    if (word == "leader") return reply(leader_answer());
    if (word == "members") return reply(members_answer());
    if (word == lead_asked_word && self.origin().here()) {
      take_lead_question(self, from);
      return {std::nullopt, core_ == nullptr ? runtime::carry_on() : carry_out(self)};
    }
    return native_server::handle_call(self, from, request);
  }
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity) || !at.read_atom(word)) return native_server::handle_call(self, from, request);
  waiting one;
  one.from = from.compact();
  one.began = self.now();
  one.node = self.origin().node;
  if (word == "client") one.node_name = origin_name(self);
  if (word == change_word && self.origin().here() && arity == 3) {
    take_change(self, std::move(one), request);
  } else if (word == "append" || word == "query" || word == "get" || word == "client") {
    if (!may_ask(self)) return reply(error("not_allowed"));
    if (is_overloaded(one, request.size() + from.size())) return reply(error("overloaded"));
    take_request(self, std::move(one), request);
  } else {
    return native_server::handle_call(self, from, request);
  }
  if (core_ == nullptr) return no_reply();
  return {std::nullopt, carry_out(self)};
}

// A large call alone is none too many. Another node has half of the calls at most.
bool member::is_overloaded(const waiting& by, std::size_t more) const {
  if (waiting_.size() >= options_->pending ||
      (waiting_bytes_ > 0 && waiting_bytes_ + more > most_waiting_bytes))
    return true;
  const auto share = shares_.find(by.node);
  return share != shares_.end() &&
         (share->second.calls >= std::max(options_->pending / 2, 1U) ||
          (share->second.bytes > 0 && share->second.bytes + more > most_waiting_bytes_of_node));
}

bool member::may_ask(process& self) const {
  return self.origin().here() || is_meant(options_->from, origin_name(self));
}

void member::take_request(process& self, waiting one, const message& request) {
  etf::cursor at(request.bytes());
  std::uint32_t arity = 0;
  std::string_view word;
  etf::bytes what;
  at.read_tuple(arity);
  at.read_atom(word);
  const auto refuse = [&](message why) { answer(self, one, std::move(why)); };
  const auto malformed = [&] {
    refuse(gen::refusal(
        "a member of a Raft group takes {client}, {append, Command}, {append, Command, "
        "{Client, Seq}}, {query, Query}, {query, Query, stale}, {get, Serial}, leader and members"));
  };
  if (word == "client") {
    if (arity != 1) return malformed();
    if (core_ == nullptr) return refuse(error("no_leader"));
    if (core_->what() != consensus::role::leader) return forward(self, std::move(one), request);
    one.what = waiting::kind::session;
    return propose(self, keep(self, std::move(one)), consensus::entry_kind::session, {});
  }
  if (arity != 2 && arity != 3) return malformed();
  // A command is read whole, in one turn, before it goes into the log; so is a query with a word behind it.
  const bool is_read = word == "append" || arity == 3;
  if (is_read && request.size() > options_->entry_bytes + longest_sequence) return refuse(error("too_large"));
  if (word != "append" && arity == 2)
    what = at.rest(); // a request is one term
  else if (!at.read_term(what))
    return malformed();
  if (word == "query") {
    if (arity == 3 && !at.read_atom_is("stale")) return malformed();
    return take_query(self, std::move(one), request, what, arity == 3);
  }
  if (word == "get") {
    std::uint64_t serial = 0;
    if (arity != 2 || !etf::cursor(what).read_unsigned(serial) || serial == 0) return malformed();
    return take_get(self, std::move(one), serial);
  }
  if (arity == 3 && !read_sequence(at, one.client, one.sequence)) return malformed();
  take_append(self, std::move(one), request, what);
}

void member::take_append(process& self, waiting one, const message& request, etf::bytes command) {
  if (command.size() > options_->entry_bytes) return answer(self, one, error("too_large"));
  if (core_ == nullptr) return answer(self, one, error("no_leader"));
  if (core_->what() != consensus::role::leader) return forward(self, std::move(one), request);
  if (parked_for_ != parked::nothing) return answer(self, one, error("parked"));
  if (behind_bytes_ > std::max(least_behind, 2 * options_->snapshot_bytes))
    return answer(self, one, error("overloaded"));
  one.what = waiting::kind::append;
  one.held = command.size();
  if (progress_ == nullptr || !progress_->validates.load(std::memory_order_relaxed))
    return propose(self, keep(self, std::move(one)), consensus::entry_kind::command, command);
  if (!has_machine()) return answer(self, one, error("no_leader"));
  one.body = request.slice(command).compact();
  to_validate_.push_back(keep(self, std::move(one)));
}

// A follower's leader decides how far the state of this member has to be; see consensus/reads.cpp.
void member::take_query(process& self, waiting one, const message& request, etf::bytes query, bool stale) {
  if (core_ == nullptr) return answer(self, one, error("no_leader"));
  if (!has_machine())
    return answer(self, one, error(parked_for_ != parked::nothing ? "parked" : "no_leader"));
  one.what = waiting::kind::query;
  one.body = request.slice(query).compact();
  const token of = keep(self, std::move(one));
  if (stale)
    reads_.push_back({of, 0});
  else
    core_->read(self.now(), of, effects_);
}

// What was applied never changes, so it needs no leader.
void member::take_get(process& self, waiting one, std::uint64_t serial) {
  if (core_ == nullptr) return answer(self, one, error("no_leader"));
  if (!has_machine())
    return answer(self, one, error(parked_for_ != parked::nothing ? "parked" : "no_leader"));
  one.what = waiting::kind::get;
  one.sequence = serial;
  const token of = keep(self, std::move(one));
  if (serial <= run_serial_)
    reads_.push_back({of, 0});
  else
    core_->read(self.now(), of, effects_);
}

void member::propose(process& self, token of, consensus::entry_kind what, etf::bytes command) {
  consensus::proposal made;
  made.token = of;
  made.kind = what;
  const waiting& by = waiting_.at(of);
  made.client = by.client;
  made.sequence = by.sequence;
  if (what == consensus::entry_kind::session) made.body = consensus::payload(base::as_bytes(by.node_name));
  if (what == consensus::entry_kind::command) {
    etf::vector_writer body(command.size() + 32);
    body.tuple(3);
    body.integer(entry_time());
    body.unsigned_integer(base::random_u64());
    body.raw(command);
    made.body = consensus::payload(body.take());
  }
  queue_proposal(self, std::move(made));
}

// It never falls while one member leads.
std::int64_t member::entry_time() {
  last_time_ = std::max(last_time_, base::wall_now() / base::nanos_per_ms);
  return last_time_;
}

void member::queue_proposal(process& self, consensus::proposal made) {
  proposed_bytes_ += made.body.size();
  proposals_.push_back(std::move(made));
  if (proposals_.size() >= most_at_once || proposed_bytes_ >= most_bytes_at_once) return flush(self);
  // Behind the calls that wait already, which then share one write.
  if (!std::exchange(flush_sent_, true)) self.notify(self.self(), message::atom("$coppice_raft_flush"));
}

void member::flush(process& self) {
  if (proposals_.empty()) return;
  const std::vector<consensus::proposal> batch = std::exchange(proposals_, {});
  proposed_bytes_ = 0;
  core_->append(self.now(), batch, effects_);
}

void member::forward(process& self, waiting one, const message& request) {
  const consensus::member* const leader = core_->members().find(core_->leader());
  if (leader == nullptr || leader->id == self_ || !one.back.empty())
    return answer(self, one, error("no_leader"));
  one.what = waiting::kind::forwarded;
  one.asked = leader->address;
  one.held = request.size();
  const token of = keep(self, std::move(one));
  message_writer out(request.size() + 64);
  out.tuple(5);
  out.atom("raft_ask");
  out.atom(of_.child->name);
  out.unsigned_integer(of);
  out.atom(origin_name(self));
  out.raw(request.bytes());
  send_to(self, leader->address, out.take());
}

// {raft_ask, Name, Number, Node, Request}: another member passes a request on of a client on that node.
void member::take_forwarded(process& self, const message& m) {
  etf::cursor at(m.bytes());
  waiting one;
  std::string_view name;
  std::string_view client;
  const std::string node = origin_name(self);
  if (!is_trusted(node)) return drop_message(self, "no member is there that could pass on a request");
  if (!at.read_tuple_of(5) || !at.skip() || !at.read_atom(name) || name.empty() ||
      name.find('@') != std::string_view::npos || !at.read_unsigned(one.number) || !at.read_atom(client) ||
      client.empty())
    return drop_message(self, "a request that was passed on is malformed");
  const etf::bytes request = at.rest();
  one.back = fmt::format("{}@{}", name, node);
  one.began = self.now();
  etf::cursor inside(request);
  std::uint32_t arity = 0;
  std::string_view word;
  if (!inside.read_tuple(arity) || !inside.read_atom(word) || (word != "append" && word != "client"))
    return drop_message(self, "a request that was passed on is none for a leader");
  one.node = self.host().nodes().find(client).value_or(self.origin().node);
  if (word == "client") one.node_name = client;
  if (is_overloaded(one, request.size())) return answer(self, one, error("overloaded"));
  take_request(self, std::move(one), m.slice(request));
}

// {raft_answer, Number, Answer}
void member::take_back(process& self, const message& m) {
  etf::cursor at(m.bytes());
  token of = 0;
  if (!at.read_tuple_of(3) || !at.skip() || !at.read_unsigned(of))
    return drop_message(self, "an answer is malformed");
  const auto found = waiting_.find(of);
  if (found == waiting_.end()) return; // too late
  if (found->second.what != waiting::kind::forwarded || node_of(found->second.asked) != origin_name(self))
    return drop_message(self, "an answer comes from a node that was not asked");
  answer(self, of, m.slice(at.rest()));
}

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
  // The lead should stay until it is done.
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

// The other members are taken for lost for good: nobody is asked.
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

// {error, {not_parked, Parked, Needed}}: so many voters are parked at that serial, and so many have to be.
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

member::token member::keep(process& self, waiting one) {
  const token made = ++last_token_;
  const bool query =
      one.what == waiting::kind::query || one.what == waiting::kind::get || one.what == waiting::kind::lead;
  auto& due = query ? query_due_ : append_due_;
  due.emplace_back(self.now() + (query ? options_->query_timeout : options_->append_timeout), made);
  // A caller chooses the tag of its From.
  one.held = std::max(one.held, one.body.size()) + one.from.size();
  waiting_bytes_ += one.held;
  if (one.node != 0) {
    node_share& share = shares_[one.node];
    ++share.calls;
    share.bytes += one.held;
  }
  waiting_.emplace(made, std::move(one));
  return made;
}

void member::expire(process& self) {
  for (auto* const due : {&append_due_, &query_due_}) {
    while (!due->empty()) {
      const auto [at, of] = due->front();
      const bool waits = waiting_.contains(of);
      if (waits && at > self.now()) break;
      due->pop_front();
      if (!waits) continue;
      if (skip_ && skip_->of == of && core_ != nullptr)
        refuse_skip(self); // some voters have not answered, and nothing was appended
      else
        answer(self, of, error("timeout"));
    }
  }
  // An actor that hangs is asked nothing; those that have their answer go.
  if (reads_.size() + to_validate_.size() > 2 * std::size_t{options_->pending}) {
    std::erase_if(reads_, [this](const consensus::ready_read& one) { return !waiting_.contains(one.token); });
    std::erase_if(to_validate_, [this](token of) { return !waiting_.contains(of); });
  }
}

void member::answer(process& self, const waiting& to, message term) {
  if (to.back.empty()) {
    gen::reply_at_once(self, to.from, term); // a slow client must not cost the group its leader
    return;
  }
  message_writer out(term.size() + 32);
  out.tuple(3);
  out.atom("raft_answer");
  out.unsigned_integer(to.number);
  out.raw(term.bytes());
  send_to(self, to.back, out.take());
}

void member::answer(process& self, token to, message term) {
  const auto found = waiting_.find(to);
  if (found == waiting_.end()) return;
  const waiting one = std::move(found->second);
  waiting_.erase(found);
  waiting_bytes_ -= one.held;
  if (const auto share = shares_.find(one.node); share != shares_.end()) {
    share->second.bytes -= one.held;
    if (--share->second.calls == 0) shares_.erase(share);
  }
  answer(self, one, std::move(term));
}

// {ok, {Name, Node}, Term}
message member::leader_answer() const {
  const consensus::member* const leader = core_ == nullptr ? nullptr : core_->members().find(core_->leader());
  if (leader == nullptr) return error("no_leader");
  message_writer out;
  out.tuple(3);
  out.atom("ok");
  write_address(out, leader->address);
  out.unsigned_integer(core_->term());
  return out.take();
}

// {ok, [{{Name, Node}, Role}]}
message member::members_answer() const {
  message_writer out(256);
  out.tuple(2);
  out.atom("ok");
  write_members(out);
  return out.take();
}

} // namespace coppice::behaviours::raft
