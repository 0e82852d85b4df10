// SPDX-License-Identifier: MIT
// A server's state on its way from one image's code to another's: what each step leaves behind, whichever of
// the two is chosen and whatever fails. The two generations are tables written here.
#include <coppice/term.h>
#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>

#include "../behaviours/test_host.hpp"
#include "host/server.hpp"
#include "runtime/freezing/freezer.hpp"

using namespace coppice;
using host::reloadable;
using host::saved_state;
using runtime::destination;
using test::term;
using test::test_host;

namespace {

const coppice_actor_api& actors = *host::actor_interface();
const coppice_call_api& calls = *host::call_interface();

// One generation of the code: a counter, its value in what it saves and answers.
struct generation {
  int alive = 0; // states
  std::function<std::int32_t(coppice_actor*)> create, save, restore;
  bool writes = true;
};
generation old_code;
generation new_code;

template <generation& Of>
struct code {
  static std::int32_t create(coppice_actor* self, void** state) {
    const std::int32_t status = Of.create ? Of.create(self) : COPPICE_OK;
    if (status != COPPICE_OK) return status;
    ++Of.alive;
    *state = std::make_unique<std::int64_t>(0).release();
    return status;
  }
  static std::int32_t handle_call(coppice_actor* self, void* state, const coppice_message*,
                                  coppice_bytes from) {
    const runtime::message reply = term(std::to_string(++*static_cast<std::int64_t*>(state)));
    coppice_message raw{reply.bytes().data(), reply.size(), nullptr};
    return calls.reply(self, from, &raw);
  }
  static std::int32_t save(coppice_actor* self, void* state, std::uint32_t*, coppice_writer* out) {
    if (Of.writes) coppice_write_integer(out, *static_cast<std::int64_t*>(state));
    return Of.save ? Of.save(self) : COPPICE_OK;
  }
  static std::int32_t restore(coppice_actor* self, void* state, std::uint32_t, const coppice_message* saved) {
    coppice_reader at = coppice_read_message(saved);
    coppice_read_integer(&at, static_cast<std::int64_t*>(state));
    return Of.restore ? Of.restore(self) : COPPICE_OK;
  }
  static void destroy(void* state) {
    --Of.alive;
    std::unique_ptr<std::int64_t>(static_cast<std::int64_t*>(state)).reset();
  }
  static constexpr coppice_server table = {.size = sizeof(coppice_server),
                                           .reserved = 0,
                                           .create = &create,
                                           .init = nullptr,
                                           .handle_continue = nullptr,
                                           .handle_call = &handle_call,
                                           .handle_cast = nullptr,
                                           .handle_info = nullptr,
                                           .on_response = nullptr,
                                           .config_change = nullptr,
                                           .save_state = &save,
                                           .restore_state = &restore,
                                           .format_status = nullptr,
                                           .terminate = nullptr,
                                           .destroy = &destroy};
  static constexpr coppice_actor_type type = {sizeof(coppice_actor_type), 7,      "counter", "server",
                                              COPPICE_SERVER_1,           &table, nullptr};
};

constexpr coppice_server bare_table = [] {
  coppice_server table{};
  table.size = sizeof table;
  return table;
}();
constexpr coppice_actor_type bare = {sizeof(coppice_actor_type), 0,           "bare", "server",
                                     COPPICE_SERVER_1,           &bare_table, nullptr};

// A counter that runs the old code.
class counter {
 public:
  explicit counter(const coppice_actor_type& type = code<old_code>::type) {
    old_code = {};
    new_code = {};
    host::server_plan plan;
    plan.image = host::image_pin(image);
    plan.type = &type;
    plan.is = &is_;
    const auto made = host.system.spawn({.name = "counter"}, std::make_unique<host::server>(std::move(plan)));
    REQUIRE(made);
    pid_ = *made;
  }
  ~counter() {
    host.system.stop();
    CHECK(old_code.alive == 0);
    CHECK(new_code.alive == 0);
    CHECK(image.pins() == 0);
    CHECK(next.pins() == 0);
  }

  // In its turn, between two messages.
  template <class Work>
  void visit(Work work) {
    std::vector<runtime::pid> late;
    const runtime::pid all[] = {pid_};
    REQUIRE(runtime::freezer::visit(
        host.system, all,
        [&](runtime::process& p, std::size_t) { work(p, dynamic_cast<reloadable&>(p.does())); },
        base::mono_now() + 20 * base::nanos_per_second, late));
  }
  // Saves, and prepares the other code.
  base::status carry(const coppice_actor_type& to = code<new_code>::type) {
    base::status out;
    visit([&](runtime::process& p, reloadable& actor) {
      const auto saved = actor.save(p);
      out = saved ? actor.prepare(p, next, to, *saved) : base::status(tl::unexpected(saved.error()));
    });
    return out;
  }
  void go_over() {
    visit([](runtime::process& p, reloadable& actor) { actor.go_over(p); });
  }
  void stay() {
    visit([](runtime::process& p, reloadable& actor) { actor.stay(p); });
  }
  std::uint64_t generation() {
    std::uint64_t out = 0;
    visit([&](runtime::process&, reloadable& actor) { out = actor.generation(); });
    return out;
  }
  std::string count() { return host.call(destination::named("counter"), "next"); }

