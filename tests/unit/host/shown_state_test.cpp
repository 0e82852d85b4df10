// SPDX-License-Identifier: MIT
// Tests of what an operator is shown of an actor's state: its format_status, as text of bounded length, and
// nothing else.
#include "behaviours/gen/shown_state.hpp"

#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

// The number of entries that format_status writes, and how often it was called.
std::uint32_t entries = 0;
int asked = 0;

const coppice_lifecycle showing_lifecycle = [] {
  coppice_lifecycle table = full_lifecycle;
  table.format_status = [](coppice_actor* self, void*, coppice_writer* out) {
    ++asked;
    coppice_write_list(out, entries);
    for (std::uint32_t i = 0; i < entries; ++i) coppice_write_atom(out, "entry");
    coppice_write_nil(out);
    return play.go_on ? play.go_on(self) : COPPICE_OK;
  };
  table.save_state = [](coppice_actor*, void*, std::uint32_t*, coppice_writer* out) {
    note("saved");
    coppice_write_integer(out, 42);
    return COPPICE_OK;
  };
  return table;
}();
const coppice_table showing_tables[] = {
    {COPPICE_LIFECYCLE_1, &showing_lifecycle}, {COPPICE_SERVER_1, &full_server}, {nullptr, nullptr}};
const coppice_actor_type showing_type = {
    sizeof(coppice_actor_type), 0, "scripted", "server", showing_tables, nullptr};

std::optional<std::string> shown_by(stage& set, std::string name,
                                    base::nanos patience = 10 * base::nanos_per_second) {
  const auto pid = *set.host.system.whereis(name);
  return set.host.run([&](runtime::process& self) {
    return behaviours::ask_shown_state(self, pid, base::mono_now() + patience).state;
  });
}

} // namespace

TEST_CASE("people are shown what format_status says, cut where it gets long, and save_state does not run") {
  stage set;
  asked = 0;
  entries = 2;
  REQUIRE(set.start(showing_type) == "ok");
  CHECK(shown_by(set, "scripted") == "[entry,entry]");
  entries = 1'000'000;
  const auto cut = shown_by(set, "scripted");
  REQUIRE(cut.has_value());
  CHECK(cut->starts_with("[entry,entry,"));
  CHECK(cut->size() >= 9'000);
  CHECK(cut->size() <= 10'100);
  CHECK(asked == 2);
  CHECK(set.lines(1) == strings{"init #{}"});
}

TEST_CASE(
    "without a format_status people are shown what save_state writes, a slow one not again for a while") {
  stage set;
  REQUIRE(set.start() == "ok");
  CHECK(shown_by(set, "scripted") == "42");
  CHECK(shown_by(set, "scripted") == "42");
  int saved = 0;
  play.save = [&saved](coppice_actor*) {
    ++saved;
    const base::nanos until = base::mono_now() + 200 * base::nanos_per_ms;
    while (base::mono_now() < until) {
    }
    return COPPICE_OK;
  };
  CHECK(shown_by(set, "scripted") == "42");
  CHECK_FALSE(shown_by(set, "scripted").has_value()); // not again within 20 s
  CHECK(saved == 1);
}

TEST_CASE("who may not see the state has no format_status run, and is told of the engine") {
  stage set;
  asked = 0;
  entries = 1;
  REQUIRE(set.start(showing_type) == "ok");
  const auto pid = *set.host.system.whereis("scripted");
  std::optional<std::string> state;
  const auto engine = set.host.run([&](runtime::process& self) {
    auto shown = behaviours::ask_shown_state(self, pid, base::mono_now() + 10 * base::nanos_per_second,
                                             behaviours::shown_part::without_state);
    state = shown.state;
    return shown.engine;
  });
  CHECK(text(engine) == "#{kind => server}");
  CHECK_FALSE(state.has_value());
  CHECK(asked == 0);
}

TEST_CASE("an actor whose engine has nothing to report says which kind it is") {
  stage set;
  REQUIRE(set.start(bare_type) == "ok");
  const auto pid = *set.host.system.whereis("bare");
  const auto engine = set.host.run([&](runtime::process& self) {
    return behaviours::ask_shown_state(self, pid, base::mono_now() + 10 * base::nanos_per_second).engine;
  });
  CHECK(text(engine) == "#{kind => server}");
}

TEST_CASE("an actor without a format_status, or whose fails, shows nothing and goes on") {
  stage set;
  REQUIRE(set.start(bare_type) == "ok");
  CHECK_FALSE(shown_by(set, "bare").has_value());
  play.go_on = [](coppice_actor*) { return COPPICE_E_INTERNAL; };
  REQUIRE(set.start(showing_type) == "ok");
  CHECK_FALSE(shown_by(set, "scripted").has_value());
  CHECK(set.host.system.whereis("scripted").has_value());
}

TEST_CASE("a suspended actor shows its state, one that is busy does not within the time it is given") {
  stage set;
  entries = 1;
  REQUIRE(set.start(showing_type) == "ok");
  CHECK(set.host.system_request(destination::named("scripted"), "suspend") == "ok");
  CHECK(shown_by(set, "scripted") == "[entry]");
  CHECK(set.host.system_request(destination::named("scripted"), "resume") == "ok");
  play.info = [](coppice_actor* self, const coppice_message*) {
    note("busy");
    const auto* const work = host::work_interface();
    return work->sleep_until(self, base::mono_now() + 200 * base::nanos_per_ms);
  };
  set.send("work");
  CHECK(set.lines(2) == strings{"init #{}", "busy"});
  CHECK_FALSE(shown_by(set, "scripted", 20 * base::nanos_per_ms).has_value());
  CHECK(shown_by(set, "scripted") == "[entry]"); // later it answers again
}

TEST_CASE("the question is the node's own: another process that asks so is told of an unknown request") {
  stage set;
  asked = 0;
  REQUIRE(set.start(showing_type) == "ok");
  CHECK(set.host.system_request(destination::named("scripted"), "'$coppice_shown_state'") ==
        "{error,{unknown_system_msg,'$coppice_shown_state'}}");
  CHECK(asked == 0);
}
