// SPDX-License-Identifier: MIT
// What a decoder says when a term is not of the target's shape: where (a path
// of names and indices, built only while unwinding from the failure), what was
// expected and what was met. Costs a null pointer until then, and nothing while
// it is quiet: a variant's alternatives are tried that way. Also counts how
// deep a recursive C++ type has gone, so that a stranger's bytes cannot exhaust
// the stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/error.hpp>

namespace coppice::etf {

class mismatch {
 public:
  /// Levels of aggregates and containers in a target type that contains itself.
  static constexpr unsigned deepest = 256;

  explicit operator bool() const { return found_ != nullptr; }
  /// Nobody asks why: findings are not kept, and who would have to build words
  /// need not.
  bool is_quiet() const { return quiet_; }
  /// Returns what it was.
  bool set_quiet(bool quiet) { return std::exchange(quiet_, quiet); }

  /// Always false, to be returned: `at` stands where `expected` did not.
  [[gnu::cold, gnu::noinline]] bool wanted(const cursor& at, std::string_view expected) {
    if (quiet_) return false;
    std::string got{name_of(at.peek())};
    cursor ahead = at;
    std::string_view name;
    std::int64_t number;
    if (ahead.read_atom(name))
      got += detail::concatenated(" ", name);
    else if (ahead.read_integer(number))
      got += detail::concatenated(" ", std::to_string(number));
    return wanted(at, expected, got);
  }
  [[gnu::cold, gnu::noinline]] bool wanted(const cursor& at, std::string_view expected,
                                           std::string_view got) {
    if (quiet_) return false;
    found_ = std::make_unique<finding>();
    found_->offset = at.offset();
    found_->tag = at.peek_tag();
    found_->expected = expected;
    found_->got = got;
    return false;
  }
  [[gnu::cold, gnu::noinline]] bool refused(const cursor& at, errc code, std::string_view sentence) {
    wanted(at, sentence, {});
    if (found_) found_->code = code;
    return false;
  }
  /// Always false: the failure was inside this field, element or key.
  [[gnu::cold, gnu::noinline]] bool in_field(std::string_view name) {
    if (found_) found_->path.insert(0, detail::concatenated(".", name));
    return false;
  }
  [[gnu::cold, gnu::noinline]] bool in_element(std::size_t index) {
    if (found_) found_->path.insert(0, detail::concatenated("[", std::to_string(index), "]"));
    return false;
  }

  bool enter(const cursor& at) {
    if (depth_ == deepest) [[unlikely]]
      return refused(at, errc::too_deep, "expected no more than 256 levels");
    ++depth_;
    return true;
  }
  void leave() { --depth_; }

  /// The finding as an error; `root` names the whole target, may be empty.
  [[gnu::cold, gnu::noinline]] error take(std::string_view root) const {
    if (!found_) return {errc::mismatch, 0, 0, std::string(root) + ": unexpected term"};
    std::string path = std::string(root) + found_->path;
    if (path.starts_with('.')) path.erase(0, 1);
    std::string sentence = path.empty() ? std::string{} : path + ": ";
    if (found_->got.empty())
      sentence += found_->expected;
    else
      sentence += "expected " + found_->expected + ", got " + found_->got;
    return {found_->code, found_->offset, found_->tag, std::move(sentence)};
  }

 private:
  struct finding {
    errc code = errc::mismatch;
    std::size_t offset = 0;
    std::uint8_t tag = 0;
    std::string path, expected, got;
  };
  std::unique_ptr<finding> found_;
  unsigned depth_ = 0;
  bool quiet_ = false;
};

} // namespace coppice::etf
