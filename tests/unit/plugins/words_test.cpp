// SPDX-License-Identifier: MIT
// Tests of the C++ headers as an actor uses them: the values that it keeps, the calls that it makes, and
// what the node tells it.
#include <doctest/doctest.h>
#include <coppice/answer.hpp>
#include <coppice/term_map.hpp>
#include <coppice/testing/messages.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_set>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

using coppice::term;
namespace etf = coppice::etf;

const value stranger = "#Pid<'x@y'.1.2.3>"_erl;

std::pair<std::int64_t, std::string> ask(actor& of, const char* whom) {
  return of.call(std::tuple(etf::atom{"ask"}, whom == nullptr ? std::string() : whom, etf::atom{"apple"}))
      .as<std::pair<std::int64_t, std::string>>();
}

struct plain_reply {
  std::string name;
  std::optional<std::vector<std::pair<int, coppice::owned_pid>>> more;
};
struct pointing_reply {
  std::vector<etf::atom> names;
};
struct branch {
  std::vector<branch> branches;
  std::unique_ptr<branch> other;
};

} // namespace

TEST_CASE("a reply that would point into a message that is gone is told from one that would not") {
  using coppice::detail::borrows;
  CHECK_FALSE(borrows<plain_reply>());
  CHECK_FALSE(borrows<branch>());
  CHECK_FALSE(borrows<coppice::term_map<int>>());
  CHECK(borrows<term>());
  CHECK(borrows<pointing_reply>());
  CHECK(borrows<std::variant<int, std::map<std::string, etf::pid>>>());
  CHECK(borrows<std::tuple<int, std::optional<std::string_view>>>());
  CHECK(borrows<std::unique_ptr<etf::bytes>>());
}

namespace {

// Gives make_message() the message interface of a host for as long as this object lives.
struct with_messages {
  with_messages() { coppice::detail::host.message = coppice::testing::detail::message_interface(); }
  ~with_messages() { coppice::detail::host.message = before; }
  const coppice_message_api* before = coppice::detail::host.message;
};

template <class T>
void is_made(const T& of) {
  const coppice::message made = coppice::make_message(of);
  const std::vector<std::uint8_t> expected = etf::encode(of);
  CHECK(std::ranges::equal(made.bytes(), expected));
  CHECK(std::ranges::equal(made.share().bytes(), expected));
}

} // namespace

