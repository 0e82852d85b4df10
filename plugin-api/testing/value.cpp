// SPDX-License-Identifier: MIT
// Terms of tests that are made or shown in one place for all of them. Any thread.
#include <coppice/testing/value.hpp>

#include <ostream>

namespace coppice::testing {

value value::of(etf::bytes encoded) {
  value made;
  made.encoded_.assign(encoded.begin(), encoded.end());
  return made;
}

value atom(std::string_view name) {
  return etf::atom{name};
}

value empty_map() {
  const std::uint8_t encoded[] = {116, 0, 0, 0, 0};
  return value::of(encoded);
}

namespace detail {

std::string show_bytes(etf::bytes encoded) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "term";
  for (const std::uint8_t each : encoded) (text += ' ') += {digits[each >> 4], digits[each & 15]};
  return text;
}

} // namespace detail
std::ostream& operator<<(std::ostream& out, const value& shown) {
  return out << (shown ? detail::show(shown.bytes()) : "(no term)");
}

} // namespace coppice::testing
