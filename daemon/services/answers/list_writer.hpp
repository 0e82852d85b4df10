// SPDX-License-Identifier: MIT
// Writes a list whose length is only known at its end, such as the lists of pairs that OTP's tools ask for.
// One thread.
#pragma once

#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::services {

class list_writer {
 public:
  etf::writer& next() {
    ++count_;
    return body_;
  }
  etf::writer& pair(std::string_view key) {
    etf::writer& out = next();
    out.tuple(2);
    out.atom(key);
    return out;
  }
  void number(std::string_view key, std::uint64_t value) { pair(key).unsigned_integer(value); }
  void atom(std::string_view key, std::string_view value) { pair(key).atom(value); }
  void write(etf::writer& out) const {
    if (count_ > 0) out.list(count_);
    if (count_ > 0) out.raw(body_.view());
    out.nil();
  }
  runtime::message take() const {
    runtime::message_writer out;
    write(out);
    return out.take();
  }

 private:
  etf::vector_writer body_{256};
  std::uint32_t count_ = 0;
};

} // namespace coppice::services
