// SPDX-License-Identifier: MIT
// Messages: making them, and the writer that fills their blocks.
#include "runtime/message.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/block.hpp"

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
  ::new (owned->data()) borrowed_bytes{release, context};
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

message message_writer::take() {
  if (failed() || size() == 0 || block_ == nullptr) return {};
  const std::size_t written = size();
  block* owned = std::exchange(block_, nullptr);
  reset({nullptr, nullptr});
  return {owned, {owned->data(), written}};
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

} // namespace coppice::runtime
