// SPDX-License-Identifier: MIT
// Tests which plugins the loader accepts and which it refuses, each with a sentence that the author
// understands.
#include "loader/loader.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "behaviour_names.hpp"
#include "host/actors/server.hpp"
#include "workshop.hpp"

using namespace coppice;
using test::workshop;

namespace {

// The error with which the fixture is refused. Empty: it is not refused.
std::string refusal(std::string_view fixture, std::string_view as = "fixture") {
  workshop shop;
  shop.put(fixture, as);
  auto options = shop.options();
  options.probe_deadline = 2 * base::nanos_per_second;
  loader::loader loads(options);
  REQUIRE(loads.prepare().has_value());
  const auto done = loads.load(as);
  CHECK(loads.loaded().size() == (done ? 1 : 0));
  return done ? std::string() : done.error().text;
}

runtime::actor_spec spec_of(std::string actor) {
  runtime::actor_spec spec;
  spec.actor = std::move(actor);
  return spec;
}

std::size_t copies_in(const workshop& shop) {
  const auto all = std::filesystem::directory_iterator(shop.data() / "plugins");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

} // namespace

TEST_CASE("a good plugin is loaded once, shown, and unloaded with its copy left for the next start") {
  workshop shop;
  const auto file = shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  REQUIRE(loads.load("fixture").has_value());
  REQUIRE(loads.load("fixture").has_value());
  const auto shown = loads.loaded();
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].id == "fixture");
  CHECK(shown[0].version == "1.0.0");
  CHECK(shown[0].generation == 1);
  CHECK(shown[0].file == file.string());
  CHECK(shown[0].actors == std::vector<std::string>{"fixture", "other"});
  CHECK(copies_in(shop) == 1);
  CHECK(loads.unload().empty());
  CHECK(loads.loaded().empty());
  CHECK(copies_in(shop) == 1);
}

TEST_CASE("plugins that several threads ask for at once are loaded once each") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  std::atomic<int> good{0};
  std::vector<std::thread> asking;
  for (int i = 0; i < 4; ++i) asking.emplace_back([&] { good += loads.load("fixture") ? 1 : 0; });
  for (auto& one : asking) one.join();
  CHECK(good == 4);
  CHECK(loads.loaded().size() == 1);
  asking.clear();
  std::vector<std::unique_ptr<loader::plugin_generation>> next(4);
  for (auto& made : next)
    asking.emplace_back([&loads, &made] {
      if (auto opened = loads.open_next("fixture")) made = std::move(*opened);
    });
  for (auto& one : asking) one.join();
  std::set<std::uint64_t> generations;
  for (const auto& made : next)
    if (made != nullptr) generations.insert(made->mapped->generation());
  CHECK(generations == std::set<std::uint64_t>{2, 3, 4, 5});
  loads.discard(std::move(next));
}

TEST_CASE("what is not fit is refused in words for its author") {
  const auto newer = [](const std::string& needs) {
    return "fixture 1.0.0 needs plugin ABI " + needs +
           ", and this host, coppice " COPPICE_VERSION
           ", has 1.0 (install a coppice whose plugin ABI is at least " +
           needs + ")";
  };
  struct row {
    const char* fixture;
    std::string says;
  };
  const row rows[] = {
      {"fixture_wrong_magic", "wrong magic 0x0000000000001234"},
      {"fixture_newer_major", newer("2.0")},
      {"fixture_newer_minor", newer("1.99")},
      {"fixture_newer_in_code", newer("1.99")},
      {"fixture_newer_major_in_code", newer("2.0")},
      {"fixture_small_descriptor", "its descriptor has size 32"},
      {"fixture_no_descriptor", "coppice_plugin"},
      {"fixture_unresolved", "unresolved symbol missing_function: link the library that defines it"},
      {"fixture_init_fails", "its init failed: the licence is missing"},
      {"fixture_other_id", "it says that it is plugin renamed: call the file renamed.so"},
      {"fixture_id_differs", "the descriptor says id \"renamed\" and the note says \"fixture\""},
      {"fixture_version_differs", "the descriptor says version \"1.0.1\" and the note says \"1.0.0\""},
      {"fixture_actor_differs",
       "actor fixture: the descriptor says name \"fixtures\" and the note says \"fixture\""},
      {"fixture_count_differs", "the descriptor lists 1 actors and the note 2"},
      {"fixture_state_version_differs",
       "actor fixture: the descriptor says state version 3 and the note says 0"},
      {"fixture_unknown_behaviour",
       "actor fixture: unknown behaviour \"pond\", this host has " + test::behaviour_names()},
      {"fixture_unknown_behaviour_in_code",
       "actor fixture: unknown behaviour \"pond\", this host has " + test::behaviour_names()},
      {"fixture_table_in_note",
       "actor fixture: the note names the table org.example/1 and the descriptor does not"},
      {"fixture_table_in_code",
       "actor fixture: the descriptor has the table org.example/1 and the note does not name it"},
      {"fixture_table_twice_in_code", "actor fixture: its table coppice.server/1 stands there twice"},
      {"fixture_lacks_table",
       "actor fixture: the behaviour server needs the table coppice.server/1, which is missing"},
      {"fixture_small_type", "actor fixture: its size 24 is below 40: set it to sizeof(coppice_actor_type)"},
      {"fixture_small_table", "actor fixture: its table coppice.server/1 has size 16, below 40"},
      {"fixture_no_callbacks",
       "actor fixture: the callbacks of its table coppice.server/1 are a null pointer"},
      {"fixture_no_tables", "actor fixture: its tables are a null pointer"},
      {"fixture_crashes", "ended by signal 4"},
      {"fixture_spins", "it was not loaded within 2000 ms: a constructor or its init does not return"},
      {"fixture_leaves", "and no answer: it ends the process while it is loaded"},
  };
  for (const row& each : rows) {
    const std::string text = refusal(each.fixture);
    CHECK_MESSAGE(text.find(each.says) != text.npos, each.fixture, ": ", text);
  }
}

