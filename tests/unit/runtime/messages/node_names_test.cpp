// SPDX-License-Identifier: MIT
// The table of node names: it is bounded, and an index that is out of date has no name.
#include "runtime/messages/node_names.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace coppice::runtime::testing {
namespace {

std::string made_up(int number) {
  return "node" + std::to_string(number) + "@host";
}

// Gives up every slot for which `needed` is false.
class recorded_holder final : public node_names::holder {
 public:
  void slot_taken(std::uint32_t index, std::string_view name) override { taken.emplace(index, name); }
  bool slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) override {
    if (needed(from)) return false;
    taken.erase(from);
    taken.emplace(to, name);
    return true;
  }
  std::function<bool(std::uint32_t)> needed = [](std::uint32_t) { return false; };
  std::map<std::uint32_t, std::string> taken;
};

} // namespace

TEST_CASE("node names keep their numbers; without a holder none is given on") {
  node_names names("own@host", {2, 0});
  const auto first = names.intern("a@host");
  CHECK(names.intern("b@host").has_value());
  CHECK_FALSE(names.intern("c@host").has_value());
  CHECK_FALSE(names.find("c@host").has_value());
  CHECK(names.intern("a@host") == first);
  CHECK(names.name(*first) == "a@host");
  CHECK(names.own() == "own@host");
  CHECK(names.name(0) == "own@host");
  CHECK(names.intern("own@host") == 0U);
  CHECK(names.name(3).empty());
  CHECK(names.name(70'000).empty());
}

TEST_CASE("made-up names without end: each has a number of its own, and an old number has no name") {
  recorded_holder holder;
  node_names names("own@host", {8, 2});
  names.set_holder(&holder);
  std::set<std::uint32_t> given;
  const auto first = names.intern(made_up(0));
  for (int i = 0; i < 1000; ++i) {
    const auto index = names.intern(made_up(i));
    REQUIRE(index);
    given.insert(*index);
    CHECK(names.name(*index) == made_up(i));
    CHECK(names.find(made_up(i)) == index);
    CHECK(holder.taken.at(*index) == made_up(i));
  }
  CHECK(given.size() == 1000);
  CHECK(holder.taken.size() == 8);
  CHECK(names.name(*first).empty());
  CHECK_FALSE(names.find(made_up(0)).has_value());
  CHECK(names.intern(made_up(0)) != first);
}

TEST_CASE("the epoch is another one from when an index is out of date, and not before") {
  recorded_holder holder;
  node_names names("own@host", {2, 0});
  names.set_holder(&holder);
  const auto first = names.intern("a@host");
  const std::uint64_t before = names.epoch();
  CHECK(before != 0);
  CHECK(names.intern("b@host"));
  CHECK(names.intern("a@host") == first);
  CHECK(names.epoch() == before);
  for (int i = 0; i < 2; ++i) REQUIRE(names.intern(made_up(i)));
  CHECK_FALSE(names.find("a@host").has_value());
  CHECK(names.epoch() != before);
  CHECK(node_names("own@host").epoch() != names.epoch());
}

TEST_CASE("a name of any length is told, ours too, and none for an index that is out of date") {
  node_names names("own@host");
  const auto told = [&](std::uint32_t index) {
    std::string found = "not called";
    names.with_name(index, [&](std::string_view name) { found = name; });
    return found;
  };
  for (std::size_t size = 1; size <= node_names::longest; ++size) {
    const std::string name(size, 'x');
    const auto index = names.intern(name);
    REQUIRE(index);
    CHECK(told(*index) == name);
    CHECK(names.name(*index) == name);
  }
  CHECK(told(0) == "own@host");
  CHECK(told(70'000).empty());
  CHECK(told(node_names::longest + 1).empty());
}

TEST_CASE("a name that is looked for stays, and so does one that is needed") {
  recorded_holder holder;
  node_names names("own@host", {8, 2});
  names.set_holder(&holder);
  const auto wanted = names.intern("wanted@host");
  const auto needed = names.intern("needed@host");
  holder.needed = [&](std::uint32_t index) { return index == needed; };
  for (int i = 0; i < 100; ++i) {
    REQUIRE(names.intern(made_up(i)));
    CHECK(names.find("wanted@host") == wanted);
  }
  CHECK(names.name(*needed) == "needed@host");
}

TEST_CASE("where all are needed a name that is mentioned finds no room, and one that connects its own") {
  recorded_holder holder;
  node_names names("own@host", {8, 2});
  names.set_holder(&holder);
  holder.needed = [](std::uint32_t) { return true; };
  for (int i = 0; i < 8; ++i) CHECK(names.intern(made_up(i)));
  CHECK_FALSE(names.intern("mentioned@host").has_value());
  const auto peer = names.intern("peer@host", node_names::use::connection);
  REQUIRE(peer);
  CHECK(names.intern("other@host", node_names::use::connection));
  CHECK_FALSE(names.intern("third@host", node_names::use::connection).has_value());
  CHECK_FALSE(names.intern("mentioned@host").has_value());
  holder.needed = [&](std::uint32_t index) { return index == peer; };
  CHECK(names.intern("third@host", node_names::use::connection));
  CHECK(names.name(*peer) == "peer@host");
}

TEST_CASE("who comes to hold names hears of those there are") {
  recorded_holder holder;
  node_names names("own@host");
  const auto known = names.intern("known@host");
  names.set_holder(&holder);
  CHECK(holder.taken == std::map<std::uint32_t, std::string>{{*known, "known@host"}});
}

TEST_CASE("names of any length and look are told apart") {
  recorded_holder holder;
  node_names names("own@host", {4, 0});
  names.set_holder(&holder);
  const std::vector<std::string> odd{std::string(1020, 'x'), std::string(64, 'x'),   std::string(63, 'x'), "",
                                     std::string(1, '\0'),   std::string(64, '\xFF')};
  for (int round = 0; round < 3; ++round) {
    for (const auto& name : odd) {
      const auto index = names.intern(name);
      REQUIRE(index);
      CHECK(names.name(*index) == name);
      CHECK(names.find(name) == index);
      for (const auto& other : odd)
        if (other != name) CHECK(names.find(other) != index);
    }
  }
  CHECK_FALSE(names.intern(std::string(1021, 'x')).has_value());
}

TEST_CASE("names that differ in their length or in one byte only are told apart, wherever that is") {
  const std::string all(70, 'x');
  std::vector<std::string> each{"own@host"};
  for (std::size_t size = 1; size <= all.size(); ++size) {
    const std::string name = all.substr(0, size);
    for (const char last : {'x', 'y', '\0', '\xFF'}) each.push_back(name.substr(0, size - 1) + last);
    each.push_back("y" + name.substr(1));
  }
  const std::set<std::string> different(each.begin(), each.end());
  node_names names("own@host", {static_cast<std::uint32_t>(different.size()), 0});
  std::map<std::string, std::uint32_t> known;
  for (const auto& name : different) {
    const auto index = names.intern(name);
    REQUIRE(index);
    known.emplace(name, *index);
  }
  // Each name twice: in the table, and then among the names found lately. Then names that share a place with
  // them.
  for (const auto& [name, index] : known)
    for (int twice = 0; twice < 2; ++twice) CHECK(names.find(name) == index);
  for (const auto& [name, index] : known) {
    CHECK(names.find(name) == index);
    for (const char more : {'\0', 'x'})
      if (const auto other = name + more; !known.contains(other)) CHECK_FALSE(names.find(other).has_value());
  }
}

TEST_CASE("threads that look for names while slots are given on find the right one or none") {
  recorded_holder holder;
  node_names names("own@host", {4, 0});
  names.set_holder(&holder);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        const std::string name = made_up((i * 7 + t) % 12);
        const auto index = i % 3 == 0 ? names.intern(name) : names.find(name);
        if (!index) continue;
        const std::string found = names.name(*index);
        if (!found.empty() && found != name) ++wrong;
      }
    });
  }
  for (auto& each : threads) each.join();
  CHECK(wrong == 0);
}

} // namespace coppice::runtime::testing
