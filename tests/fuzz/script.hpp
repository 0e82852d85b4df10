// SPDX-License-Identifier: MIT
// A fuzzer's bytes as what happens: choices, a byte each, and terms as a connection makes them of a peer's.
#pragma once

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/validate.hpp>
#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace coppice::fuzz {

inline void check(bool holds) {
  if (!holds) std::abort();
}

class script {
 public:
  explicit script(std::span<const std::uint8_t> from) : left_(from) {}
  bool ended() const { return left_.empty(); }
  // 0 once it has ended.
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t first = left_.front();
    left_ = left_.subspan(1);
    return first;
  }
  // What a peer's bytes are once they have been let in; else an integer.
  std::vector<std::uint8_t> term() {
    const auto seen = etf::scan(left_);
    etf::vector_writer canonical;
    if (seen && etf::canonicalise(left_.first(seen->length), canonical)) {
      left_ = left_.subspan(seen->length);
      return canonical.take();
    }
    etf::vector_writer number;
    number.unsigned_integer(byte());
    return number.take();
  }

 private:
  std::span<const std::uint8_t> left_;
};

} // namespace coppice::fuzz
