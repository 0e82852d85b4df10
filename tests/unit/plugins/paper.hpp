// SPDX-License-Identifier: MIT
// A coppice_writer without a host. It gives exactly the room that was asked for, so overrun() finds a
// function that writes more. One thread.
#pragma once

#include <coppice/message.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coppice::test {

class paper {
 public:
  paper() {
    writer.api = &api;
    writer.host[0] = reinterpret_cast<std::uintptr_t>(this);
  }
  paper(const paper&) = delete;
  paper& operator=(const paper&) = delete;

  std::vector<std::uint8_t> written() const { return {writer.begin, writer.at}; }
  bool overrun() const { return overrun_ || writer.at > writer.end; }

  coppice_writer writer{};

 private:
  static std::int32_t reserve(coppice_writer* w, std::uint64_t count) {
    auto& self = *reinterpret_cast<paper*>(w->host[0]);
    if (w->at > w->end) self.overrun_ = true;
    const auto used = static_cast<std::size_t>(w->at - w->begin);
    const std::size_t needed = used + static_cast<std::size_t>(count);
    if (self.bytes_.size() < needed + spare) self.bytes_.resize(2 * needed + spare);
    w->begin = self.bytes_.data();
    w->at = w->begin + used;
    w->end = w->begin + needed;
    return COPPICE_OK;
  }
  static constexpr coppice_message_api api = {
      .size = sizeof(coppice_message_api),
      .reserved = 0,
      .retain = nullptr,
      .release = nullptr,
      .write_begin = nullptr,
      .reserve = &reserve,
      .splice = nullptr,
      .finish = nullptr,
      .discard = nullptr,
      .adopt = nullptr,
      .validate = nullptr,
  };

  static constexpr std::size_t spare = 64; // bytes behind the room, for an overrun

  std::vector<std::uint8_t> bytes_;
  bool overrun_ = false;
};

} // namespace coppice::test
