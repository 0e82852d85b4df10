// SPDX-License-Identifier: MIT
// The messages between members: the core's messages, and hellos, by which members find each other. A message
// of the core counts only if it comes from the node of a member, or of a member that the configuration file
// names. In the process's own turn.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "consensus/wire.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr std::size_t most_strangers = 64;
constexpr std::size_t most_heard_from = 64;
// A heartbeat waits at most interval / beat_share for others to go with it.
constexpr int beat_share = 10;

// Each part becomes a value in the log, so shorter parts would take many times the memory of their bytes;
// and parts are removed by the offsets of parts of full length.
bool is_piece(const consensus::snapshot_chunk& part) {
  return part.offset % piece_bytes == 0 &&
         (part.length == piece_bytes || part.offset + part.length == part.of.size);
}

} // namespace

// A message that cannot leave is lost, as on any network.
runtime::send_status member::send_to(process& self, const std::string& address, message m) {
  const auto to = destination_of(address, self.host().nodes());
  if (!to) return runtime::send_status::nodedown; // no room for another node's name
  return self.send(*to, std::move(m), {.waits = false});
}

void member::send_all(process& self, std::vector<consensus::message>& all) {
  const auto is_beat = [](const consensus::message& one) {
    const auto* const beat = std::get_if<consensus::heartbeat>(&one.body);
    return beat != nullptr && beat->round != 0;
  };
  if (std::ranges::any_of(all, is_beat)) {
    const consensus::log_index last = core_->log().last();
    is_quiet_ = std::exchange(last_at_beat_, last) == last;
  }
  for (consensus::message& one : all) send(self, std::move(one));
}

// The heartbeats of a group that appends something go with its entries, in order. Their answers say what has
// arrived, and a late answer would be taken for the loss of a message.
bool member::gathers(const consensus::message& one) const {
  if (std::holds_alternative<consensus::heartbeat_answer>(one.body)) return answers_beat_;
  return is_quiet_ && core_->may_wait(one);
}

void member::gather(process& self, std::string_view address, const consensus::message& one) {
  beats_->put(self, node_of(address), one, self.now() + options_->heartbeat / beat_share);
}

void member::send(process& self, consensus::message&& one) {
  if (auto* const chunk = std::get_if<consensus::snapshot_chunk>(&one.body)) {
    if (chunk->length > 0) chunk->bytes = storage_->piece(chunk->of, chunk->offset, chunk->length);
    if (chunk->bytes.size() != chunk->length) return;
  }
  const consensus::member* const to = core_->members().find(one.to);
  std::string address;
  if (to != nullptr) {
    address = to->address;
  } else if (const auto heard = heard_from_.find(one.to); heard != heard_from_.end()) {
    address = heard->second;
  } else {
    return;
  }
  const bool may_gather = beats_ != nullptr && node_of(address) != self.host().node_name();
  if (may_gather && gathers(one)) return gather(self, address, one);
  message_writer out(256);
  consensus::encode(one, out);
  message m = out.take();
  const bool is_full = m && send_to(self, address, std::move(m)) == runtime::send_status::full;
  if (!may_gather) return;
  // Much waits for that node, or the message may wait on its way there. The group must not lose its leader
  // for that, so a heartbeat goes by the carrier.
  if (is_full && (std::holds_alternative<consensus::heartbeat>(one.body) ||
                  std::holds_alternative<consensus::heartbeat_answer>(one.body)))
    return gather(self, address, one);
  if (const auto beat = core_->overtaking(one)) gather(self, address, *beat);
}

std::string member::origin_name(process& self) const {
  return self.host().nodes().name(self.origin().node);
}

void member::rebuild_trusted() {
  trusted_.clear();
  // A member that is behind does not know the newest configuration yet.
  for (const std::string& one : options_->members) trust(one);
  for (const std::string& one : options_->join) trust(one);
  if (core_ == nullptr) return;
  for (const consensus::member& one : core_->members().members()) trust(one.address);
  seat_.expect(trusted_);
}

bool member::is_trusted(std::string_view node) const {
  return std::ranges::find(trusted_, node) != trusted_.end();
}

// Stricter than is_trusted(): a node that only the configuration file names does not count.
bool member::is_of_member(std::string_view node) const {
  const auto is_there = [&](const consensus::member& one) { return node_of(one.address) == node; };
  return std::ranges::any_of(core_->members().members(), is_there);
}

void member::trust(std::string_view address) {
  if (!is_trusted(node_of(address))) trusted_.emplace_back(node_of(address));
}

void member::drop_message(process& self, std::string_view why) {
  drop_message(origin_name(self), why);
}

