// SPDX-License-Identifier: MIT
// Registrations and creations, and the options of coppice-epmd.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "epmd/program/options.hpp"
#include "epmd/registry.hpp"

namespace coppice::epmd {
namespace {

node_info named(std::string name, std::uint16_t highest = 6) {
  node_info node;
  node.name = std::move(name);
  node.port = 1;
  node.highest = highest;
  return node;
}

const char* no_environment(const char*) {
  return nullptr;
}

} // namespace

TEST_CASE("a name is registered once, compared byte for byte") {
  registry names;
  CHECK(names.add(named("a"), 1));
  CHECK(names.add(named("A"), 2));
  CHECK(names.add(named("\xc3\xa9"), 3));
  CHECK(names.add(named("e\xcc\x81"), 4));
  CHECK(names.add(named("a"), 5).error().code == base::errc::exists);
  CHECK(names.owner_of("a") == 1);
  CHECK(names.remove("a"));
  CHECK_FALSE(names.remove("a"));
  CHECK(names.add(named("a"), 5));
}

TEST_CASE("a name that comes back has another creation") {
  registry names;
  std::uint32_t last = 0;
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t creation = names.add(named("a"), 1).value();
    CHECK(creation > 3);
    CHECK(creation != last);
    last = creation;
    names.remove("a");
  }
  std::uint32_t old = 0;
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t creation = names.add(named("old", 5), 1).value();
    CHECK(creation >= 1);
    CHECK(creation <= 3);
    CHECK(creation != old);
    old = creation;
    names.remove("old");
  }
}

TEST_CASE("registrations are bounded, and so is what is remembered of former ones") {
  registry names(2);
  CHECK(names.add(named("a"), 1));
  CHECK(names.add(named("b"), 1));
  CHECK(names.add(named("c"), 1).error().code == base::errc::limit);
  CHECK(names.add(named("ours"), own_registration));
  CHECK(names.remove("ours"));
  for (int i = 0; i < 1500; ++i) {
    names.remove(names.nodes().begin()->first);
    CHECK(names.add(named("n" + std::to_string(i)), 1));
  }
  CHECK(names.former_nodes().size() == 1000);
}

TEST_CASE("epmd's options are understood") {
  const auto read = program::parse({"-d", "-port", "1234", "-address", "10.0.0.1, ::1",
                                    "-relaxed_command_check", "-packet_timeout", "5", "-daemon"},
                                   no_environment)
                        .value();
  CHECK(read.port == 1234);
  CHECK(read.debug);
  CHECK(read.daemon);
  CHECK(read.relaxed);
  CHECK(read.packet_timeout == std::chrono::seconds(5));
  REQUIRE(read.addresses.size() == 2);
  CHECK(read.addresses[0].to_string() == "10.0.0.1:1234");
  CHECK(read.addresses[1].to_string() == "[::1]:1234");
  CHECK(program::parse({"-names"}, no_environment)->action == program::action::names);
  CHECK(program::parse({"-stop", "a"}, no_environment)->stop_name == "a");
  CHECK(program::parse({}, no_environment)->addresses.empty());
}

TEST_CASE("loopback joins an address list that lacks it") {
  const auto read = program::parse({"-address", "10.0.0.1"}, no_environment).value();
  REQUIRE(read.addresses.size() == 2);
  CHECK(read.addresses[1].is_loopback());
}

TEST_CASE("the environment counts, and the command line over it") {
  const auto environment = [](const char* name) -> const char* {
    const std::string_view asked = name;
    if (asked == "ERL_EPMD_PORT") return "1111";
    if (asked == "ERL_EPMD_ADDRESS") return "127.0.0.1";
    return asked == "ERL_EPMD_RELAXED_COMMAND_CHECK" ? "1" : nullptr;
  };
  const auto read = program::parse({}, environment).value();
  CHECK(read.port == 1111);
  CHECK(read.relaxed);
  CHECK(read.addresses.size() == 1);
  CHECK(program::parse({"-port", "2222"}, environment)->port == 2222);
}

TEST_CASE("a wrong option is named") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"-port", "x"},
                                                    {"-port", "0"},
                                                    {"-port"},
                                                    {"-bogus"},
                                                    {"-address", "nowhere"},
                                                    {"-packet_timeout", "-1"}}) {
    const auto read = program::parse(arguments, no_environment);
    REQUIRE_FALSE(read);
    CHECK(read.error().text.find(arguments[0]) != std::string::npos);
  }
}

} // namespace coppice::epmd
