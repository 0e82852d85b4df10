// SPDX-License-Identifier: MIT
// The bytes of a fuzzer's input as a script: choices of one byte each, and terms as a connection makes them
// of a peer's bytes.
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
  // The next byte; 0 once the script has ended.
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t first = left_.front();
    left_ = left_.subspan(1);
    return first;
  }
  // The next bytes as a connection passes on a peer's term. If they are no term: an integer.
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
