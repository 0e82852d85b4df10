// SPDX-License-Identifier: MIT
// canonicalise() for a term that comes in pieces. Each piece is validated and written as it comes, so that no
// call handles a whole long term. The result does not depend on where the pieces are cut. Only an element
// that is cut at the end of a piece is copied and kept until it is complete: an atom, a number, an identity.
// Bytes of a binary are passed on at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::etf {

class canonical_stream {
 public:
  /// `out`, and the names of `atoms`, must outlive it.
  explicit canonical_stream(writer& out, const limits& bounds = {}, const atom_lookup& atoms = {})
      : bounds_(bounds),
        atoms_(atoms),
        scan_(bounds_, atoms.find == nullptr ? cached_atoms::refused : cached_atoms::allowed),
        out_(out),
        rewrite_(out, bounds_, atoms_) {}
  canonical_stream(const canonical_stream&) = delete;
  canonical_stream& operator=(const canonical_stream&) = delete;

  /// Takes the next piece, of any length. After an error it must not be used any more, and what was written
  /// is undefined. If a term's counts promise more than comes, the error may differ from that of
  /// canonicalise().
  result<void> feed(bytes piece) {
    const std::size_t room = bounds_.bytes - taken_;
    const bool cut = piece.size() > room;
    if (cut) piece = piece.first(room);
    taken_ += piece.size();
    if (!scan_.keyed() && scan_.beyond() == 0) unkeyed_ = out_.size();
    while (!piece.empty())
      if (auto taken = take(piece); !taken) return taken;
    if (scan_.keyed())
      if (auto unique = check_keys(); !unique) return unique;
    if (!cut) return {};
    if (complete()) return trailing();
    return fail(errc::too_large, taken_, 0, "a term within the limit of bytes expected");
  }

  /// Call it after the last piece.
  result<void> finish() {
    if (complete()) return {};
    return fail(errc::truncated, taken_, 0, "the rest of a term expected");
  }

  /// Bytes of memory that it holds beside the output.
  std::size_t held() const {
    const std::size_t of_keys = keys_ == nullptr ? 0 : sizeof *keys_ + keys_->held();
    return carry_.capacity() + scan_.held() + rewrite_.held() + of_keys;
  }

 private:
  using progress = detail::scanner::progress;

  bool complete() const { return scan_.state() == progress::done && scan_.beyond() == 0; }
  unexpected<error> trailing() const { return fail(errc::trailing, taken_, 0, "the end expected"); }

  result<void> check_keys() {
    if (keys_ == nullptr) {
      keys_ = std::make_unique<key_checker>();
      keys_->leave_out(unkeyed_);
    }
    return keys_->pass(out_.view());
  }

  /// Takes some bytes from the front of `piece`.
  result<void> take(bytes& piece) {
    if (scan_.beyond() != 0) {
      const bytes part =
          piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(scan_.beyond(), piece.size())));
      piece = piece.subspan(part.size());
      scan_.leave_out(part.size());
      return rewrite_.pass_on(part);
    }
    if (complete()) return trailing();
    if (!carry_.empty()) return take_with_carry(piece);
    const std::size_t passed = scan_.pass(piece);
    if (scan_.state() == progress::failed) return scan_.trouble();
    const bytes part = piece.first(passed);
    piece = piece.subspan(passed);
    if (scan_.state() == progress::open && scan_.beyond() == 0) {
      carry_.assign(piece.begin(), piece.end());
      piece = {};
    }
    return put(part);
  }

  /// Appends bytes to the element that was cut, twice as many each time, until it is complete.
  result<void> take_with_carry(bytes& piece) {
    const std::size_t before = carry_.size();
    const std::size_t more = std::min(piece.size(), std::max<std::size_t>(before, 32));
    carry_.insert(carry_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(more));
    const std::size_t passed = scan_.pass(carry_);
    if (scan_.state() == progress::failed) return scan_.trouble();
    piece = piece.subspan(passed == 0 ? more : passed - before);
    if (passed == 0) return {};
    const auto put_out = put(bytes(carry_).first(passed));
    carry_.clear();
    if (carry_.capacity() > kept_capacity) carry_.shrink_to_fit();
    return put_out;
  }

  result<void> put(bytes part) {
    return scan_.canonical() && !rewrite_.in_fun() ? rewrite_.pass_on(part) : rewrite_.run(part);
  }

  static constexpr std::size_t kept_capacity = 4096;

  const limits bounds_;
  const atom_lookup atoms_;
  std::size_t taken_ = 0;
  detail::scanner scan_;
  writer& out_;
  detail::rewriter rewrite_;
  std::size_t unkeyed_ = 0;           ///< bytes of output before the first map of several pairs
  std::unique_ptr<key_checker> keys_; ///< null: there was no such map yet
  std::vector<std::uint8_t> carry_;   ///< the front of a cut element
};

} // namespace coppice::etf
