// SPDX-License-Identifier: MIT
// rooms: api-cpp
// Tests of the sentences with which an actor type's tables are refused, each once: by the real list of
// behaviours, and by a list of behaviours that have what no real behaviour has yet.
#include <doctest/doctest.h>
#include <coppice/detail/tables.hpp>

#include <array>

using namespace coppice;

namespace {

using names = std::vector<std::string>;
using kind = tables::fault::kind;

// A pond may have a server's table without casts, has two revisions of its own table, and may have a brook.
constexpr coppice_table_use pond_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 1u << 1},
    {"coppice.pond/1", COPPICE_TABLE_NEEDED, 16, 0},
    {"coppice.pond/2", COPPICE_TABLE_NEEDED, 16, 1u << 2},
    {"coppice.brook/draft-2", COPPICE_TABLE_ALLOWED, 16, 0},
    {nullptr, 0, 0, 0}};
constexpr coppice_behaviour behaviours[] = {
    {"server", coppice_server_tables, nullptr}, {"pond", pond_tables, nullptr}, {nullptr, nullptr, nullptr}};

struct pond {
  std::uint32_t size;
  std::uint32_t reserved;
  void (*functions[3])();
};

std::int32_t handle_cast(coppice_actor*, void*, const coppice_message*) {
  return COPPICE_OK;
}
void rise() {}

// A table with every entry empty.
template <class Table>
constexpr Table empty(std::uint32_t size = sizeof(Table)) {
  Table made{};
  made.size = size;
  return made;
}
constexpr auto lifecycle = empty<coppice_lifecycle>();
constexpr auto server = empty<coppice_server>();
constexpr pond still{sizeof(pond), 0, {}};

coppice_actor_type type_with(const coppice_table* tables, const char* behaviour = "pond") {
  return {sizeof(coppice_actor_type), 0, "kv", behaviour, tables, nullptr};
}

names sentences(const std::vector<tables::fault>& faults) {
  names all;
  for (const auto& one : faults) all.push_back(one.sentence());
  return all;
}
names by_names(const std::string& behaviour, const names& tables) {
  return sentences(tables::check_names(behaviour, tables, behaviours));
}
names by_type(const coppice_actor_type& type) {
  return sentences(tables::check(type, behaviours));
}

} // namespace

TEST_CASE("the names of a behaviour's tables are taken in any order, and unknown ones are skipped") {
  CHECK(by_names("server", {COPPICE_SERVER_1, COPPICE_LIFECYCLE_1}) == names{});
  CHECK(by_names("server", {COPPICE_LIFECYCLE_1, COPPICE_SERVER_1, "coppice.server/2", "org.example/1",
                            "coppice.brook/draft-1"}) == names{});
  CHECK(by_names("pond", {COPPICE_LIFECYCLE_1, "coppice.pond/1"}) == names{});
  CHECK(by_names("pond", {COPPICE_LIFECYCLE_1, "coppice.pond/2", COPPICE_SERVER_1,
                          "coppice.brook/draft-2"}) == names{});
}

TEST_CASE("each fault of the names has a sentence for the plugin's author") {
  struct row {
    const char* behaviour;
    names tables;
    kind what;
    const char* says;
  };
  const row rows[] = {
      {"brook",
       {COPPICE_LIFECYCLE_1},
       kind::unknown_behaviour,
       "unknown behaviour \"brook\", this host has server, pond: name one it has, or use a newer host"},
      {"server",
       {COPPICE_LIFECYCLE_1, "org.example/1"},
       kind::missing,
       "the behaviour server needs the table coppice.server/1, which is missing: give the actor type that "
       "table, in its code and its note"},
      {"pond",
       {COPPICE_LIFECYCLE_1},
       kind::missing,
       "the behaviour pond needs the table coppice.pond/1 or coppice.pond/2, which is missing: give the "
       "actor "
       "type that table, in its code and its note"},
      {"pond",
       {COPPICE_LIFECYCLE_1, "coppice.pond/3", "coppice.pond/draft-1"},
       kind::missing,
       "the behaviour pond needs the table coppice.pond/1 or coppice.pond/2, which is missing; this host "
       "does "
       "not know its coppice.pond/3, coppice.pond/draft-1: rebuild it with this host's headers"},
      {"server",
       {COPPICE_LIFECYCLE_1, COPPICE_SERVER_1, "coppice.pond/1"},
       kind::never_used,
       "its table coppice.pond/1 is for the behaviour pond and would never be called: leave it out, or let "
       "the behaviour be pond"},
      {"server",
       {COPPICE_SERVER_1, COPPICE_LIFECYCLE_1, COPPICE_SERVER_1, COPPICE_SERVER_1},
       kind::twice,
       "its table coppice.server/1 stands there twice: keep one"},
      {"server",
       {COPPICE_SERVER_1, COPPICE_LIFECYCLE_1, "org.example/1", "org.example/1"},
       kind::twice,
       "its table org.example/1 stands there twice: keep one"},
  };
  for (const auto& each : rows) {
    CAPTURE(each.says);
    const auto faults = tables::check_names(each.behaviour, each.tables, behaviours);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].what == each.what);
    CHECK(faults[0].sentence() == each.says);
  }
}

