// SPDX-License-Identifier: MIT
// The calls of clients. Any process may call any member. An append goes to the leader, to which another
// member passes it on; a query is answered by the member that was asked, once it knows from the leader how
// far its state has to be. In the process's own turn.

#include <fmt/format.h>

#include <algorithm>

#include "base/bound.hpp"
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

const base::bound<std::size_t> most_at_once("raft: commands of one append", 256);
const base::bound<std::size_t> most_bytes_at_once("raft: bytes of one append", 1024 * 1024, 64);
constexpr std::size_t longest_sequence = 1024; // bytes of an append beside its command
// Least bound of the bytes of entries that are committed and not applied. After a start, as many bytes as
// lie between two snapshots are usual.
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
  if (word == "client" || (word == "append" && arity == 3)) one.node_name = origin_name(self);
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
  const bool validates = progress_ != nullptr && progress_->validates.load(std::memory_order_relaxed);
  if (!validates && knows_session(one)) return propose_command(self, keep(self, std::move(one)), command);
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

// The reply to an applied command never changes, so no leader is needed.
void member::take_get(process& self, waiting one, std::uint64_t serial) {
  if (core_ == nullptr) return answer(self, one, error("no_leader"));
  if (!has_machine())
    return answer(self, one, error(parked_for_ != parked::nothing ? "parked" : "no_leader"));
  one.what = waiting::kind::get;
  one.sequence = serial;
  const token of = keep(self, std::move(one));
  // An actor that begins again applies the command anew before it is asked.
  if (serial <= run_serial_)
    reads_.push_back({of, applied_});
  else
    core_->read(self.now(), of, effects_);
}

// The session's number is the index of its entry, which the command will follow in this log.
bool member::has_foreign_session(const waiting& call) const {
  if (call.client == 0 || !knows_session(call)) return false;
  const consensus::raft_log& log = core_->log();
  if (call.client > log.last()) return true;
  const consensus::entry& opened = log.at(call.client);
  if (opened.kind != consensus::entry_kind::session) return true;
  const std::string_view node = base::as_text(opened.body.bytes());
  return !node.empty() && node != call.node_name;
}

void member::propose_command(process& self, token of, etf::bytes command) {
  const waiting& call = waiting_.at(of);
  const bool leads = core_->what() == consensus::role::leader; // otherwise the core refuses
  if (leads && has_foreign_session(call)) {
    message_writer why;
    why.tuple(2);
    why.atom("discarded");
    why.atom("unknown_client");
    return answer(self, of, runtime::error_message(why.take()));
  }
  // An entry that is not committed might be replaced before the command is in the log.
  const bool at_once = call.client > core_->commit();
  propose(self, of, consensus::entry_kind::command, command);
  if (at_once) flush(self);
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

// The time never falls while one member leads.
std::int64_t member::entry_time() {
  last_time_ = std::max(last_time_, base::wall_now() / base::nanos_per_ms);
  return last_time_;
}

void member::queue_proposal(process& self, consensus::proposal made) {
  proposed_bytes_ += made.body.size();
  proposals_.push_back(std::move(made));
  if (proposals_.size() >= most_at_once || proposed_bytes_ >= most_bytes_at_once) return flush(self);
  // The flush comes behind the calls that wait already, so that they share one write.
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

// {raft_ask, Name, Number, Node, Request}: another member passes on a request of a client on that node.
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
  // The leader believes what `node` says about the client's node, so a present member has to be on `node`.
  // The configuration file may still name the node of a former member.
  if (core_ != nullptr && !is_of_member(node)) {
    drop_message(self, "the node that passes on a request has no member of the group");
    return answer(self, one, error("no_leader"));
  }
  one.began = self.now();
  etf::cursor inside(request);
  std::uint32_t arity = 0;
  std::string_view word;
  if (!inside.read_tuple(arity) || !inside.read_atom(word) || (word != "append" && word != "client"))
    return drop_message(self, "a request that was passed on is none for a leader");
  one.node = self.host().nodes().find(client).value_or(self.origin().node);
  one.node_name = client;
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
