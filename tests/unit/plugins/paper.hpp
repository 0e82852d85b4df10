// SPDX-License-Identifier: MIT
// A coppice_writer without a host. It never has more room than was asked for, so that a function which writes
// beyond that is found: by `overrun`, and by the address sanitizer.
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
  bool overrun() const { return writer.at > writer.end; }

  coppice_writer writer{};

 private:
  static std::int32_t reserve(coppice_writer* w, std::uint64_t count) {
    auto& self = *reinterpret_cast<paper*>(w->host[0]);
    const auto used = static_cast<std::size_t>(w->at - w->begin);
    std::vector<std::uint8_t> larger(used + static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < used; ++i) larger[i] = w->begin[i];
    self.bytes_ = std::move(larger);
    w->begin = self.bytes_.data();
    w->at = w->begin + used;
    w->end = w->begin + self.bytes_.size();
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

  std::vector<std::uint8_t> bytes_;
};

} // namespace coppice::test
