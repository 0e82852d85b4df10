// SPDX-License-Identifier: MIT
// Tests how an actor's state goes from the code of one image to that of another: what each step leaves
// behind, whether the actor stays or goes over, for every failure, and what happens right after the switch.
// The two generations of the code are tables in this file.
#include <coppice/term.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "../behaviours/test_host.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "host/actors/server.hpp"
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
const coppice_timer_api& timers = *host::timer_interface();

// One generation of the code: a counter, whose value is its saved state and its answer.
struct generation {
  int alive = 0; // number of states that were not destroyed
  std::function<std::int32_t(coppice_actor*)> create, save, restore, after_restore;
  std::function<std::int32_t(coppice_actor*, const coppice_message*)> info;
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
  static std::int32_t after_restore(coppice_actor* self, void*) {
    return Of.after_restore ? Of.after_restore(self) : COPPICE_OK;
  }
  static std::int32_t handle_info(coppice_actor* self, void*, const coppice_message* m) {
    return Of.info ? Of.info(self, m) : COPPICE_OK;
  }
  static constexpr coppice_lifecycle lifecycle = [] {
    coppice_lifecycle table{};
    table.size = sizeof table;
    table.create = &create;
    table.save_state = &save;
    table.restore_state = &restore;
    table.after_restore = &after_restore;
    table.destroy = &destroy;
    return table;
  }();
  static constexpr coppice_server server = [] {
    coppice_server table{};
    table.size = sizeof table;
    table.handle_call = &handle_call;
    table.handle_info = &handle_info;
    return table;
  }();
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {nullptr, nullptr}};
  static constexpr coppice_actor_type type = {
      sizeof(coppice_actor_type), 7, "counter", "server", tables, nullptr};
};

constexpr coppice_lifecycle bare_lifecycle = [] {
  coppice_lifecycle table{};
  table.size = sizeof table;
  return table;
}();
constexpr coppice_server bare_server = [] {
  coppice_server table{};
  table.size = sizeof table;
  return table;
}();
constexpr coppice_table bare_tables[] = {
    {COPPICE_LIFECYCLE_1, &bare_lifecycle}, {COPPICE_SERVER_1, &bare_server}, {nullptr, nullptr}};
constexpr coppice_actor_type bare = {
    sizeof(coppice_actor_type), 0, "counter", "server", bare_tables, nullptr};

using step = std::function<std::int32_t(coppice_actor*)>;

