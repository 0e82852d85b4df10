// SPDX-License-Identifier: MIT
// See beat_exchange.hpp.
#include "behaviours/raft/beat_exchange.hpp"

#include <coppice/etf/writer.hpp>

#include <memory>
#include <utility>

#include "base/log.hpp"
#include "behaviours/raft/beat_carrier.hpp"
#include "consensus/wire.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

beat_exchange::seat beat_exchange::enter(const consensus::member_id& id, const runtime::pid& who) {
  liveness_.wake(id);
  const std::scoped_lock held(lock_);
  place& its = members_[id];
  forget_nodes(its);
  its = {who, {}};
  return {*this, id, who};
}

void beat_exchange::leave(const consensus::member_id& id, const runtime::pid& who) noexcept {
  const std::scoped_lock held(lock_);
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.who != who) return;
  forget_nodes(found->second);
  members_.erase(found);
  liveness_.wake(id);
}

void beat_exchange::forget_nodes(const place& of) {
  for (const auto& [node, told] : of.told) {
    const auto found = expecting_.find(node);
    if (--found->second == 0) expecting_.erase(found);
  }
}

runtime::pid beat_exchange::find(const consensus::member_id& id) const {
  const std::scoped_lock held(lock_);
  const auto found = members_.find(id);
  return found == members_.end() ? runtime::pid{} : found->second.who;
}

bool beat_exchange::expects(const consensus::member_id& id, std::string_view node) const {
  const std::scoped_lock held(lock_);
  const auto found = members_.find(id);
  return found != members_.end() && found->second.told.contains(node);
}

bool beat_exchange::expects(std::string_view node) const {
  const std::scoped_lock held(lock_);
  return expecting_.contains(node);
}

runtime::pid beat_exchange::tell(const consensus::member_id& id, std::string_view node) {
  const std::scoped_lock held(lock_);
  const auto found = members_.find(id);
  if (found == members_.end()) return {};
  const auto told = found->second.told.find(node);
  if (told == found->second.told.end() || told->second >= most_told) return {};
  ++told->second;
  return found->second.who;
}

void beat_exchange::expect(const consensus::member_id& id, const runtime::pid& who,
                           std::span<const std::string> nodes) {
  const std::scoped_lock held(lock_);
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.who != who) return;
  place& its = found->second;
  forget_nodes(its);
  const auto before = std::exchange(its.told, {});
  for (const std::string& node : nodes) {
    const auto known = before.find(node);
    const bool is_new = its.told.emplace(node, known == before.end() ? 0 : known->second).second;
    if (is_new) ++expecting_[node];
  }
}

// A member that has entered again, or that expects a node again, may still handle heartbeats from before.
void beat_exchange::handled(const consensus::member_id& id, const runtime::pid& who, std::string_view node) {
  const std::scoped_lock held(lock_);
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.who != who) return;
  const auto told = found->second.told.find(node);
  if (told != found->second.told.end() && told->second > 0) --told->second;
}

void beat_exchange::keep_carrier(process& self) {
  liveness_.keep_carrier(self, *this, board_);
  if (self.host().whereis(beat_carrier::registered_name)) return;
  const std::scoped_lock held(starting_);
  if (self.host().whereis(beat_carrier::registered_name)) return;
  runtime::spawn_options how;
  how.name = beat_carrier::registered_name;
  how.label = "raft/heartbeats";
  how.of_node = true; // it serves all groups, and waits for no node
  auto made = self.host().spawn(std::move(how), std::make_unique<beat_carrier>(*this, board_));
  if (!made) base::log::warning("raft", "heartbeats of groups wait: {}", made.error().text);
}

void beat_exchange::put(process& self, std::string_view node, const consensus::message& one,
                        base::nanos due) {
  if (!add(node, one, due)) return;
  keep_carrier(self);
  self.notify(runtime::destination::named(std::string(beat_carrier::registered_name)),
              message::atom(beat_carrier::look_word));
}

bool beat_exchange::add(std::string_view node, const consensus::message& one, base::nanos due) {
  etf::vector_writer out(192);
  consensus::encode(one, out);
  const etf::bytes term = out.view();
  const std::scoped_lock held(lock_);
  if (waiting_bytes_ + term.size() > most_waiting_bytes) return false;
  waiting_bytes_ += term.size();
  auto found = open_.find(node);
  if (found == open_.end()) found = open_.emplace(node, batch{std::string(node), {}, 0}).first;
  batch& into = found->second;
  into.beats.insert(into.beats.end(), term.begin(), term.end());
  ++into.count;
  // Complete if one more heartbeat of the same length has no room.
  const bool is_complete = into.count == most_beats || into.beats.size() + term.size() > most_bytes;
  if (is_complete) {
    complete_.push_back(std::move(into));
    open_.erase(found);
  }
  const bool is_sooner = due_ == 0 || due < due_;
  if (is_sooner) due_ = due;
  return is_complete || is_sooner;
}

std::vector<beat_exchange::batch> beat_exchange::take(base::nanos now) {
  const std::scoped_lock held(lock_);
  std::vector<batch> out = std::exchange(complete_, {});
  if (due_ != 0 && due_ <= now) {
    due_ = 0;
    for (auto& [node, one] : open_) out.push_back(std::move(one));
    open_.clear();
  }
  for (const batch& one : out) waiting_bytes_ -= one.beats.size();
  return out;
}

base::nanos beat_exchange::due() const {
  const std::scoped_lock held(lock_);
  return due_;
}

message beat_exchange::to_message(const batch& what) {
  message_writer out(what.beats.size() + 32);
  out.tuple(2);
  out.atom(beats_word);
  out.list(what.count);
  out.raw(what.beats);
  out.nil();
  return out.take();
}

base::result<std::vector<beat_exchange::beat>> beat_exchange::read(etf::bytes term) {
  if (term.size() > longest_message)
    return base::fail(base::errc::limit, std::to_string(term.size()) + " bytes of heartbeats are more than " +
                                             std::to_string(longest_message));
  etf::cursor at(term);
  std::uint32_t count = 0;
  if (!at.read_tuple_of(2) || !at.read_atom_is(beats_word) || !at.read_list(count))
    return base::fail(base::errc::invalid, "no list of heartbeats");
  if (count > most_beats)
    return base::fail(base::errc::limit,
                      std::to_string(count) + " heartbeats are more than " + std::to_string(most_beats));
  std::vector<beat> out;
  out.reserve(count);
  for (; count > 0; --count) {
    beat one;
    if (!at.read_term(one.term)) return base::fail(base::errc::invalid, "a heartbeat is missing");
    auto read = consensus::decode_message(one.term);
    if (!read) return unexpected<base::error>(std::move(read.error()));
    if (!std::holds_alternative<consensus::heartbeat>(read->body) &&
        !std::holds_alternative<consensus::heartbeat_answer>(read->body))
      return base::fail(base::errc::invalid, "a message is no heartbeat and no answer to one");
    one.to = read->to;
    out.push_back(one);
  }
  if (!at.read_nil() || !at.at_end()) return base::fail(base::errc::invalid, "more follows");
  return out;
}

} // namespace coppice::behaviours::raft
