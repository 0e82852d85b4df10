// SPDX-License-Identifier: MIT
// Compressed terms: 131, 80, the uncompressed size (4 bytes), a zlib stream. Legal only at the start of a
// term. The size is not trusted: output comes in slices and never exceeds that size or the limits, so a small
// bomb needs only a small buffer. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

/// Whether a term (no 131) is compressed.
inline bool is_compressed(bytes in) {
  return !in.empty() && in[0] == static_cast<std::uint8_t>(tag::compressed);
}

/// Inflates the bytes behind tag 80 step by step. `in` starts with that tag (no 131) and must outlive it.
class inflater {
 public:
  explicit inflater(bytes in, const limits& bounds = {});
  ~inflater();
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;

  /// The next slice, valid until the next call; empty at the end. A size beyond the limits is refused before
  /// inflating. After an error it must not be used any more.
  result<bytes> next();
  /// The size that the term claims, once the first slice is there.
  std::size_t size() const { return claim_; }
  /// Bytes of `in` that have been used.
  std::size_t consumed() const;

 private:
  struct stream;
  result<void> begin();

  bytes in_;
  const limits bounds_;
  std::size_t claim_ = 0;
  std::size_t made_ = 0;
  bool ended_ = false;
  std::unique_ptr<stream> stream_;
  std::vector<std::uint8_t> slice_;
};

/// All bytes behind tag 80 at once. `in` starts with that tag (no 131). The result is not validated.
/// `consumed`: gets the number of bytes of `in` that the compressed term took; null: bytes after it are an
/// error.
result<std::vector<std::uint8_t>> inflate(bytes in, const limits& bounds = {},
                                          std::size_t* consumed = nullptr);

/// 131, 80, … at zlib `level` 1 to 9 (term_to_binary's [{compressed, L}]), or 131 and the plain term if that
/// is shorter.
std::vector<std::uint8_t> deflate(bytes term, int level = 6);

} // namespace coppice::etf