TEST_CASE("a message is the term of its value, short or long, whoever writes it") {
  const with_messages there;
  is_made(1);
  is_made(etf::atom{"name"});
  is_made(std::tuple(etf::constant<"get">{}, std::string("key"), 1.5));
  is_made(std::vector<std::string>{"a", "b"});
  for (const std::size_t size : {0U, 63U, 64U, 200U, 4091U, 4092U, 100'000U}) is_made(std::string(size, 'x'));
  CHECK_FALSE(coppice::make_message(std::numeric_limits<double>::quiet_NaN()));
  CHECK_FALSE(coppice::make_message(std::pair(1, term{})));
  CHECK_FALSE(coppice::make_message(std::vector<term>{term{}}));
}

TEST_CASE("a message of one atom needs no memory of the host's, and a share of it has some") {
  const with_messages there;
  const coppice::message made = coppice::make_message(etf::constant<"pong">{});
  CHECK(made);
  CHECK(made.raw().owner == nullptr);
  CHECK(value(made.term()) == "pong"_erl);
  const coppice::message again = made.share();
  CHECK(again.raw().owner != nullptr);
  CHECK(value(again.term()) == "pong"_erl);
}

TEST_CASE("an owned term is a copy, and may be assigned a part of itself") {
  value given = "{outer, {inner, [1, 2]}}"_erl;
  coppice::owned_term kept = given.term();
  given = "gone"_erl;
  CHECK(value(kept) == "{outer, {inner, [1, 2]}}"_erl);
  const auto parts = kept.as<std::pair<etf::atom, term>>();
  REQUIRE(parts);
  kept = parts->second;
  CHECK(value(kept) == "{inner, [1, 2]}"_erl);
  CHECK_FALSE(coppice::owned_term());
  CHECK(etf::encode(coppice::owned_term()).empty());
  CHECK(kept.as<std::pair<etf::constant<"inner">, std::vector<int>>>()->second == std::vector{1, 2});
  CHECK_FALSE(kept.as<std::string>());
}

TEST_CASE("an owned pid or reference is only made of one, and is a key") {
  const coppice::owned_pid pid(stranger.term());
  CHECK(pid.view().node == "x@y");
  CHECK(pid.view().creation == 1);
  CHECK(value(pid) == stranger);
  CHECK(pid == coppice::owned_pid(stranger.as<etf::pid>()));
  CHECK(pid != coppice::owned_pid());
  CHECK_THROWS_WITH_AS(coppice::owned_pid("ok"_erl.term()), "this term is no pid", std::invalid_argument);
  CHECK_THROWS_WITH_AS(coppice::owned_reference(stranger.term()), "this term is no reference",
                       std::invalid_argument);
  CHECK_THROWS_AS(coppice::owned_pid(term{}), std::invalid_argument);
  const std::unordered_set<coppice::owned_pid> hashed{pid, pid};
  const std::map<coppice::owned_pid, int> ordered{{pid, 1}, {coppice::owned_pid(), 2}};
  CHECK(hashed.size() == 1);
  CHECK(ordered.at(pid) == 1);
  CHECK(etf::encode(coppice::owned_pid()).empty());
}

TEST_CASE("keys of a map of terms are the same if =:= says so, through a save and a restore") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  const auto stock = [](actor& at, const char* goods) {
    return at.call(std::tuple(etf::atom{"stock"}, erl(goods), 1)).as<std::int64_t>();
  };
  CHECK(stock(one, "apple") == 1);
  CHECK(stock(one, "apple") == 2);
  CHECK(stock(one, "{1, 2.0}") == 1);
  CHECK(stock(one, "{1, 2}") == 1);
  CHECK(stock(one, "#{a => 1, b => 2}") == 1);
  value turned; // the same map, written in the other order
  {
    etf::vector_writer out;
    out.map(2);
    out.atom("b");
    out.integer(2);
    out.atom("a");
    out.integer(1);
    turned = value::of(out.take());
  }
  CHECK(one.call(std::tuple(etf::atom{"stock"}, turned, 1)) == 2);
  CHECK(stock(one, "[[1, 2], {x}]") == 1);
  CHECK(stock(one, "[[1, 2], {x}]") == 2);

  actor next = actor::restored(merchants, one.save());
  REQUIRE(next.status() == COPPICE_OK);
  CHECK(stock(next, "apple") == 3);
  CHECK(next.call(std::tuple(etf::atom{"stock"}, turned, 1)) == 3);
  CHECK(next.call("inventory"_erl).as<std::map<value, std::int64_t>>().size() == 5);

  saved_state twice = one.save();
  twice.term = value::of(std::vector<std::uint8_t>{116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 1, 97, 2});
  actor refused = actor::restored(merchants, twice);
  CHECK(refused.status() == COPPICE_E_VERSION);
  CHECK(text(refused.reason()).find("expected a key only once") != std::string::npos);
}

TEST_CASE("a map of terms has what an unordered_map has") {
  const plugin merchants = fixture("merchant_1"); // loading it connects it to the host
  coppice::detail::connect(*detail::host_table());
  coppice::term_map<std::string> map;
  CHECK(map.try_emplace("a"_erl.term(), "one").second);
  CHECK_FALSE(map.try_emplace("a"_erl.term(), "two").second);
  CHECK(map["a"_erl.term()] == "one");
  CHECK_FALSE(map.insert_or_assign("a"_erl.term(), "two").second);
  CHECK(map.find("a"_erl.term())->second == "two");
  CHECK(map.insert_or_assign("[a]"_erl.term(), "three").second);
  CHECK(map.contains("[a]"_erl.term()));
  CHECK(map.keys().size() == 2);
  CHECK(map.erase("[a]"_erl.term()) == 1);
  CHECK(map.erase("[a]"_erl.term()) == 0);
  map.erase(map.begin());
  CHECK(map.empty());
  map["b"_erl.term()];
  map.clear();
  CHECK(map.size() == 0);
}

TEST_CASE("a call for a type gives it, or why there is none") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  one.serve("shop", [](const value&) { return replies("{price, 120}"_erl); });
  one.serve("odd", [](const value&) { return replies("{price, dear}"_erl); });
  one.serve("ruin", [](const value&) { return exits("{burnt, down}"_erl); });
  one.serve("tomb", [](const value&) { return silence(); });
  CHECK(ask(one, "shop") == std::pair(std::int64_t{120}, std::string()));
  CHECK(ask(one, "odd") ==
        std::pair(std::int64_t{COPPICE_E_TERM},
                  std::string("bad_term: reply: price.cents: expected integer, got atom dear")));
  CHECK(one.call("heard"_erl) == "{{price, dear}, undefined, false}"_erl);
  CHECK(ask(one, "ruin") == std::pair(std::int64_t{COPPICE_E_EXIT}, std::string("exit")));
  CHECK(one.call("heard"_erl) == "{{burnt, down}, undefined, false}"_erl);
  CHECK(ask(one, "nobody") == std::pair(std::int64_t{COPPICE_E_NOPROC}, std::string("noproc")));
  CHECK(ask(one, "tomb").first == COPPICE_E_TIMEOUT);
  CHECK(one.did.calls.back().patience == 1s);
}