void member::drop_message(std::string_view node, std::string_view why) {
  counters_->dropped.add_alone();
  base::log::counted(base::log::level::warning, "raft", fmt::format("{} drops", own_),
                     "{} drops a message from {}: {}", own_, node, why);
}

// {beat_word, Node, Message}, of the carrier. The answer goes back in the same way.
runtime::outcome member::take_beat(process& self, etf::cursor at) {
  std::string_view node;
  if (!at.read_atom(node)) return runtime::carry_on();
  seat_.handled(node);
  if (core_ == nullptr) return runtime::carry_on();
  answers_beat_ = true;
  take_message(self, node, at.rest());
  runtime::outcome next = carry_out(self);
  answers_beat_ = false;
  return next;
}

void member::take_message(process& self, std::string_view node, etf::bytes term) {
  if (core_ == nullptr) return; // not yet: the sender says it again
  const auto drop = [&](std::string_view why) { drop_message(node, why); };
  if (!is_trusted(node)) return drop("no member is there");
  auto read = consensus::decode_message(term);
  if (!read) return drop(read.error().text);
  const consensus::member* const from = core_->members().find(read->from);
  if (from != nullptr && node_of(from->address) != node) return drop("that member is on another node");
  if (from == nullptr && !may_be_new(self, node)) return drop("it has no member of that id");
  if (const auto* const chunk = std::get_if<consensus::snapshot_chunk>(&read->body)) {
    if (!has_room_for(*read, chunk->of))
      return drop(fmt::format("its snapshot has {} bytes, and {} are the most here: {}", chunk->of.size,
                              largest_state_.bytes, largest_state_.by));
    if (!is_piece(*chunk)) return drop("a part of its snapshot is not as long as all are");
  }
  if (from == nullptr && read->cluster == core_->cluster()) {
    // As a rule the members of a group have the same name. Nothing else is known of this member.
    if (heard_from_.size() >= most_heard_from) heard_from_.clear();
    heard_from_[read->from] = fmt::format("{}@{}", of_.child->name, node);
  }
  core_->receive(self.now(), std::move(*read), effects_);
}

bool member::has_room_for(const consensus::message& in, const consensus::snapshot_meta& of) {
  const bool fits = of.size <= largest_state_.bytes;
  // A message of a former leader, or of another group, says nothing of the size of this group's state.
  if (in.cluster != core_->cluster() || in.to != self_ || in.term < core_->term()) return fits;
  too_large_snapshot_ = fits || of.index <= core_->commit() ? 0 : of.size;
  dropped_snapshot_at_ = core_->commit();
  return fits;
}

// Whether a message may come from a member that this member's configuration does not have yet, since the
// configuration may be old. Any process of this node can send from here, so the configuration file has to
// name another member on this node.
bool member::may_be_new(process& self, std::string_view node) const {
  if (core_->leader() && core_->members().find(self_) != nullptr) return false;
  if (node != self.host().node_name()) return true;
  const auto is_other = [&](const std::string& one) {
    return one != own_ && node_of(one) == self.host().nodes().own();
  };
  return std::ranges::any_of(options_->members, is_other) || std::ranges::any_of(options_->join, is_other);
}

hello member::own_hello(bool asks) const {
  hello out;
  out.name = of_.child->name;
  out.group = alike_;
  out.id = self_;
  out.asks = asks;
  if (core_ != nullptr) out.of = hello::belongs{core_->cluster(), membership_.clients, core_->members()};
  return out;
}

// A member tells the others that it is there until it belongs to a group, and as long as it is no member of
// its group. It also does so while it hears of no leader, since there may be members that it does not know.
void member::say_hello(process& self) {
  const bool is_member = core_ != nullptr && core_->members().find(self_) != nullptr;
  const base::nanos pause = phase_ == phase::meeting ? options_->heartbeat * 2 : options_->election;
  next_hello_ = self.now() + pause;
  if (phase_ != phase::meeting && phase_ != phase::running) return;
  if (is_member && core_->leader()) return;
  std::vector<std::string> to = options_->members;
  to.insert(to.end(), options_->join.begin(), options_->join.end());
  // The configuration file may name none of the present members.
  if (core_ != nullptr)
    for (const consensus::member& one : core_->members().members()) to.push_back(one.address);
  std::ranges::sort(to);
  to.erase(std::unique(to.begin(), to.end()), to.end());
  const message m = to_message(own_hello(true));
  for (const std::string& one : to)
    if (one != own_) send_to(self, one, m);
}

