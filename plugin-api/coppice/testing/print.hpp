// SPDX-License-Identifier: MIT
// Terms in Erlang's syntax for the sentences of a failed test, where the program is not linked with
// libcoppice-etf. The text is for reading: deep and long parts are cut, with `...` in their place. Including
// coppice/testing/erlang.hpp replaces it by the library's printer. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

/// At most `most` bytes of the text, and `...` in the place of the rest.
std::string cut_short(std::string text, std::size_t most);

class printer {
 public:
  /// At most about `most` characters.
  explicit printer(std::size_t most) : most_(most) {}
  std::string print(etf::bytes term);
  void atom(std::string_view name);

 private:
  static constexpr int most_depth = 24;

  bool is_full() const { return out_.size() >= most_; }
  void number(std::uint64_t of) { out_ += std::to_string(of); }
  void quoted(std::string_view text, char quote);
  static bool is_text(etf::bytes data);
  static std::string_view text_of(etf::bytes data);
  // False: broken bytes.
  bool one(etf::cursor& in, int depth);
  bool other(etf::cursor& in);
  bool integer(etf::cursor& in);
  void floating(double of);
  bool tuple(etf::cursor& in, int depth);
  bool map(etf::cursor& in, int depth);
  bool list(etf::cursor& in, int depth);
  void byte_list(etf::bytes text);
  void bytes_of(etf::bytes data, char open, char close);
  bool binary(etf::cursor& in);
  bool pid(etf::cursor& in);
  bool reference(etf::cursor& in);

  std::string out_;
  const std::size_t most_;
};

inline constexpr std::size_t most_shown = 2000;
std::string show_plainly(etf::bytes encoded);
/// Set by including this header, unless coppice/testing/erlang.hpp has set its own.
inline const bool terms_are_printed = [] {
  if (show == &show_bytes) show = &show_plainly;
  return true;
}();

} // namespace coppice::testing::detail
