// SPDX-License-Identifier: MIT
// Tests of the borders between the node and a plugin: exceptions from a plugin's callbacks, from its work on
// the pool and from freeing its buffers, and exceptions from our own functions in the tables that a plugin
// calls. Each border is crossed by bad_alloc and by an exception of an unknown type.
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <utility>

#include "held_clock.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/entry.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

namespace coppice {
struct exiting {}; // the same type as in coppice/detail/host.hpp
} // namespace coppice

namespace {

struct unheard_of {};

[[noreturn]] void throw_one(bool memory) {
  if (memory) throw std::bad_alloc();
  throw unheard_of();
}

// Functions in the form of our tables.
std::int32_t out_of_memory(coppice_actor*) {
  throw_one(true);
}
std::int32_t out_of_order(coppice_actor*) {
  throw_one(false);
}
std::int32_t passes_on(coppice_actor*) {
  throw exiting{};
}
void without_status() {
  throw_one(false);
}
std::uint64_t of_a_number(std::uint64_t) {
  throw_one(true);
}

bool memory_is_out = false;
int given_up = 0;

void throwing_work(void*) {
  throw_one(memory_is_out);
}
void throwing_abandon(void*) {
  ++given_up;
  throw_one(memory_is_out);
}

} // namespace

TEST_CASE("what a function in a table throws becomes a status, and the log names the function") {
  heard_log log;
  coppice_actor nobody;
  CHECK(host::entry<&out_of_memory>::call(nullptr) == COPPICE_E_MEMORY);
  CHECK(host::entry<&out_of_order>::call(nullptr) == COPPICE_E_INTERNAL);
  CHECK_THROWS_AS(host::entry<&passes_on>::call(nullptr), exiting);
  host::plain_entry<&without_status>::call();
  CHECK(host::plain_entry<&of_a_number>::call(1) == 0);
  CHECK(log.count("out_of_memory let an exception out: std::bad_alloc") == 1);
  CHECK(log.count("out_of_order let an exception out: ") == 1);
  CHECK(log.count("without_status let an exception out: ") == 1);
  CHECK(log.count("passes_on") == 0);
}

TEST_CASE("what a callback throws ends its actor; that it is exiting is no exception") {
  for (const bool memory : {false, true}) {
    stage set;
    play.call = [memory](coppice_actor*, const coppice_message*, coppice_bytes) -> std::int32_t {
      throw_one(memory);
    };
    REQUIRE(set.start() == "ok");
    CHECK(set.call("throw").starts_with("!exit {exception,"));
  }
  coppice_actor nobody;
  CHECK(host::guarded(nobody, []() -> std::int32_t { throw exiting{}; }) == COPPICE_E_EXITING);
}

TEST_CASE("work on the pool that throws is a status, and its context is given up once") {
  for (const bool memory : {false, true}) {
    memory_is_out = memory;
    given_up = 0;
    stage set;
    heard_log log;
    play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
      const std::int32_t status =
          host::work_interface()->blocking_run(self, &throwing_work, nullptr, &throwing_abandon);
      return answer(self, from, status == COPPICE_E_EXCEPTION ? "exception" : "other");
    };
    REQUIRE(set.start() == "ok");
    CHECK(set.call("work") == "exception");
    CHECK(given_up == 1);
    CHECK(set.call("again") == "exception");
    CHECK(log.count("base: a plugin's blocking_run let an exception out") == 2);
    CHECK(log.count("abandon() of a plugin's blocking_run let an exception out") == 2);
  }
}

TEST_CASE("a context that is given up before the work began may throw, too") {
  stage set;
  heard_log log;
  memory_is_out = false;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    CHECK(host::work_interface()->blocking_run(self, nullptr, nullptr, &throwing_abandon) ==
          COPPICE_E_INVALID);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("work") == "done");
  CHECK(log.count("abandon() of a plugin's blocking_run let an exception out") == 1);
}

TEST_CASE("a buffer whose freeing throws is freed, and nobody else hears of it") {
  for (const bool memory : {false, true}) {
    memory_is_out = memory;
    stage set;
    heard_log log;
    play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
      static constexpr std::uint8_t term[] = {106};
      coppice_message made{};
      CHECK(messages.adopt(
                self, term, sizeof term, [](void*) { throw_one(memory_is_out); }, nullptr, &made) ==
            COPPICE_OK);
      messages.release(&made);
      return answer(self, from, "released");
    };
    REQUIRE(set.start() == "ok");
    CHECK(set.call("adopt") == "released");
    CHECK(log.count("free_data() of a plugin's message let an exception out") == 1);
  }
}

namespace {

// A process that stays in a handler, parked, from its first message until `open` is ready.
struct held_process final : runtime::behaviour {
  explicit held_process(std::future<void> until) : open(std::move(until)) {}
  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process& self, runtime::message) override {
    if (open.valid()) (void)self.blocking_run([this] { std::exchange(open, {}).wait(); });
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "held"; }
  std::future<void> open;
};

// A process that runs the given function once, in a handler, and ends.
struct doing_process final : runtime::behaviour {
  explicit doing_process(std::function<void()> chosen) : what(std::move(chosen)) {}
  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process&, runtime::message) override {
    what();
    return runtime::stop(runtime::message::atom("normal"));
  }
  void describe(runtime::description& out) const override { out.behaviour = "doing"; }
  std::function<void()> what;
};

struct displaced {
  host::post_target* target;
  std::int32_t status = COPPICE_E_INVALID;
};
void post_another(void* context) {
  auto& one = *static_cast<displaced*>(context);
  one.status = one.target->post(test::term("freed"));
}

} // namespace

TEST_CASE("a buffer that a post displaces may post by itself when it is freed") {
  stage set;
  std::promise<void> let_go;
  runtime::spawn_options options;
  options.worker = 0;
  options.mailbox = {.messages = 1, .policy = runtime::on_full::drop_old};
  const auto to =
      set.host.system.spawn(std::move(options), std::make_unique<held_process>(let_go.get_future()));
  REQUIRE(to);
  set.host.system.send(*to, test::term("begin"));
  while (set.host.system.info(*to)->summary.status != runtime::process_status::parked)
    test::pause(std::chrono::milliseconds(1));
  host::post_target target(set.host.system, *to);
  displaced one{&target};
  const runtime::message bytes = test::term("{a, buffer}");
  std::promise<void> posted;
  // On the receiver's worker, the sender itself drops the oldest message.
  const auto by = set.host.system.spawn(
      {.worker = 0}, std::make_unique<doing_process>([&] {
        CHECK(target.post(runtime::message::borrow(bytes.bytes(), &post_another, &one)) == COPPICE_OK);
        CHECK(target.post(test::term("newer")) == COPPICE_OK);
        CHECK(one.status == COPPICE_OK);
        posted.set_value();
      }));
  REQUIRE(by);
  set.host.system.send(*by, test::term("go"));
  posted.get_future().wait();
  let_go.set_value();
  target.shut();
  CHECK(target.post(test::term("late")) == COPPICE_E_NOPROC);
}
