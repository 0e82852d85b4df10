// SPDX-License-Identifier: MIT
// Sessions: a client's command is applied once, however often it is repeated, and all members decide the
// same.
#include "consensus/applied_commands.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace coppice;
using namespace coppice::consensus;
static_assert(!std::is_copy_constructible_v<applied_commands> &&
              !std::is_copy_assignable_v<applied_commands>);
using verdict = applied_commands::verdict;

namespace {

payload bytes(std::string_view text) {
  return payload(base::as_bytes(text));
}

entry opens() {
  return {1, 0, 0, entry_kind::session, {}};
}

entry opens_at(std::string_view node) {
  return {1, 0, 0, entry_kind::session, bytes(node)};
}

entry asks(std::uint64_t client, std::uint64_t sequence) {
  return {1, client, sequence, entry_kind::command, bytes("c")};
}

} // namespace

TEST_CASE("a repeated command gets the first answer, an older one none") {
  applied_commands of;
  CHECK(of.take(1, opens()).what == verdict::opened);
  auto first = of.take(2, asks(1, 1));
  CHECK(first.what == verdict::apply);
  CHECK(first.serial == 1);
  of.finish(asks(1, 1), bytes("one"));
  auto again = of.take(3, asks(1, 1));
  CHECK(again.what == verdict::repeat);
  CHECK(again.serial == 1);
  CHECK(again.reply == bytes("one"));
  CHECK(of.take(4, asks(1, 3)).serial == 2);
  CHECK(of.take(5, asks(1, 2)).what == verdict::old);
  CHECK(of.take(6, asks(1, 0)).what == verdict::old);
  CHECK(of.take(7, asks(9, 1)).what == verdict::unknown_client);
  CHECK(of.serial() == 2);
}

TEST_CASE("a number is settled once a later entry with it would not be applied") {
  applied_commands of;
  CHECK_FALSE(of.is_settled(0, 1)); // the command has no session
  CHECK_FALSE(of.is_settled(1, 1)); // the entry that opens the session may still come
  of.take(1, opens());
  CHECK_FALSE(of.is_settled(1, 1));
  of.take(2, asks(1, 3));
  CHECK(of.is_settled(1, 2));
  CHECK(of.is_settled(1, 3));
  CHECK_FALSE(of.is_settled(1, 4));
  CHECK(of.is_settled(2, 1)); // entry 2 has opened no session
  CHECK_FALSE(of.is_settled(3, 1));
}

TEST_CASE("serials count commands that are applied, and no other entries") {
  applied_commands of;
  of.take(1, {1, 0, 0, entry_kind::no_op, {}});
  of.take(2, {1, 0, 0, entry_kind::configuration, {}});
  of.take(3, {1, 0, 0, entry_kind::version, {}});
  CHECK(of.take(4, asks(0, 0)).serial == 1);
  CHECK(of.take(5, asks(0, 0)).serial == 2);
  CHECK(of.index() == 5);
}

TEST_CASE(
    "the session that was unused for longest goes first, and a use is a use though it applies nothing") {
  applied_commands of({2, 1000});
  of.take(1, opens());
  of.take(2, opens());
  of.take(3, asks(1, 0)); // it is old, but it uses the session
  of.take(4, opens());
  CHECK(of.sessions() == 2);
  CHECK(of.take(5, asks(2, 1)).what == verdict::unknown_client);
  CHECK(of.take(6, asks(1, 1)).what == verdict::apply);
}

TEST_CASE("a node that opens many sessions pushes out its own, and those of nodes that have more") {
  applied_commands of({4, 1000});
  of.take(1, opens_at("shop@host"));
  of.take(2, opens_at("shop@host"));
  log_index next = 3;
  for (; next <= 100; ++next) of.take(next, opens_at("greedy@host"));
  CHECK(of.sessions() == 4);
  CHECK(of.take(next++, asks(1, 1)).what == verdict::apply);
  CHECK(of.take(next++, asks(2, 1)).what == verdict::apply);
  CHECK(of.take(next++, asks(98, 1)).what == verdict::unknown_client);
  CHECK(of.take(next++, asks(99, 1)).what == verdict::apply);
  CHECK(of.take(next++, asks(100, 1)).what == verdict::apply);
  // There is room for a session of a third node, whichever node has the most.
  const log_index third = next++;
  of.take(third, opens_at("third@host"));
  CHECK(of.take(next++, asks(third, 1)).what == verdict::apply);
  CHECK(of.sessions() == 4);
  std::size_t left = 0;
  for (const std::uint64_t one : {1, 2, 99, 100})
    if (of.take(next++, asks(one, 2)).what == verdict::apply) ++left;
  CHECK(left == 3);
}

TEST_CASE("of nodes with one session each the one that was unused for longest goes") {
  applied_commands of({2, 1000});
  of.take(1, opens_at("a@host"));
  of.take(2, opens_at("b@host"));
  of.take(3, asks(1, 1));
  of.take(4, opens_at("c@host"));
  CHECK(of.take(5, asks(2, 1)).what == verdict::unknown_client);
  CHECK(of.take(6, asks(1, 2)).what == verdict::apply);
  CHECK(of.take(7, asks(4, 1)).what == verdict::apply);
}