TEST_CASE("many are asked in parallel, each its own question") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  one.serve("shop", [](const value& asked) { return replies(asked); });
  CHECK(one.call("{ask_all, [{<<\"shop\">>, apple}, {<<\"nobody\">>, pear}]}"_erl) ==
        std::vector<std::int32_t>{COPPICE_OK, COPPICE_E_NOPROC});
  REQUIRE(one.did.calls.size() == 2);
  CHECK(one.did.calls[0].request == "apple"_erl);
  CHECK(one.did.calls[1].request == "pear"_erl);
  CHECK(one.call("{ask_all, []}"_erl) == std::vector<std::int32_t>{});
}

TEST_CASE("an answer goes to the member its request named, after a reload to the new code's") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  one.serve("shop", [](const value&) { return replies("{price, 120}"_erl); });
  one.serve("tomb", [](const value&) { return silence(); });
  CHECK(one.call("{ask_later, <<\"shop\">>, apple}"_erl) == true);
  REQUIRE(one.did.sent.size() == 2);
  CHECK(one.did.sent[0].term == "{1, 120, <<>>}"_erl);
  CHECK(one.did.sent[1].term == "{any, 0}"_erl);

  CHECK(one.call("{ask_later, <<\"tomb\">>, apple}"_erl) == true);
  const saved_state saved = one.save();
  const std::uint64_t open = one.did.calls.at(2).id;
  const plugin newer = fixture("merchant_2");
  actor next = actor::restored(newer, saved);
  REQUIRE(next.status() == COPPICE_OK);
  next.respond(open, replies("{price, 7}"_erl));
  CHECK(next.did.sent.at(0).term == "{2, 7, <<>>}"_erl);
  next.advance(6s);
  CHECK(next.did.sent.at(1).term == erl("{any, " + std::to_string(COPPICE_E_TIMEOUT) + "}"));

  const plugin other = fixture("merchant_3");
  actor without = actor::restored(other, saved);
  without.respond(open, replies("{price, 7}"_erl));
  CHECK(without.did.sent.empty());
  CHECK(without.did.logs.at(0).text.starts_with("dropped an answer: "));
  CHECK(without.alive());
}

TEST_CASE("what a node tells has types ready") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  const value reference = one.call("{watch, db}"_erl).reply();
  one.down("db"_erl, "crashed"_erl);
  CHECK(one.call("heard"_erl) == "{crashed, undefined, true}"_erl);
  one.exit(stranger, "boom"_erl);
  CHECK(one.call("heard"_erl) == erl("{crashed, " + text(stranger) + ", true}"));
  one.send("{nodedown, 'far@away'}"_erl);
  CHECK(text(one.call("heard"_erl).reply()).starts_with("{far@away,"));
  one.send("timeout"_erl);
  CHECK(text(one.call("heard"_erl).reply()).starts_with("{<<\"late\">>,"));
}

TEST_CASE("blocking work gives back what it made, or throws") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  CHECK(one.call("{weigh, 3500}"_erl) == 3);
  one.call("{weigh, -1}"_erl);
  CHECK(one.reason() == "{exception, 'std::domain_error', <<\"negative\">>}"_erl);
}

TEST_CASE("a log line has fields, text or terms, and an actor a label") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  CHECK(one.call("{note, <<\"fresh\">>, {apple, 3}}"_erl) == true);
  REQUIRE(one.did.logs.size() == 1);
  CHECK(one.did.logs[0].fields == std::map<std::string, value>{{"text", std::string("fresh")},
                                                               {"goods", "{apple, 3}"_erl},
                                                               {"empty", std::string()}});
  CHECK(one.did.label == "noting");
}

TEST_CASE("what a class names as the base does is the class's, and the base's is behind host()") {
  const plugin merchants = fixture("merchant_1");
  actor one(merchants);
  CHECK(one.call("{send, db, {some, thing}}"_erl) == "ok"_erl);
  CHECK(one.did.sent.at(0).to == "db"_erl);
  CHECK(one.did.sent.at(0).term == "{some, thing}"_erl);
}