  host::plugin_image image{"test", 3};
  host::plugin_image next{"test", 4};
  test_host host;

 private:
  const host::actor_identity is_{"test", "counter"};
  runtime::pid pid_;
};

} // namespace

TEST_CASE("a state goes over to the new code, and the old one is destroyed when that is chosen") {
  counter one;
  CHECK(one.count() == "1");
  REQUIRE(one.carry());
  CHECK(old_code.alive == 1);
  CHECK(new_code.alive == 1);
  CHECK(one.generation() == 3);
  one.go_over();
  CHECK(old_code.alive == 0);
  CHECK(one.generation() == 4);
  CHECK(one.image.pins() == 0);
  CHECK(one.count() == "2");
}

TEST_CASE("an actor that stays goes on with the state it has, also with what changed since") {
  counter one;
  REQUIRE(one.carry());
  CHECK(one.count() == "1");
  one.stay();
  CHECK(new_code.alive == 0);
  CHECK(one.next.pins() == 0);
  CHECK(one.generation() == 3);
  CHECK(one.count() == "2");
}

TEST_CASE("prepared again after another message, only the newer state is left") {
  counter one;
  REQUIRE(one.carry());
  CHECK(one.count() == "1");
  REQUIRE(one.carry());
  CHECK(new_code.alive == 1);
  one.go_over();
  CHECK(one.count() == "2");
}

TEST_CASE("without anything prepared neither choice changes anything") {
  counter one;
  one.go_over();
  one.stay();
  CHECK(one.generation() == 3);
  CHECK(one.count() == "1");
}

TEST_CASE("whatever fails leaves nothing of the new state and the old one serving") {
  using step = std::function<std::int32_t(coppice_actor*)>;
  const auto refuses = [](coppice_actor* self) {
    actors.set_error(self, COPPICE_E_INVALID, coppice_text("no such colour"));
    return static_cast<std::int32_t>(COPPICE_E_INVALID);
  };
  const auto throws = [](coppice_actor*) -> std::int32_t { throw std::runtime_error("cannot read this"); };
  const auto too_new = [](coppice_actor*) { return static_cast<std::int32_t>(COPPICE_E_VERSION); };
  struct row {
    step generation::*where;
    generation* of;
    step what;
    const char* says;
  };
  const row rows[] = {
      {&generation::save, &old_code, refuses, "its save_state failed: {badarg,<<\"no such colour\">>}"},
      {&generation::save, &old_code, throws, "its save_state failed: {exception,"},
      {&generation::create, &new_code, refuses, "its create failed: {badarg,<<\"no such colour\">>}"},
      {&generation::create, &new_code, throws, "its create failed: {exception,"},
      {&generation::restore, &new_code, refuses, "its restore_state failed: {badarg,<<\"no such colour\">>}"},
      {&generation::restore, &new_code, throws, "its restore_state failed: {exception,"},
      {&generation::restore, &new_code, too_new, "its restore_state does not take state version 7"},
  };
  counter one;
  int calls_made = 0;
  for (const row& each : rows) {
    each.of->*each.where = each.what;
    const base::status done = one.carry();
    each.of->*each.where = {};
    REQUIRE_FALSE(done);
    CHECK(done.error().code == base::errc::refused);
    CHECK_MESSAGE(done.error().text.starts_with(each.says), done.error().text);
    CHECK(new_code.alive == 0);
    CHECK(one.next.pins() == 0);
    one.go_over();
    CHECK(one.generation() == 3);
    CHECK(one.count() == std::to_string(++calls_made));
  }
  old_code.writes = false;
  CHECK(one.carry().error().text == "its save_state wrote no term");
  old_code.writes = true;
  REQUIRE(one.carry());
}

TEST_CASE("saving and restoring may only compute") {
  counter one;
  const auto registers = [](coppice_actor* self) {
    CHECK(actors.register_name(self, coppice_text("x")) == COPPICE_E_CONTEXT);
    return static_cast<std::int32_t>(COPPICE_OK);
  };
  old_code.save = registers;
  new_code.create = registers;
  new_code.restore = registers;
  CHECK(one.carry());
  old_code.save = {};
}

TEST_CASE("an actor with a state cannot become one without, nor the other way round") {
  {
    counter one;
    const base::status done = one.carry(bare);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == base::errc::unsupported);
    CHECK(one.count() == "1");
  }
  counter one(bare);
  const base::status done = one.carry();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == base::errc::unsupported);
  CHECK(new_code.alive == 0);
  CHECK(one.carry(bare));
  one.go_over();
  CHECK(one.generation() == 4);
}