TEST_CASE("a node with long replies loses its own sessions") {
  applied_commands of({100, 20});
  of.take(1, opens_at("shop@host"));
  of.take(2, opens_at("greedy@host"));
  of.take(3, opens_at("greedy@host"));
  of.take(4, asks(1, 1));
  of.finish(asks(1, 1), bytes("12345678"));
  for (const std::uint64_t one : {2, 3}) {
    of.take(3 + one, asks(one, 1));
    of.finish(asks(one, 1), bytes("1234567890"));
  }
  CHECK(of.take(7, asks(1, 1)).what == verdict::repeat);
  CHECK(of.take(8, asks(2, 1)).what == verdict::unknown_client);
  // A session whose reply alone is too long stays until another session is used, and no other session goes
  // for it.
  of.take(9, asks(3, 2));
  of.finish(asks(3, 2), bytes("a reply that is longer than all that is kept"));
  CHECK(of.take(10, asks(3, 2)).what == verdict::repeat);
  of.take(11, asks(1, 2));
  of.finish(asks(1, 2), bytes("1"));
  CHECK(of.sessions() == 1);
  CHECK(of.take(12, asks(1, 2)).what == verdict::repeat);
}

TEST_CASE("kept replies are bounded by their bytes") {
  applied_commands of({100, 10});
  of.take(1, opens());
  of.take(2, opens());
  of.take(3, asks(1, 1));
  of.finish(asks(1, 1), bytes("123456"));
  of.take(4, asks(2, 1));
  of.finish(asks(2, 1), bytes("123456"));
  CHECK(of.sessions() == 1);
  CHECK(of.take(5, asks(1, 1)).what == verdict::unknown_client);
  CHECK(of.take(6, asks(2, 1)).what == verdict::repeat);
}

TEST_CASE("a command that is passed over has its serial, and its client the reply that it is given") {
  applied_commands of;
  of.take(1, opens());
  CHECK(of.pass_over(2));
  CHECK(of.take(2, asks(0, 0)).what == verdict::apply);
  const auto passed = of.take(3, asks(1, 1));
  CHECK(passed.what == verdict::passed_over);
  CHECK(passed.serial == 2);
  of.finish(asks(1, 1), bytes("skipped"));
  CHECK(of.take(4, asks(1, 1)).reply == bytes("skipped"));
  CHECK(of.take(5, {1, 0, 2, entry_kind::skip, {}}).what == verdict::nothing);
  CHECK(of.take(6, asks(1, 2)).what == verdict::apply);
  CHECK(of.serial() == 3);
}

TEST_CASE("a command that was applied cannot be passed over, and one that was may be named again") {
  applied_commands of;
  CHECK(of.pass_over(2));
  of.take(1, asks(0, 0));
  of.take(2, asks(0, 0));
  CHECK_FALSE(of.pass_over(1));
  CHECK(of.pass_over(2));
  // The same holds in a state that was saved before the entry was taken.
  applied_commands other;
  REQUIRE(other.restore(of.save().bytes()));
  CHECK_FALSE(other.pass_over(1));
  CHECK(other.pass_over(2));
  CHECK(other.take(3, asks(0, 0)).what == verdict::apply);
}

TEST_CASE("an entry that names a command after itself passes over nothing") {
  applied_commands of;
  CHECK(of.pass_over(1));
  of.take(1, {1, 0, 1, entry_kind::skip, {}});
  CHECK(of.take(2, asks(0, 0)).what == verdict::apply);
}

TEST_CASE("of more than a thousand passed commands the latest are known, and any earlier one is believed") {
  applied_commands of;
  for (std::uint64_t i = 1; i <= 1001; ++i) {
    CHECK(of.pass_over(i));
    CHECK(of.take(i, asks(0, 0)).what == verdict::passed_over);
  }
  of.take(1002, asks(0, 0));
  CHECK(of.pass_over(1));
  CHECK(of.pass_over(2));
  CHECK_FALSE(of.pass_over(1002));
  applied_commands other;
  REQUIRE(other.restore(of.save().bytes()));
  CHECK(other.save() == of.save());
}

TEST_CASE("a session belongs to the node that its entry names, also when it was saved, and else to nobody") {
  applied_commands of;
  of.take(1, opens_at("b@host"));
  of.take(2, opens());
  applied_commands other;
  REQUIRE(other.restore(of.save().bytes()));
  for (const applied_commands* const one : {&of, &other}) {
    CHECK_FALSE(one->belongs_to_other(1, "b@host"));
    CHECK(one->belongs_to_other(1, "a@host"));
    CHECK(one->belongs_to_other(1, ""));
    CHECK_FALSE(one->belongs_to_other(2, "a@host")); // a session of an earlier release
    CHECK_FALSE(one->belongs_to_other(3, "a@host"));
  }
}

TEST_CASE("what is saved decides alike, and what is damaged is refused") {
  applied_commands of({2, 1000});
  of.take(1, opens_at("b@host"));
  of.take(2, opens_at("a@host"));
  of.take(3, asks(1, 4));
  of.finish(asks(1, 4), bytes("four, and a longer reply"));
  CHECK(of.pass_over(2));
  of.take(4, asks(0, 0));
  const payload saved = of.save();
  applied_commands other;
  REQUIRE(other.restore(saved.bytes()));
  CHECK(other.save() == saved);
  for (applied_commands* const one : {&of, &other}) {
    CHECK(one->take(5, asks(1, 4)).reply == bytes("four, and a longer reply"));
    one->take(6, opens());
    CHECK(one->take(7, asks(2, 1)).what == verdict::unknown_client);
  }
  CHECK(of.save() == other.save());
  for (std::size_t length = 0; length < saved.size(); ++length) {
    applied_commands none;
    CHECK_FALSE(none.restore(saved.bytes().first(length)));
  }
}