TEST_CASE("all faults of the names are told at once") {
  CHECK(by_names("server", {"coppice.pond/1", "coppice.pond/1"}).size() == 4);
}

TEST_CASE(
    "a descriptor's actor type is taken with every entry empty, and unknown tables are not looked into") {
  const coppice_table known[] = {{COPPICE_SERVER_1, &server},
                                 {"coppice.pond/9", nullptr},
                                 {COPPICE_LIFECYCLE_1, &lifecycle},
                                 {"coppice.pond/1", &still},
                                 {nullptr, nullptr}};
  CHECK(by_type(type_with(known)) == names{});
}

TEST_CASE("each fault of a descriptor's tables has a sentence for the plugin's author") {
  constexpr auto short_one = empty<coppice_server>(16);
  auto casts = server;
  casts.handle_cast = &handle_cast;
  constexpr pond rising{sizeof(pond), 0, {nullptr, &rise, &rise}};
  struct row {
    coppice_table first;
    coppice_table second;
    kind what;
    std::string says;
  };
  const row rows[] = {
      {{COPPICE_SERVER_1, nullptr},
       {"coppice.pond/1", &still},
       kind::no_callbacks,
       "the callbacks of its table coppice.server/1 are a null pointer: point them to the table's struct"},
      {{COPPICE_SERVER_1, &short_one},
       {"coppice.pond/1", &still},
       kind::small_table,
       "its table coppice.server/1 has size 16, below " + std::to_string(COPPICE_SERVER_LEAST) +
           ": set the size to the struct's sizeof"},
      {{COPPICE_SERVER_1, &casts},
       {"coppice.pond/1", &still},
       kind::never_called,
       "in its table coppice.server/1 handle_cast is set, which the behaviour pond never calls: leave it "
       "NULL"},
      {{COPPICE_SERVER_1, &server},
       {"coppice.pond/2", &rising},
       kind::never_called,
       "in its table coppice.pond/2 function 2, counted from 0, is set, which the behaviour pond never "
       "calls: "
       "leave it NULL"},
      {{COPPICE_SERVER_1, &server},
       {COPPICE_SERVER_1, &server},
       kind::twice,
       "its table coppice.server/1 stands there twice: keep one"},
  };
  for (const auto& each : rows) {
    CAPTURE(each.says);
    const coppice_table all[] = {
        {COPPICE_LIFECYCLE_1, &lifecycle}, each.first, each.second, {nullptr, nullptr}};
    const auto faults = tables::check(type_with(all), behaviours);
    REQUIRE(!faults.empty());
    CHECK(faults[0].what == each.what);
    CHECK(faults[0].sentence() == each.says);
  }
}

TEST_CASE("an entry that lies beyond a table's own size is not looked at") {
  // The behaviour's least size is that of the first release; the entry was added later.
  constexpr pond rising{offsetof(pond, functions) + 2 * sizeof(void (*)()), 0, {nullptr, &rise, &rise}};
  const coppice_table all[] = {
      {COPPICE_LIFECYCLE_1, &lifecycle}, {"coppice.pond/2", &rising}, {nullptr, nullptr}};
  CHECK(by_type(type_with(all)) == names{});
}

TEST_CASE("an actor type whose tables cannot be read is told that alone") {
  auto type = type_with(nullptr);
  CHECK(by_type(type) == names{"its tables are a null pointer: point them to an array of coppice_table that "
                               "ends with {NULL, NULL}"});
  type.size = 24;
  CHECK(by_type(type) == names{"its size 24 is below " + std::to_string(COPPICE_ACTOR_TYPE_LEAST) +
                               ": set it to sizeof(coppice_actor_type)"});
  std::array<coppice_table, tables::most + 1> endless;
  endless.fill({COPPICE_SERVER_1, &server});
  CHECK(by_type(type_with(endless.data())) ==
        names{"it has more than 32 tables: end their array with {NULL, NULL}"});
}
