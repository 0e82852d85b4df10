// SPDX-License-Identifier: MIT
// Serials and sessions. They are saved as big-endian integers, sessions in the order of their use and then
// the serials that were passed over, so that the same state always makes the same bytes.
#include "consensus/applied_commands.hpp"

#include <iterator>

#include "base/buffer.hpp"

namespace coppice::consensus {

applied_commands::decision applied_commands::take(log_index index, const entry& one) {
  index_ = index;
  if (one.kind == entry_kind::session) {
    by_use_.push_back({index, 0, 0, {}});
    by_client_[index] = std::prev(by_use_.end());
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
  if (one.sequence == of.sequence && of.serial > 0) return {verdict::repeat, of.serial, of.reply};
  if (one.sequence <= of.sequence) return {verdict::old, 0, {}};
  const decision decided = next();
  of.sequence = one.sequence;
  of.serial = serial_;
  bytes_ -= weight(of);
  of.reply = {};
  return decided;
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
  session& of = *found->second;
  bytes_ -= weight(of);
  of.reply = std::move(reply);
  bytes_ += weight(of);
  shed();
}

// The session that was used last stays, however long its reply is.
void applied_commands::shed() {
  while (by_use_.size() > 1 && (by_use_.size() > bounds_.sessions || bytes_ > bounds_.reply_bytes)) {
    bytes_ -= weight(by_use_.front());
    by_client_.erase(by_use_.front().client);
    by_use_.pop_front();
  }
}

payload applied_commands::save() const {
  base::buffer out;
  for (const std::uint64_t one :
       {bounds_.sessions, bounds_.reply_bytes, serial_, index_, std::uint64_t{by_use_.size()}})
    out.append_be64(one);
  for (const session& one : by_use_) {
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
  for (std::uint64_t left = number(); left > 0; --left) {
    if (from.size() < 3 * 8 + 4) return damaged();
    session one;
    one.client = number();
    one.sequence = number();
    one.serial = number();
    const std::size_t length = base::load_be32(from.data());
    from = from.subspan(4);
    if (from.size() < length || one.client == 0 || one.client > read.index_ || one.serial > read.serial_)
      return damaged();
    one.reply = payload(from.first(length));
    from = from.subspan(length);
    read.bytes_ += length;
    read.by_use_.push_back(std::move(one));
    const auto at = std::prev(read.by_use_.end());
    if (!read.by_client_.emplace(at->client, at).second) return damaged();
  }
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
