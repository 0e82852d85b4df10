// SPDX-License-Identifier: MIT
// Tests of the list of behaviours that the host runs: it equals the list in the headers, and another
// behaviour can be added. Also tests the structs of an actor type when their size differs from ours.
#include "host/actors/hosted_behaviours.hpp"

#include <coppice/detail/tables.hpp>
#include <cstddef>
#include <set>

#include "host/actors/hosted.hpp"
#include "host/boundary/sized.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

// A behaviour of this test. Its one callback gets every message; in the second revision it also gets the
// sender's volume.
struct parrot_table {
  std::uint32_t size;
  std::uint32_t reserved;
  std::int32_t (*hear)(coppice_actor* self, void* state, const coppice_message* m);
};
struct parrot_table_2 {
  std::uint32_t size;
  std::uint32_t reserved;
  std::int32_t (*hear)(coppice_actor* self, void* state, const coppice_message* m, std::int32_t volume);
};
constexpr const char* parrot_1 = "test.parrot/1";
constexpr const char* parrot_2 = "test.parrot/2";

struct parrot_code final : host::actor_code {
  explicit parrot_code(const coppice_actor_type& type)
      : actor_code(type),
        first(host::callbacks_of<parrot_table>(type, parrot_1, sizeof(parrot_table))),
        second(host::callbacks_of<parrot_table_2>(type, parrot_2, sizeof(parrot_table_2))) {}
  std::int32_t hear(coppice_actor* self, void* state, const coppice_message* m) const {
    return second.hear != nullptr ? second.hear(self, state, m, 11) : first.hear(self, state, m);
  }
  const parrot_table first;
  const parrot_table_2 second;
};

class parrot final : public behaviours::server, public host::plugin_actor {
 public:
  using code_type = parrot_code;
  explicit parrot(host::actor_plan&& plan) : plugin_actor(std::move(plan)) {}

  runtime::outcome init(runtime::process& self) override { return begin(self); }
  void terminate(runtime::process&, const runtime::message& reason) override { end(reason); }
  void describe(runtime::description& out) const override { describe_to(out); }

 private:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes,
                             etf::bytes) override {
    return take_info(self, whole);
  }
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole, etf::bytes) override {
    return take_info(self, whole);
  }
  runtime::outcome take_info(runtime::process&, const runtime::message& m) override {
    const coppice_message lent = host::lend(m);
    return follow(callbacks().hear(&actor(), state(), &lent), "hear", m.bytes());
  }
  runtime::outcome take_continue(runtime::process&) override { return go_on(); }
  runtime::message sys_state(runtime::process&) override { return shown_state(); }
  std::string sys_module() const override { return identity().actor; }
  void go_on_first(runtime::process& self) override { continue_first(self); }

  const parrot_code& callbacks() const { return static_cast<const parrot_code&>(running()); }
};

constexpr coppice_table_use parrot_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {parrot_1, COPPICE_TABLE_NEEDED, sizeof(parrot_table), 0},
    {parrot_2, COPPICE_TABLE_NEEDED, sizeof(parrot_table_2), 0},
    {nullptr, 0, 0, 0}};
constexpr coppice_behaviour parrot_facts = {"parrot", parrot_tables, nullptr};

// The struct as a plugin with later headers has it: with more members at its end.
template <class Struct>
struct grown {
  Struct known;
  void* more[4];
};

void crash() {
  FAIL("what lies beyond the size was called");
}

} // namespace

TEST_CASE("the host runs the behaviours that the headers name, each once") {
  std::set<std::string> in_headers;
  for (const coppice_behaviour* each = coppice_behaviours; each->name != nullptr; ++each)
    in_headers.insert(each->name);
  std::set<std::string> run;
  for (const host::hosted_behaviour& each : host::hosted_behaviours()) {
    REQUIRE(each.facts != nullptr);
    CHECK(run.insert(each.facts->name).second);
    CHECK((each.host_interface == nullptr) == (each.facts->host_interface == nullptr));
  }
  CHECK(run == in_headers);
}

TEST_CASE("a behaviour is added by its facts and its actors' class, and by nothing else") {
  const host::hosted_behaviour all[] = {host::hosted<parrot>(&parrot_facts)};
  static constexpr parrot_table callbacks = {
      sizeof(parrot_table), 0,
      [](coppice_actor*, void*, const coppice_message* m) { return note(shown(m)); }};
  static const coppice_table tables[] = {
      {parrot_1, &callbacks}, {COPPICE_LIFECYCLE_1, &full_lifecycle}, {nullptr, nullptr}};
  const coppice_actor_type type = {sizeof type, 0, "polly", "parrot", tables, nullptr};
  stage set(all);
  play.init = [](coppice_actor*) { return COPPICE_CONTINUE; };
  REQUIRE(set.start(type) == "ok");
  const auto pid = set.host.system.whereis("polly");
  REQUIRE(pid);
  set.host.system.send(*pid, term("hello"));
  CHECK(set.lines(2) == strings{"continue", "hello"});
  const auto info = set.host.system.info(*pid);
  REQUIRE(info);
  CHECK(info->summary.is.behaviour == "parrot");
  CHECK(info->summary.is.plugin == "test");
  CHECK(info->summary.is.actor == "polly");
  CHECK(info->summary.is.generation == 3);
  CHECK(set.host.system_request(destination::named("polly"), "get_state") == "{ok,42}");
  set.host.system.exit(*pid, term("kill"));
  CHECK(set.lines(1) == strings{"destroy"});
}

