// SPDX-License-Identifier: MIT
// Serials and sessions. They are saved as big-endian integers, nodes by their names, sessions in the order
// of their use, then the serials that were passed over, so that the same state always makes the same bytes.
#include "consensus/applied_commands.hpp"

#include <iterator>
#include <vector>

#include "base/buffer.hpp"

namespace coppice::consensus {

applied_commands::decision applied_commands::take(log_index index, const entry& one) {
  index_ = index;
  if (one.kind == entry_kind::session) {
    open(index, base::as_text(one.body.bytes()).substr(0, longest_node));
    shed();
    return {verdict::opened, 0, {}};
  }
  // An entry that names a command after itself has no effect.
  if (one.kind == entry_kind::skip) to_pass_.erase(one.sequence);
  if (one.kind != entry_kind::command) return {};
  if (one.client == 0) return next();
  const auto found = by_client_.find(one.client);
  if (found == by_client_.end()) return {verdict::unknown_client, 0, {}};
  session& of = *found->second;
  by_use_.splice(by_use_.end(), by_use_, found->second);
  std::list<std::uint64_t>& of_owner = of.of->second.by_use;
  of_owner.splice(of_owner.end(), of_owner, of.in_owner);
  if (one.sequence == of.sequence && of.serial > 0) return {verdict::repeat, of.serial, of.reply};
  if (one.sequence <= of.sequence) return {verdict::old, 0, {}};
  const decision decided = next();
  of.sequence = one.sequence;
  of.serial = serial_;
  set_reply(of, {});
  return decided;
}

bool applied_commands::is_settled(std::uint64_t client, std::uint64_t sequence) const {
  if (client == 0) return false;
  const auto found = by_client_.find(client);
  if (found == by_client_.end()) return client <= index_; // its number is the index of its entry
  return sequence <= found->second->sequence;
}

bool applied_commands::belongs_to_other(std::uint64_t client, std::string_view node) const {
  const auto found = by_client_.find(client);
  if (found == by_client_.end()) return false;
  const std::string& opened = found->second->of->first;
  return !opened.empty() && opened != node;
}

applied_commands::decision applied_commands::next() {
  ++serial_;
  if (to_pass_.erase(serial_) == 0) return {verdict::apply, serial_, {}};
  passed_.insert(serial_);
  if (passed_.size() > most_passed) passed_.erase(passed_.begin());
  return {verdict::passed_over, serial_, {}};
}

bool applied_commands::pass_over(std::uint64_t serial) {
  if (serial <= serial_) {
    const bool forgotten = passed_.size() == most_passed && serial < *passed_.begin();
    return forgotten || passed_.contains(serial);
  }
  to_pass_.insert(serial);
  return true;
}

void applied_commands::finish(const entry& one, payload reply) {
  const auto found = by_client_.find(one.client);
  if (one.client == 0 || found == by_client_.end()) return;
  set_reply(*found->second, std::move(reply));
  shed();
}

applied_commands::place applied_commands::open(std::uint64_t client, std::string_view node) {
  const auto [by, is_new] = owners_.try_emplace(std::string(node));
  std::list<std::uint64_t>& of_owner = by->second.by_use;
  if (is_new)
    by_bytes_.insert({0, by->first});
  else
    by_count_.erase({of_owner.size(), by->first});
  of_owner.push_back(client);
  by_count_.insert({of_owner.size(), by->first});
  by_use_.push_back({client, 0, 0, {}, by, std::prev(of_owner.end())});
  const place made = std::prev(by_use_.end());
  by_client_[client] = made;
  return made;
}

void applied_commands::close(place one) {
  set_reply(*one, {});
  const owners::iterator by = one->of;
  std::list<std::uint64_t>& of_owner = by->second.by_use;
  by_count_.erase({of_owner.size(), by->first});
  of_owner.erase(one->in_owner);
  if (!of_owner.empty()) {
    by_count_.insert({of_owner.size(), by->first});
  } else {
    by_bytes_.erase({by->second.listed, by->first});
    unlisted_.erase(by->first);
    owners_.erase(by);
  }
  by_client_.erase(one->client);
  by_use_.erase(one);
}

void applied_commands::set_reply(session& of, payload reply) {
  owner& by = of.of->second;
  if (by.bytes == by.listed && of.reply.size() != reply.size()) unlisted_.insert(of.of->first);
  bytes_ = bytes_ - of.reply.size() + reply.size();
  by.bytes = by.bytes - of.reply.size() + reply.size();
  of.reply = std::move(reply);
}

void applied_commands::list_by_bytes() {
  for (const std::string_view name : unlisted_) {
    owner& by = owners_.find(name)->second;
    if (by.bytes == by.listed) continue;
    by_bytes_.erase({by.listed, name});
    by_bytes_.insert({by.bytes, name});
    by.listed = by.bytes;
  }
  unlisted_.clear();
}

// The session that was used last stays, however long its reply is.
void applied_commands::shed() {
  while (by_use_.size() > 1 && by_use_.size() > bounds_.sessions) close(by_client_.at(session_to_close()));
  while (by_use_.size() > 1 && bytes_ > bounds_.reply_bytes) {
    list_by_bytes();
    const owner& by = owners_.find(by_bytes_.rbegin()->second)->second;
    const place oldest = by_client_.at(by.by_use.front());
    if (oldest == std::prev(by_use_.end())) break;
    close(oldest);
  }
}

// Called when one session too many was opened. If no node has more sessions than the node that opened it, a
// session of that node goes.
std::uint64_t applied_commands::session_to_close() const {
  const auto& [most, node] = *by_count_.rbegin();
  if (most == 1) return by_use_.front().client;
  const owner& opens = by_use_.back().of->second;
  const owner& by = opens.by_use.size() == most ? opens : owners_.find(node)->second;
  return by.by_use.front();
}

payload applied_commands::save() const {
  base::buffer out;
  for (const std::uint64_t one :
       {bounds_.sessions, bounds_.reply_bytes, serial_, index_, std::uint64_t{owners_.size()}})
    out.append_be64(one);
  std::map<std::string_view, std::uint32_t> numbers;
  for (const auto& [name, of] : owners_) {
    numbers.emplace(name, static_cast<std::uint32_t>(numbers.size()));
    out.append_be32(static_cast<std::uint32_t>(name.size()));
    out.append(name);
  }
  out.append_be64(by_use_.size());
  for (const session& one : by_use_) {
    out.append_be32(numbers.at(one.of->first));
    out.append_be64(one.client);
    out.append_be64(one.sequence);
    out.append_be64(one.serial);
    out.append_be32(static_cast<std::uint32_t>(one.reply.size()));
    out.append(one.reply.bytes());
  }
  out.append_be64(passed_.size());
  for (const std::uint64_t one : passed_) out.append_be64(one);
  return payload(out.readable());
}

base::status applied_commands::restore(base::bytes_span from) {
  const auto damaged = [] { return base::fail(base::errc::invalid, "the saved sessions make no sense"); };
  const auto number = [&] {
    const std::uint64_t value = base::load_be64(from.data());
    from = from.subspan(8);
    return value;
  };
  if (from.size() < 5 * 8) return damaged();
  bounds most;
  most.sessions = number();
  most.reply_bytes = number();
  applied_commands read(most);
  read.serial_ = number();
  read.index_ = number();
  std::vector<std::string> nodes;
  for (std::uint64_t left = number(); left > 0; --left) {
    if (from.size() < 4) return damaged();
    const std::size_t length = base::load_be32(from.data());
    from = from.subspan(4);
    if (length > longest_node || from.size() < length) return damaged();
    std::string name(base::as_text(from.first(length)));
    from = from.subspan(length);
    if (!nodes.empty() && name <= nodes.back()) return damaged();
    nodes.push_back(std::move(name));
  }
  if (from.size() < 8) return damaged();
  for (std::uint64_t left = number(); left > 0; --left) {
    if (from.size() < 4 + 3 * 8 + 4) return damaged();
    const std::size_t node = base::load_be32(from.data());
    from = from.subspan(4);
    const std::uint64_t client = number();
    const std::uint64_t sequence = number();
    const std::uint64_t serial = number();
    const std::size_t length = base::load_be32(from.data());
    from = from.subspan(4);
    if (node >= nodes.size() || from.size() < length || client == 0 || client > read.index_ ||
        serial > read.serial_ || read.by_client_.contains(client))
      return damaged();
    session& one = *read.open(client, nodes[node]);
    one.sequence = sequence;
    one.serial = serial;
    read.set_reply(one, payload(from.first(length)));
    from = from.subspan(length);
  }
  if (read.owners_.size() != nodes.size()) return damaged();
  if (from.size() < 8) return damaged();
  for (std::uint64_t left = number(); left > 0; --left) {
    if (from.size() < 8 || read.passed_.size() >= most_passed) return damaged();
    const std::uint64_t serial = number();
    const std::uint64_t before = read.passed_.empty() ? 0 : *read.passed_.rbegin();
    if (serial <= before || serial > read.serial_) return damaged();
    read.passed_.insert(serial);
  }
  if (!from.empty() || (read.by_use_.size() > 1 && read.by_use_.size() > most.sessions)) return damaged();
  *this = std::move(read);
  return {};
}

} // namespace coppice::consensus
