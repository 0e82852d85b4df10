// SPDX-License-Identifier: MIT
// Compressed terms: 131, 80, the size of the rest before compression (4 bytes), a zlib stream. Legal at the
// very start of a term only. The size is a stranger's claim: output comes slice by slice and never beyond the
// claim or the limits, so a small bomb costs a small buffer. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

/// Whether a term (no 131) is a compressed one.
inline bool is_compressed(bytes in) {
  return !in.empty() && in[0] == static_cast<std::uint8_t>(tag::compressed);
}

/// The bytes behind tag 80, as they are inflated. `in` starts with that tag (no 131) and outlives it.
class inflater {
 public:
  explicit inflater(bytes in, const limits& bounds = {});
  ~inflater();
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;

  /// The next slice, valid until the next call; empty at the end. A claim beyond the limits is refused before
  /// anything is inflated. After an error there is nothing more to do with it.
  result<bytes> next();
  /// Of the term as it claims, once the first slice is there.
  std::size_t size() const { return claim_; }
  /// Bytes of `in` that were taken so far.
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

/// The bytes of the term behind tag 80, all at once. `in` starts with that tag (no 131). The result is not
/// yet validated. If `consumed` is given, it is how many bytes of `in` the compressed term took; else bytes
/// behind it are an error.
result<std::vector<std::uint8_t>> inflate(bytes in, const limits& bounds = {},
                                          std::size_t* consumed = nullptr);

/// 131, 80, … at zlib `level` 1 to 9 (term_to_binary's [{compressed, L}]), or 131 and the term where that is
/// shorter.
std::vector<std::uint8_t> deflate(bytes term, int level = 6);

} // namespace coppice::etf
