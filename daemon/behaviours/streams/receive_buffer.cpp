// SPDX-License-Identifier: MIT
// See receive_buffer.hpp.
#include "behaviours/streams/receive_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/messages/raw_message.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::raw_message;

namespace {

constexpr std::size_t large = std::size_t{16} << 20;
constexpr std::size_t wasteful = std::size_t{8} << 10;
constexpr std::size_t first_room = std::size_t{4} << 10;
constexpr std::size_t small_room = std::size_t{16} << 10; // least room to read into

// How much room is made for `wanted` bytes once `have` have come. A third of a long frame is copied on its
// way, and for no peer more memory is kept than four times what it has sent.
std::size_t room_for(std::size_t have, std::size_t wanted) {
  return std::max(have, std::min(wanted, std::max(first_room, 4 * have)));
}

} // namespace

message receive_buffer::part(std::size_t offset, std::size_t length) const {
  return raw_message::share(owner_, {begin_ + offset, length});
}

// Grows by a share of the present size, so that bytes that come one by one are not copied each time.
void receive_buffer::need(std::size_t total) {
  if (static_cast<std::size_t>(limit_ - begin_) >= total) return;
  const std::size_t have = size();
  const std::size_t more = have < large ? have : have / 4;
  const raw_message::room next = raw_message::allocate(std::max(total, have + more));
  if (have != 0) std::memcpy(next.begin, begin_, have);
  clear();
  owner_ = next.owner;
  begin_ = next.begin;
  end_ = next.begin + have;
  limit_ = next.end;
  kept_ = static_cast<std::size_t>(next.end - next.begin);
}

void receive_buffer::append(base::bytes_span more, std::size_t wanted) {
  const std::size_t all = size() + more.size();
  if (static_cast<std::size_t>(limit_ - begin_) < all) need(room_for(all, wanted));
  std::memcpy(end_, more.data(), more.size());
  end_ += more.size();
}

void receive_buffer::adopt(message bytes) {
  clear();
  begin_ = const_cast<std::uint8_t*>(bytes.bytes().data());
  end_ = limit_ = begin_ + bytes.size();
  kept_ = bytes.footprint();
  owner_ = raw_message::disown(bytes);
}

std::span<std::uint8_t> receive_buffer::space(std::size_t wanted) {
  const std::size_t missing = std::max(wanted, size() + 1) - size();
  if (static_cast<std::size_t>(limit_ - end_) < std::min(missing, small_room))
    need(room_for(size() + 1, wanted));
  return {end_, limit_};
}

void receive_buffer::consume(std::size_t count) {
  begin_ += count;
  if (begin_ == end_) clear();
}

void receive_buffer::clear() {
  if (owner_ != nullptr) raw_message::release(owner_);
  owner_ = nullptr;
  begin_ = end_ = limit_ = nullptr;
  kept_ = 0;
}

void receive_buffer::compact() {
  if (empty() || kept_ < wasteful || kept_ < 4 * size()) return;
  const message whole = part(0, size());
  clear();
  append(whole.bytes(), 0);
}

} // namespace coppice::behaviours
