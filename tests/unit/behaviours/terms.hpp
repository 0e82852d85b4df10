// SPDX-License-Identifier: MIT
// Reads and writes terms as Erlang text, the form in which tests write and compare them. A text that does
// not parse fails the test.
#pragma once

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <string>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::test {

inline runtime::message term(std::string_view text, std::string_view node = "test@localhost",
                             std::uint32_t creation = 4) {
  const auto bytes = etf::parse(text, {.node = node, .creation = creation});
  REQUIRE_MESSAGE(bytes.has_value(), std::string(text));
  return runtime::message::copy_of(*bytes);
}

inline std::string text(const runtime::message& term) {
  return term ? etf::print(term.bytes(), {.node = "test@localhost", .creation = 4}) : "nothing";
}

} // namespace coppice::test
