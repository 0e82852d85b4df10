// SPDX-License-Identifier: MIT
// Grows a message's memory, and gives it away. One thread.
#include "dist/message_bytes.hpp"

#include <cstring>

namespace coppice::dist {

using runtime::raw_message;

message_bytes& message_bytes::operator=(message_bytes&& other) noexcept {
  if (this == &other) return *this;
  clear();
  room_ = std::exchange(other.room_, {});
  size_ = std::exchange(other.size_, 0);
  return *this;
}

bool message_bytes::reserve(std::size_t size) {
  if (room_.owner != nullptr && capacity() >= size) return true;
  const auto larger = room_.owner != nullptr                    ? raw_message::grow(room_, size_, size)
                      : size <= UINT32_MAX - raw_message::front ? raw_message::allocate(size)
                                                                : raw_message::room{};
  if (larger.owner == nullptr) return false;
  room_ = larger;
  return true;
}

void message_bytes::append(base::bytes_span bytes) {
  if (bytes.empty()) return;
  std::memcpy(room_.begin + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void message_bytes::clear() {
  if (room_.owner != nullptr) raw_message::release(room_.owner);
  room_ = {};
  size_ = 0;
}

runtime::message message_bytes::take() {
  if (size_ == 0) {
    clear();
    return {};
  }
  const auto all = bytes();
  size_ = 0;
  return raw_message::adopt(std::exchange(room_, {}).owner, all);
}

} // namespace coppice::dist