TEST_CASE("a table that no behaviour of this host has does not keep a plugin out") {
  CHECK(refusal("fixture_unknown_table") == "");
}

TEST_CASE("a throwing static constructor is found by the probe") {
  const std::string text = refusal("throws", "throws");
  CHECK_MESSAGE(
      text.find("an exception of type std::runtime_error (\"no database at startup\")") != text.npos, text);
  CHECK(text.find("a static constructor threw") != text.npos);
}

TEST_CASE("a file that others may write to is refused") {
  workshop shop;
  const auto file = shop.put("fixture_good");
  REQUIRE(chmod(file.c_str(), 0777) == 0);
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  const auto done = loads.load("fixture");
  REQUIRE(!done.has_value());
  CHECK_MESSAGE(done.error().text.find("writ") != std::string::npos, done.error().text);
}

TEST_CASE("a file that is no ELF library is refused") {
  workshop shop;
  std::ofstream(shop.plugins() / "fixture.so") << "#!/bin/sh\necho hello\n";
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  const auto done = loads.load("fixture");
  REQUIRE(!done.has_value());
  CHECK_MESSAGE(done.error().text.find("ELF") != std::string::npos, done.error().text);
}

TEST_CASE("a file that cannot be read is refused with the remedy") {
  workshop shop;
  std::filesystem::create_directory(shop.plugins() / "fixture.so");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  const auto done = loads.load("fixture");
  REQUIRE_FALSE(done);
  CHECK(done.error().text.find("cannot be read: not a regular file") != std::string::npos);
  CHECK(done.error().text.find("check the path and the file's permissions") != std::string::npos);
}

TEST_CASE("a missing plugin and a name that can't be one are told apart") {
  workshop shop;
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  CHECK(loads.load("nowhere").error().code == base::errc::not_found);
  CHECK(loads.load("nowhere").error().text == "no nowhere.so in " + shop.plugins().string());
  CHECK(loads.load("../fixture").error().code == base::errc::invalid);
}

TEST_CASE("an unknown actor type is refused with the names there are") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  CHECK(loads.load_for("fixture").has_value());
  CHECK(loads.load_for("fixture:other").has_value());
  const auto done = loads.load_for("fixture:third");
  REQUIRE(!done.has_value());
  CHECK(done.error().text == "unknown actor type \"third\" of plugin fixture: it has fixture, other");
  CHECK(loads.make(spec_of("fixture:third")).error().code == base::errc::not_found);
  CHECK(loads.make(spec_of("nowhere")).error().text == "plugin nowhere is not loaded");
}

TEST_CASE("an image stays while an actor of it lives") {
  workshop shop;
  shop.put("fixture_good");
  loader::loader loads(shop.options());
  REQUIRE(loads.prepare().has_value());
  REQUIRE(loads.load("fixture").has_value());
  auto made = loads.make(spec_of("fixture"));
  REQUIRE(made.has_value());
  runtime::description shown;
  (*made)->describe(shown);
  CHECK(shown.behaviour == "server");
  CHECK(shown.plugin == "fixture");
  CHECK(shown.generation == 1);
  CHECK(loads.loaded()[0].in_use == 1);
  REQUIRE(loads.unload().size() == 1);
  made->reset();
  CHECK(loads.unload().empty());
}