void member::take_hello(process& self, const message& m) {
  auto read = read_hello(m.bytes());
  if (!read) return drop_message(self, read.error().text);
  if (phase_ != phase::meeting && phase_ != phase::running) return;
  const std::string node = origin_name(self);
  const std::string address = fmt::format("{}@{}", read->name, node);
  if (address == own_) return;
  // A stranger is told nothing before an operator adds it.
  if (read->asks && is_trusted(node)) send_to(self, address, to_message(own_hello(false)));
  if (core_ != nullptr) {
    if (read->of && read->of->cluster != core_->cluster()) return;
    // Members may have been added while this member was away, and one of them may lead.
    if (read->of && is_trusted(node)) {
      const std::size_t before = trusted_.size();
      for (const consensus::member& one : read->of->members.members())
        if (trusted_.size() < 2 * consensus::configuration::max_members) trust(one.address);
      if (trusted_.size() > before) seat_.expect(trusted_);
    }
    if (const consensus::member* const known = core_->members().find(read->id); known != nullptr) {
      // The sender has the disk of a member, or a copy of it. The stranger that was met on that node is not
      // there any more.
      if (known->address != address) strangers_.erase(node);
      // The sender has begun anew and hears of no leader.
      if (read->asks && is_trusted(node)) core_->wake_up(self.now(), self.now(), effects_);
      return;
    }
    meet(self, address, read->id);
    const consensus::member* const leader = core_->members().find(core_->leader());
    if (read->asks && leader != nullptr && leader->id != self_) {
      // The leader has to know of the stranger, since the leader adds members.
      message_writer out(m.size() + 64);
      out.tuple(3);
      out.atom(met_word);
      out.atom(node);
      out.raw(m.bytes());
      send_to(self, leader->address, out.take());
    }
    return;
  }
  if (!is_trusted(node)) return drop_message(self, "it is none of the members that the configuration names");
  if (read->of) return join_group(*read->of);
  if (options_->members.empty()) return;
  if (read->group != alike_)
    return drop_message(self,
                        "its configuration names other members, or another limits.clients: they have to be "
                        "alike until the group has begun");
  if (meeting_->met(address, read->id)) found_group();
}

// {raft_met, Node, Hello}: another member has met a process that may be added.
void member::take_met(process& self, const message& m) {
  if (core_ == nullptr) return;
  etf::cursor at(m.bytes());
  std::string_view node;
  if (!at.read_tuple_of(3) || !at.skip() || !at.read_atom(node) || node.find('@') == std::string_view::npos)
    return drop_message(self, "a hello that was passed on is malformed");
  if (!is_of_member(origin_name(self)))
    return drop_message(self, "no member is there that could pass on a hello");
  auto read = read_hello(at.rest());
  if (!read) return drop_message(self, read.error().text);
  if (read->of && read->of->cluster != core_->cluster()) return;
  if (core_->members().find(read->id) == nullptr)
    meet(self, fmt::format("{}@{}", read->name, node), read->id);
}

// One stranger of each node is kept, so that a node that invents members pushes out no stranger of another
// node.
void member::meet(process& self, std::string address, const consensus::member_id& id) {
  const std::string node(node_of(address));
  if (strangers_.size() >= most_strangers && !strangers_.contains(node))
    strangers_.erase(std::ranges::min_element(strangers_, {}, [](const auto& one) { return one.second.at; }));
  strangers_[node] = {std::move(address), id, self.now()};
}

// Once all first members are known to each other, each begins the same group by itself.
void member::found_group() {
  if (phase_ != phase::meeting) return;
  rebuild_trusted();
  if (log_->report().is_full) return; // wake() tries again
  if (options_->members.empty()) return;
  const auto first = meeting_->first();
  if (!first) return;
  if (again_why_.empty())
    base::log::info("raft", "{} begins its group with {} members", own_, first->members().size());
  belong({cluster_of(*first, alike_), options_->clients}, consensus::core::first_state(*first));
}

// The group began before this member met all others, or without it: it gets the log from the leader.
void member::join_group(const hello::belongs& of) {
  if (phase_ != phase::meeting || log_->report().is_full) return; // it says hello again
  const consensus::member* known = of.members.find(self_);
  if (known == nullptr && !options_->members.empty() && !of.members.members().empty())
    base::log::warning("raft",
                       "{} is new to its group, which has begun without this disk: coppice raft {} add {} "
                       "makes it a member, once an earlier one of this address is removed",
                       own_, of_.child->name, own_);
  belong({of.cluster, of.clients}, {});
}

void member::belong(const membership& of, consensus::durable_state first) {
  membership_ = of;
  phase_ = phase::joining;
  beginning_ = {};
  beginning_.self = self_;
  beginning_.state = first;
  // Where the log's queue has no room, the next hello tries again.
  if (auto put = storage_->put_membership(of, std::move(first)); !put) {
    if (std::exchange(again_why_, put.error().text) != put.error().text)
      base::log::warning("raft", "{} cannot begin yet: {}", own_, put.error().text);
    phase_ = phase::meeting;
  }
}

} // namespace coppice::behaviours::raft
