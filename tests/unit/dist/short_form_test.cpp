// SPDX-License-Identifier: MIT
// Short forms are read as they were written, and other bytes are not taken for short forms.
#include "dist/short_form.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dist/handshake_message.hpp"
#include "dist/unpacker.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

using kind = short_form::kind;

const std::string longest(255, 'n');

std::vector<short_form> one_of_each() {
  const short_form::process from{7, 8};
  const short_form::process to{0xFFFFFFFF, 1};
  return {{kind::send, from, to, 0, {}},
          {kind::send, {}, to, 0, {}},
          {kind::send_to_name, from, {}, 0, "kv"},
          {kind::send_to_name, from, {}, 0, longest},
          {kind::call, from, to, std::uint64_t{1} << 49, {}},
          {kind::call_by_name, from, {}, 3, "kv"},
          {kind::answer, from, to, 77, {}},
          {kind::bare_call, from, to, std::uint64_t{1} << 49, {}},
          {kind::bare_call_by_name, from, {}, 3, longest},
          {kind::bare_answer, from, to, 77, {}}};
}

std::vector<std::uint8_t> written(const short_form& m) {
  std::uint8_t bytes[max_short_head];
  return {bytes, bytes + write_short_form(bytes, m)};
}

} // namespace

TEST_CASE("every short form reads as it was written, up to its payload") {
  for (const auto& m : one_of_each()) {
    auto bytes = written(m);
    bytes.push_back(106);
    std::span<const std::uint8_t> in(bytes);
    short_form got;
    REQUIRE(read_short_form(in, got));
    CHECK(in.size() == 1);
    CHECK(got.what == m.what);
    CHECK(got.from == m.from);
    CHECK(got.to == m.to);
    CHECK(got.number == m.number);
    CHECK(got.name == m.name);
  }
}

TEST_CASE("a short form that is cut off, nameless or unknown is none") {
  short_form got;
  for (const auto& m : one_of_each()) {
    const auto whole = written(m);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      auto cut = std::span<const std::uint8_t>(whole).first(size);
      CHECK_FALSE(read_short_form(cut, got));
      CHECK(cut.size() == size);
    }
  }
  auto nameless = written({kind::send_to_name, {7, 8}, {}, 0, "k"});
  nameless[nameless.size() - 2] = 0;
  std::span<const std::uint8_t> in(nameless);
  CHECK_FALSE(read_short_form(in, got));
  for (const int unknown : {0, 9, 255}) {
    auto strange = written({kind::send, {7, 8}, {9, 10}, 0, {}});
    strange[0] = static_cast<std::uint8_t>(unknown);
    in = strange;
    CHECK_FALSE(read_short_form(in, got));
  }
}

TEST_CASE("a peer that did not agree on short forms may not send any") {
  std::vector<std::uint8_t> frame{131, 83};
  const auto head = written({kind::send, {7, 8}, {9, 10}, 0, {}});
  frame.insert(frame.end(), head.begin(), head.end());
  frame.push_back(106);
  CHECK_FALSE(unpacker({}, handshake_message::capability::lz4).take(frame));
  unpacker agreed({}, handshake_message::capability::all);
  const auto taken = agreed.take(frame);
  REQUIRE(taken);
  CHECK((*taken)->head.what == kind::send);
  frame.pop_back();
  CHECK_FALSE(agreed.take(frame)); // there is no payload
}

TEST_CASE("a peer that agreed on short forms, but on no bare calls, may send those others") {
  using namespace handshake_message;
  for (const auto& m : one_of_each()) {
    CAPTURE(static_cast<int>(m.what));
    std::vector<std::uint8_t> frame{131, 83};
    const auto head = written(m);
    frame.insert(frame.end(), head.begin(), head.end());
    frame.push_back(106);
    CHECK(unpacker({}, capability::short_forms).take(frame).has_value() == !m.is_bare());
    CHECK(unpacker({}, capability::short_forms | capability::bare_calls).take(frame).has_value());
  }
}
