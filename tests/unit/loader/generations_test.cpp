// SPDX-License-Identifier: MIT
// Tests of a plugin's next generation beside the one in use: which of them make() gives, and when old code
// is
// unloaded.
#include <doctest/doctest.h>

#include "host/actors/server.hpp"
#include "loader/loader.hpp"
#include "workshop.hpp"

using namespace coppice;
using test::workshop;

namespace {

std::uint64_t generation_of(const runtime::behaviour& one) {
  runtime::description shown;
  one.describe(shown);
  return shown.generation;
}

std::unique_ptr<runtime::behaviour> make(loader::loader& loads) {
  runtime::actor_spec spec;
  spec.actor = "fixture";
  auto made = loads.make(spec);
  REQUIRE(made.has_value());
  return std::move(*made);
}

std::vector<std::unique_ptr<loader::plugin_generation>> next(loader::loader& loads) {
  auto opened = loads.open_next("fixture");
  REQUIRE_MESSAGE(opened.has_value(), opened.error().text);
  std::vector<std::unique_ptr<loader::plugin_generation>> out;
  out.push_back(std::move(*opened));
  return out;
}

std::size_t copies_in(const workshop& shop) {
  const auto all = std::filesystem::directory_iterator(shop.data() / "plugins");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

} // namespace

TEST_CASE("the next generation serves from its promotion on, and the old one goes with its last actor") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  REQUIRE(loads.load("fixture").has_value());
  auto old = make(loads);

  auto opened = next(loads);
  CHECK(loads.loaded()[0].generation == 1);
  CHECK(generation_of(*make(loads)) == 1);
  loads.promote(std::move(opened));
  CHECK(loads.loaded()[0].generation == 2);
  CHECK(generation_of(*make(loads)) == 2);
  CHECK(generation_of(*old) == 1);

  const auto kept = loads.collect();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].generation == 1);
  CHECK(kept[0].reason == "still needed by 1 actor or its parked stack");
  CHECK(loads.kept().size() == 1);
  CHECK(copies_in(shop) == 2);
  old.reset();
  CHECK(loads.collect().empty());
  CHECK(loads.kept().empty());
  CHECK(copies_in(shop) == 1);
}

TEST_CASE("a generation that is not used after all leaves nothing behind") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  REQUIRE(loads.load("fixture").has_value());
  loads.discard(next(loads));
  CHECK(loads.collect().empty());
  CHECK(loads.loaded()[0].generation == 1);
  CHECK(copies_in(shop) == 1);
}

TEST_CASE("a plugin that no actor needs is released, and the next load reads its file anew") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  REQUIRE(loads.load("fixture").has_value());
  auto actor = make(loads);
  loads.release("fixture");
  CHECK(loads.loaded().size() == 1);
  actor.reset();
  loads.release("fixture");
  loads.release("nothere");
  CHECK(loads.loaded().empty());
  CHECK(loads.kept().empty());
  CHECK(copies_in(shop) == 0);
  shop.put("fixture_init_fails");
  CHECK(!loads.load("fixture").has_value());
  shop.put("fixture_good");
  REQUIRE(loads.load("fixture").has_value());
  CHECK(loads.loaded()[0].generation == 3);
  CHECK(generation_of(*make(loads)) == 3);
  CHECK(copies_in(shop) == 1);
}

TEST_CASE("the copies of this run are never taken for those of an earlier one") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  REQUIRE(loads.load("fixture").has_value());
  REQUIRE(loads.prepare().has_value());
  loads.sweep();
  CHECK(copies_in(shop) == 1);
  CHECK(!*loads.changed("fixture"));
}

TEST_CASE("a file counts as changed by its contents, not by its time") {
  workshop shop;
  const auto file = shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  CHECK(loads.changed("fixture").error().code == base::errc::not_found);
  REQUIRE(loads.load("fixture").has_value());
  CHECK(!*loads.changed("fixture"));
  shop.put("fixture_good");
  CHECK(!*loads.changed("fixture"));
  shop.put("fixture_init_fails");
  CHECK(*loads.changed("fixture"));
  CHECK(!loads.open_next("fixture").has_value());
  CHECK(loads.loaded()[0].generation == 1);
  std::filesystem::remove(file);
  CHECK(loads.changed("fixture").error().code == base::errc::not_found);
}

TEST_CASE("saved states come through to the one that tries them") {
  std::vector<loader::trial_state> all(3);
  all[0].label = "app/a";
  all[0].actor = "fixture";
  all[0].saved = {7, runtime::message::atom("state")};
  all[1].origin = {runtime::message::atom("args"), runtime::message::atom("env")};
  const auto file = loader::write_states(all);
  REQUIRE(file.has_value());
  const auto read = loader::read_states(file->get());
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 3);
  CHECK((*read)[0].label == "app/a");
  CHECK((*read)[0].actor == "fixture");
  CHECK((*read)[0].saved.version == 7);
  CHECK((*read)[0].saved.term.bytes().size() == all[0].saved.term.bytes().size());
  CHECK(!(*read)[0].origin.args);
  CHECK((*read)[1].origin.args);
  CHECK((*read)[1].origin.env);
  CHECK(!(*read)[2].saved.term);
}
