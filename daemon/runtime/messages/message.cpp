// SPDX-License-Identifier: MIT
// Messages: making them, the writer that fills their blocks, and raw_message.
#include "runtime/messages/message.hpp"

#include <algorithm>
#include <coppice/etf/wire.hpp>
#include <cstring>

#include "runtime/messages/block.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::runtime {

std::size_t message::footprint() const {
  return block_ == nullptr ? 0 : sizeof(block) + block_->capacity;
}

message message::compact(std::size_t waste) const {
  if (block_ == nullptr || block_->capacity <= bytes_.size() + waste) return *this;
  return copy_of(bytes_);
}

message message::copy_of(etf::bytes term) {
  if (term.empty()) return {};
  block* owned = allocate_block(term.size());
  std::memcpy(owned->data(), term.data(), term.size());
  return {owned, {owned->data(), term.size()}};
}

message message::atom(std::string_view name) {
  message_writer out(name.size() + 4);
  out.atom(name);
  return out.take();
}

message message::borrow(etf::bytes term, void (*release)(void* context), void* context) {
  block* owned = allocate_block(sizeof(borrowed_bytes));
  ::new (owned->data()) borrowed_bytes{term, release, context};
  owned->borrowed = true;
  return {owned, term};
}

bool message::same_bytes(const message& other) const {
  return std::ranges::equal(bytes_, other.bytes_);
}

message_writer::message_writer(std::size_t reserve)
    : etf::writer(nullptr, nullptr, &message_writer::grow, this), block_(allocate_block(reserve)) {
  reset({block_->data(), block_->data() + block_->capacity});
}

message_writer::~message_writer() {
  if (block_ != nullptr) detail::release(block_);
}

etf::storage message_writer::grow(void* context, etf::storage, std::size_t used, std::size_t needed) {
  auto& self = *static_cast<message_writer*>(context);
  if (self.block_ == nullptr || used + needed > UINT32_MAX) return {};
  block* larger =
      allocate_block(std::max<std::size_t>(used + needed, std::size_t{self.block_->capacity} * 2));
  std::memcpy(larger->data(), self.block_->data(), used);
  detail::release(std::exchange(self.block_, larger));
  return {larger->data(), larger->data() + larger->capacity};
}

void* raw_message::disown(message& m) {
  m.bytes_ = {};
  return std::exchange(m.block_, nullptr);
}

message raw_message::share(void* owner, etf::bytes part) {
  detail::retain(static_cast<block*>(owner));
  return adopt(owner, part);
}

void raw_message::release(void* owner) {
  detail::release(static_cast<block*>(owner));
}

message raw_message::copy_of(etf::bytes term) {
  constexpr std::size_t room_in_front = 16;
  block* const made = allocate_block(room_in_front + term.size());
  std::uint8_t* const at = made->data() + room_in_front;
  etf::wire::copy(at, term.data(), term.size());
  return {made, {at, term.size()}};
}

raw_message::room raw_message::allocate(std::size_t size) {
  block* made = allocate_block(front + size);
  return {made, made->data() + front, made->data() + made->capacity};
}

raw_message::room raw_message::grow(room from, std::size_t written, std::size_t size) {
  if (size > UINT32_MAX - front) return {};
  const room larger = allocate(size);
  std::memcpy(larger.begin, from.begin, written);
  release(from.owner);
  return larger;
}

message with_room_in_front(std::size_t size, message m, std::uint8_t*& out_front) {
  const etf::bytes body = m.bytes();
  auto* memory = static_cast<block*>(raw_message::owner(m));
  if (memory != nullptr && !memory->borrowed && memory->exclusive() &&
      static_cast<std::size_t>(body.data() - memory->data()) >= size) [[likely]] {
    out_front = memory->data() + (body.data() - memory->data()) - size;
    return std::move(m).slice({out_front, size + body.size()});
  }
  block* joined = allocate_block(size + body.size());
  std::memcpy(joined->data() + size, body.data(), body.size());
  out_front = joined->data();
  return raw_message::adopt(joined, {out_front, size + body.size()});
}

message with_front(etf::bytes front, message m) {
  std::uint8_t* at = nullptr;
  message joined = with_room_in_front(front.size(), std::move(m), at);
  std::memcpy(at, front.data(), front.size());
  return joined;
}

} // namespace coppice::runtime
