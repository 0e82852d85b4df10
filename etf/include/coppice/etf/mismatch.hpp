// SPDX-License-Identifier: MIT
// Explains why a term does not have the target's shape: where (a path of names and indices, built only while
// returning from the failure), what was expected and what was found. Allocates nothing before a failure, nor
// while it is quiet, which is how a variant's alternatives are tried. It also counts the depth of a recursive
// C++ type, so that untrusted bytes cannot exhaust the stack, and the bytes read by failed attempts, so that
// they cannot make a variant try alternatives without end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/error.hpp>

namespace coppice::etf {

class mismatch {
 public:
  /// Nested levels of a target type that contains itself.
  static constexpr unsigned deepest = 256;

  explicit operator bool() const { return found_; }
  /// No explanation is wanted: findings are not kept, and callers need not build words.
  bool is_quiet() const { return quiet_; }
  /// Returns the old value.
  bool set_quiet(bool quiet) { return std::exchange(quiet_, quiet); }

  /// Whether a std::string may be read from a list of numbers, as Erlang writes texts. Default: yes.
  bool takes_charlists() const { return charlists_; }
  void set_charlists(bool taken) { charlists_ = taken; }

  /// Always returns false: the term at `at` is not what was expected.
  [[gnu::cold, gnu::noinline]] bool wanted(const cursor& at, std::string_view expected) {
    if (quiet_) return false;
    const std::string_view what = name_of(at.peek());
    cursor ahead = at;
    std::string_view name;
    std::int64_t number;
    if (ahead.read_atom(name)) return wanted(at, expected, detail::concatenated({what, " ", name}));
    if (ahead.read_integer(number))
      return wanted(at, expected, detail::concatenated({what, " ", std::to_string(number)}));
    return wanted(at, expected, what);
  }
  [[gnu::cold, gnu::noinline]] bool wanted(const cursor& at, std::string_view expected,
                                           std::string_view got) {
    return refused(at, errc::mismatch, detail::concatenated({"expected ", expected, ", got ", got}));
  }
  /// Always returns false: the term has the right kind but not the right value; `sentence` says what was
  /// expected.
  [[gnu::cold, gnu::noinline]] bool refused(const cursor& at, errc code, std::string_view sentence) {
    if (quiet_) return false;
    found_ = true;
    code_ = code;
    offset_ = at.offset();
    tag_ = at.peek_tag();
    path_size_ = 0;
    text_ = sentence;
    return false;
  }
  /// Always returns false: the failure was inside this field, element or key.
  [[gnu::cold, gnu::noinline]] bool in_field(std::string_view name) {
    return lead(detail::concatenated({".", name}));
  }
  [[gnu::cold, gnu::noinline]] bool in_element(std::size_t index) {
    return lead(detail::concatenated({"[", std::to_string(index), "]"}));
  }

  bool enter(const cursor& at) {
    if (depth_ == deepest) [[unlikely]]
      return refused(at, errc::too_deep, "expected no more than 256 levels");
    ++depth_;
    return true;
  }
  void leave() { --depth_; }

  /// Always returns false: an alternative tried at `start` had failed at `end`.
  bool gave_up(const cursor& start, const cursor& end) {
    constexpr std::size_t at_least = std::size_t{1} << 16, times_the_bytes = 256;
    wasted_ += 1 + (end.offset() - start.offset());
    exhausted_ = exhausted_ || wasted_ > at_least + times_the_bytes * (start.offset() + start.rest().size());
    return false;
  }
  /// Bytes read by failed attempts.
  std::size_t wasted() const { return wasted_; }
  /// These bytes exceed the budget for a term of this size: no variant is read any more.
  bool is_exhausted() const { return exhausted_; }

  /// The finding as an error; `root` names the whole target and may be empty.
  [[gnu::cold, gnu::noinline]] error take(std::string_view root) const {
    if (!found_) return {errc::mismatch, 0, 0, detail::concatenated({root, ": unexpected term"})};
    const std::string_view text = text_;
    std::string_view path = text.substr(0, path_size_);
    if (root.empty() && path.starts_with('.')) path.remove_prefix(1);
    const bool has_path = !root.empty() || !path.empty();
    return {code_, offset_, tag_,
            detail::concatenated({root, path, has_path ? ": " : "", text.substr(path_size_)})};
  }

 private:
  bool lead(std::string_view step) {
    if (!found_) return false;
    text_ = detail::concatenated({step, text_});
    path_size_ += step.size();
    return false;
  }

  std::string text_; // the path, followed by the sentence
  std::size_t path_size_ = 0;
  std::size_t offset_ = 0;
  unsigned depth_ = 0;
  errc code_ = errc::mismatch;
  std::uint8_t tag_ = 0;
  bool found_ = false;
  bool quiet_ = false;
  bool charlists_ = true;
  bool exhausted_ = false;
  std::size_t wasted_ = 0;
};

} // namespace coppice::etf
