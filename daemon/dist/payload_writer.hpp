// SPDX-License-Identifier: MIT
// Writes a payload of any length straight into the memory of the message it will be, so that the finished
// payload needs no copy. When the memory is full it grows by at least half its size. One thread at a time,
// the connection's.
#pragma once

#include <algorithm>
#include <coppice/etf/writer.hpp>
#include <cstddef>
#include <utility>

#include "runtime/messages/message.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::dist {

class payload_writer : public etf::writer {
 public:
  payload_writer() : etf::writer(nullptr, nullptr, &payload_writer::grow, this) {}
  ~payload_writer() {
    if (room_.owner != nullptr) runtime::raw_message::release(room_.owner);
  }

  std::size_t capacity() const { return static_cast<std::size_t>(room_.end - room_.begin); }
  // Makes room for `size` bytes in all; the writer fails if a message cannot be that long.
  void reserve(std::size_t size) {
    if (size > this->size()) (void)room(size - this->size());
  }
  // Takes what was written; the writer is empty afterwards.
  runtime::message take() {
    const auto all = view();
    reset({});
    return runtime::raw_message::adopt(std::exchange(room_, {}).owner, all);
  }

 private:
  static etf::storage grow(void* context, etf::storage, std::size_t used, std::size_t needed) {
    using runtime::raw_message;
    auto& self = *static_cast<payload_writer*>(context);
    const std::size_t size = std::max(used + needed, used + used / 2);
    if (size > UINT32_MAX - raw_message::front) return {};
    self.room_ =
        self.room_.owner == nullptr ? raw_message::allocate(size) : raw_message::grow(self.room_, used, size);
    return {self.room_.begin, self.room_.end};
  }

  runtime::raw_message::room room_;
};

} // namespace coppice::dist