// A host with a counter that runs the old code.
class counter {
 public:
  explicit counter(const coppice_actor_type& type = code<old_code>::type) {
    old_code = {};
    new_code = {};
    host::actor_plan plan;
    plan.image = host::image_pin(image);
    plan.code = code_in(image, type);
    const auto made = host.system.spawn({.name = "counter"}, host::make_actor(std::move(plan)));
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

  // Runs `work` in the counter's turn, between two messages.
  template <class Work>
  void visit(Work work) {
    std::vector<runtime::pid> late;
    const runtime::pid all[] = {pid_};
    REQUIRE(runtime::freezer::visit(
        host.system, all,
        [&](runtime::process& p, std::size_t) { work(p, dynamic_cast<reloadable&>(p.does())); },
        base::mono_now() + 20 * base::nanos_per_second, late));
  }
  // In the counter's turn: saves its state and prepares the other code.
  base::status prepare(runtime::process& p, reloadable& actor,
                       const coppice_actor_type& to = code<new_code>::type) {
    const auto saved = actor.save(p);
    return saved ? actor.prepare(p, next, *code_in(next, to), *saved)
                 : base::status(unexpected(saved.error()));
  }
  base::status carry(const coppice_actor_type& to = code<new_code>::type) {
    base::status out;
    visit([&](runtime::process& p, reloadable& actor) { out = prepare(p, actor, to); });
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
  // Starts another counter with the new code and the saved state 41. Returns what its spawner is told.
  std::string start_saved(bool only_tried) {
    host::actor_plan plan;
    plan.image = host::image_pin(next);
    plan.code = code_in(next, code<new_code>::type);
    plan.saved = std::make_unique<saved_state>(saved_state{7, term("41")});
    plan.only_tried = only_tried;
    return host.run([&](runtime::process& self) {
      runtime::spawn_options options;
      options.name = "restored";
      const auto ack = options.ack = self.make_ack();
      if (const auto pid = self.spawn(std::move(options), host::make_actor(std::move(plan))); !pid)
        return pid.error().text;
      const auto answer = self.await(ack);
      return answer ? test::text(*answer) : std::string("no answer");
    });
  }
  const host::actor_code* code_in(host::plugin_image& which, const coppice_actor_type& type) {
    codes_.push_back(host::read_code(type, which.id(), identities_));
    return codes_.back().get();
  }
  std::string count() { return host.call(destination::named("counter"), "next"); }

  runtime::pid pid() const { return pid_; }

 private:
  host::identity_book identities_;
  std::vector<std::unique_ptr<const host::actor_code>> codes_;

 public:
  host::plugin_image image{"test", 3};
  host::plugin_image next{"test", 4};
  test_host host;

 private:
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

TEST_CASE("a call beyond looking fails what is carried over, by its name") {
  struct row {
    step generation::*where;
    generation* of;
    const char* says;
  };
  const row rows[] = {
      {&generation::save, &old_code,
       "its save_state called coppice.actor/1's send, which is allowed only after the switch: use "
       "after_restore"},
      {&generation::create, &new_code,
       "its create called coppice.actor/1's send, which is not allowed before init: use init, and "
       "after_restore "
       "for a state that is restored"},
      {&generation::restore, &new_code,
       "its restore_state called coppice.actor/1's send, which is allowed only after the switch: use "
       "after_restore"},
  };
  counter one;
  for (const row& each : rows) {
    each.of->*each.where = [](coppice_actor* self) {
      coppice_message none{};
      const coppice_bytes me = actors.self_borrowed(self); // a call that is allowed there
      CHECK(actors.send(self, me, &none, 0) == COPPICE_E_CONTEXT);
      CHECK(timers.cancel(self, 1) == COPPICE_E_CONTEXT); // the first call is the one that is named
      return static_cast<std::int32_t>(COPPICE_OK);
    };
    const base::status done = one.carry();
    each.of->*each.where = {};
    REQUIRE_FALSE(done);
    CHECK(done.error().code == base::errc::refused);
    CHECK(done.error().text == each.says);
    CHECK(new_code.alive == 0);
    CHECK(one.next.pins() == 0);
  }
  CHECK(one.carry()); // nothing of the failures remains
}

TEST_CASE("restore_state may say why it does not know a version") {
  counter one;
  new_code.restore = [](coppice_actor* self) {
    actors.set_error(self, COPPICE_E_VERSION, coppice_text("8 or later"));
    return COPPICE_E_VERSION;
  };
  CHECK(one.carry().error().text == "its restore_state does not take state version 7: 8 or later");
}

TEST_CASE("after the switch after_restore comes once, before what waits in the mailbox") {
  counter one;
  new_code.after_restore = [&](coppice_actor*) {
    one.host.book.write("after_restore");
    return COPPICE_OK;
  };
  new_code.info = [&](coppice_actor*, const coppice_message* m) {
    one.host.book.write("info " + test::text(runtime::message::copy_of({m->data, m->size})));
    return COPPICE_OK;
  };
  one.visit([&](runtime::process& p, reloadable& actor) {
    one.prepare(p, actor);
    one.host.system.send(one.pid(), term("first"));
    actor.go_over(p);
    CHECK(one.host.book.lines().empty()); // it runs in the actor's own turn, not in the reload's
  });
  one.host.system.send(one.pid(), term("second"));
  CHECK(one.host.book.take(3) == std::vector<std::string>{"after_restore", "info first", "info second"});
  CHECK(one.count() == "1");
  CHECK(one.host.book.lines().empty());
}

TEST_CASE("after_restore comes also if no message does, and not to who stays") {
  counter one;
  new_code.after_restore = [&](coppice_actor*) {
    one.host.book.write("after_restore");
    return COPPICE_OK;
  };
  REQUIRE(one.carry());
  one.stay();
  CHECK(one.count() == "1");
  CHECK(one.host.book.lines().empty());
  REQUIRE(one.carry());
  one.go_over();
  CHECK(one.host.book.take(1) == std::vector<std::string>{"after_restore"});
}

TEST_CASE("switched twice before its turn, an actor hears of it once, and of no message of ours") {
  counter one;
  new_code.after_restore = [&](coppice_actor*) {
    one.host.book.write("after_restore");
    return COPPICE_OK;
  };
  new_code.info = [&](coppice_actor*, const coppice_message* m) {
    one.host.book.write("info " + test::text(runtime::message::copy_of({m->data, m->size})));
    return COPPICE_OK;
  };
  one.visit([&](runtime::process& p, reloadable& actor) {
    for (int i = 0; i < 2; ++i) {
      one.prepare(p, actor);
      actor.go_over(p);
    }
  });
  one.host.system.send(one.pid(), term("last"));
  CHECK(one.host.book.take(2) == std::vector<std::string>{"after_restore", "info last"});
}

TEST_CASE("after_restore may do what a handler may") {
  counter one;
  new_code.after_restore = [&](coppice_actor* self) {
    const runtime::message sent = term("sent");
    coppice_message raw{sent.bytes().data(), sent.size(), nullptr};
    CHECK(actors.send(self, actors.self_borrowed(self), &raw, 0) == COPPICE_OK);
    const runtime::message timed = term("timed");
    raw = {timed.bytes().data(), timed.size(), nullptr};
    coppice_timer_options options{};
    options.size = sizeof options;
    options.deadline = timers.now();
    CHECK(timers.start(self, &options, &raw, nullptr) == COPPICE_OK);
    CHECK(actors.unregister_name(self, coppice_text("counter")) == COPPICE_OK);
    CHECK(actors.register_name(self, coppice_text("renamed")) == COPPICE_OK);
    return COPPICE_CONTINUE; // there is no handle_continue: the default applies
  };
  new_code.info = [&](coppice_actor*, const coppice_message* m) {
    one.host.book.write(test::text(runtime::message::copy_of({m->data, m->size})));
    return COPPICE_OK;
  };
  REQUIRE(one.carry());
  one.go_over();
  auto lines = one.host.book.take(2);
  std::ranges::sort(lines);
  CHECK(lines == std::vector<std::string>{"sent", "timed"});
  CHECK(one.host.call(destination::named("renamed"), "next") == "1");
}

TEST_CASE("an after_restore that fails ends its actor, which has gone over") {
  struct row {
    std::function<std::int32_t(coppice_actor*)> does;
    const char* reason;
  };
  const row rows[] = {
      {[](coppice_actor*) { return COPPICE_E_NOT_FOUND; }, "not_found"},
      {[](coppice_actor*) { return COPPICE_STOP; }, "normal"},
      {[](coppice_actor*) { return 99; }, "{bad_return_value,99}"},
      {[](coppice_actor*) -> std::int32_t { throw std::runtime_error("no"); },
       "{exception,unknown,<<\"it left the plugin across the C interface\">>}"},
  };
  for (const row& each : rows) {
    counter one;
    new_code.after_restore = each.does;
    REQUIRE(one.carry());
    std::string end;
    runtime::reference watch;
    one.host.run([&](runtime::process& self) { return watch = self.monitor(one.pid(), true); });
    one.go_over();
    end = one.host.run([&](runtime::process& self) {
      const auto answer = self.await(watch);
      return answer ? std::string("?") : test::text(answer.error().reason);
    });
    CHECK(end == each.reason);
    CHECK(old_code.alive == 0);
  }
}

TEST_CASE(
    "an actor that starts with a saved state has after_restore instead of init, tried out it has neither") {
  for (const bool only_tried : {false, true}) {
    counter one;
    CHECK(one.count() == "1");
    new_code.after_restore = [&](coppice_actor*) {
      one.host.book.write("after_restore");
      return COPPICE_OK;
    };
    const std::string heard = one.start_saved(only_tried);
    if (only_tried) {
      CHECK(heard == "ignore");
      CHECK(one.host.book.lines().empty());
    } else {
      CHECK(heard == "ok");
      CHECK(one.host.book.take(1) == std::vector<std::string>{"after_restore"});
      CHECK(one.host.call(destination::named("restored"), "next") == "42");
    }
  }
}

TEST_CASE("an actor becomes none of another behaviour") {
  counter one;
  const host::actor_identity pond("test", "counter", "pond", nullptr, nullptr);
  one.visit([&](runtime::process&, reloadable& actor) {
    const host::actor_code& now = *one.code_in(one.next, code<new_code>::type);
    CHECK(host::takes_over(actor.identity(), now, true));
    const auto done = host::takes_over(pond, now, true);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == base::errc::unsupported);
    CHECK(done.error().text == "it is a server now and was a pond before");
  });
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