TEST_CASE(
    "of two revisions of a table the higher is called, wherever it stands, and the former where it is "
    "alone") {
  const host::hosted_behaviour all[] = {host::hosted<parrot>(&parrot_facts)};
  static constexpr parrot_table first = {
      sizeof(parrot_table), 0,
      [](coppice_actor*, void*, const coppice_message* m) { return note(shown(m)); }};
  static constexpr parrot_table_2 second = {
      sizeof(parrot_table_2), 0, [](coppice_actor*, void*, const coppice_message* m, std::int32_t volume) {
        return note(shown(m) + " at " + std::to_string(volume));
      }};
  static const coppice_table both[] = {{parrot_2, &second},
                                       {"test.parrot/9", &first},
                                       {parrot_1, &first},
                                       {COPPICE_LIFECYCLE_1, &full_lifecycle},
                                       {nullptr, nullptr}};
  static const coppice_table former[] = {
      {parrot_1, &first}, {COPPICE_LIFECYCLE_1, &full_lifecycle}, {nullptr, nullptr}};
  const coppice_behaviour facts[] = {parrot_facts, {nullptr, nullptr, nullptr}};
  const auto hears = [&](const coppice_table* tables) {
    const coppice_actor_type type = {sizeof type, 0, "polly", "parrot", tables, nullptr};
    CHECK(coppice::tables::check(type, facts).empty());
    stage set(all);
    REQUIRE(set.start(type) == "ok");
    set.host.system.send(*set.host.system.whereis("polly"), term("hello"));
    const strings heard = set.lines(2);
    set.host.system.exit(*set.host.system.whereis("polly"), term("kill"));
    CHECK(set.lines(1) == strings{"destroy"});
    return heard.back();
  };
  CHECK(hears(both) == "hello at 11");
  CHECK(hears(former) == "hello");
}

TEST_CASE("an actor type of no known behaviour has no code, and refuses its plugin") {
  const coppice_actor_type type = {sizeof type, 0, "polly", "parrot", full_tables, nullptr};
  host::identity_book identities;
  CHECK(host::read_code(type, "test", identities) == nullptr);
  const coppice_actor_type* const types[] = {&full_type, &type};
  coppice_descriptor plugin{};
  plugin.actor_count = 2;
  plugin.actors = types;
  host::plugin_image image("test", 1);
  const auto done = host::read_all(plugin, image, identities, {});
  REQUIRE_FALSE(done);
  CHECK(done.error().text == "actor polly: this host runs no behaviour parrot");
  CHECK(image.find("scripted") != nullptr);
  CHECK(image.find("polly") == nullptr);
}

TEST_CASE("an identity is the same for the same names, and another for others") {
  host::identity_book book;
  const host::actor_identity& one = book.of("a", "b", "server");
  CHECK(&one == &book.of("a", "b", "server"));
  CHECK(&one != &book.of("a", "b", "parrot"));
  CHECK(&one != &book.of("a", "c", "server"));
  CHECK(one.plugin == "a");
  CHECK(one.actor == "b");
  CHECK(one.behaviour == "server");
}

TEST_CASE("of tables and actor types that have grown the host reads what it knows") {
  grown<coppice_lifecycle> lifecycle{full_lifecycle, {}};
  grown<coppice_server> server{full_server, {}};
  lifecycle.known.size = sizeof lifecycle;
  server.known.size = sizeof server;
  const coppice_table tables[] = {
      {COPPICE_SERVER_1, &server}, {COPPICE_LIFECYCLE_1, &lifecycle}, {nullptr, nullptr}};
  grown<coppice_actor_type> type{{sizeof type, 0, "scripted", "server", tables, nullptr}, {}};
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    return answer(self, from, "answered");
  };
  REQUIRE(set.start(type.known) == "ok");
  CHECK(set.call("x") == "answered");
  set.host.system.exit(*set.host.system.whereis("scripted"), term("kill"));
  CHECK(set.lines(2) == strings{"init #{}", "destroy"});
}

TEST_CASE("of a table that was smaller once, what lies beyond its size is never called") {
  coppice_lifecycle lifecycle = full_lifecycle;
  lifecycle.size = offsetof(coppice_lifecycle, terminate);
  lifecycle.terminate = [](coppice_actor*, void*, const coppice_message*) { crash(); };
  lifecycle.destroy = [](void*) { crash(); };
  const coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle}, {nullptr, nullptr}};
  coppice_actor_type type{};
  type.tables = tables;
  // The least size that later headers would still accept.
  const auto read = host::callbacks_of<coppice_lifecycle>(type, COPPICE_LIFECYCLE_1, lifecycle.size);
  CHECK((read.create == full_lifecycle.create));
  CHECK((read.format_status == full_lifecycle.format_status));
  CHECK((read.terminate == nullptr));
  CHECK((read.destroy == nullptr));
  const auto too_small = host::callbacks_of<coppice_lifecycle>(type, COPPICE_LIFECYCLE_1, lifecycle.size + 1);
  CHECK((too_small.create == nullptr));
  const auto none = host::callbacks_of<coppice_server>(type, COPPICE_SERVER_1, COPPICE_SERVER_LEAST);
  CHECK((none.handle_call == nullptr));
}
