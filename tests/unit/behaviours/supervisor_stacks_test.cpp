// SPDX-License-Identifier: MIT
// Supervisors of a node where as many handlers wait as may: a child that ends is started again, and a stop
// is still one child after the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "held_clock.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::actor;
using test::look_until;
using test::term;
using test::test_host;
using lines = std::vector<std::string>;

namespace {

runtime::system_options small(std::uint32_t reserved) {
  runtime::system_options out = test_host::options();
  out.workers = 1;
  out.parked_stacks = 4;
  out.reserved_stacks = reserved;
  return out;
}

// Waits, from its first message on, until it is killed.
class waiting_actor : public runtime::behaviour {
 public:
  explicit waiting_actor(std::atomic<bool>& refused) : refused_(refused) {}
  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process& self, runtime::message) override {
    const auto got = self.await(self.make_ack());
    if (!got && got.error().what == runtime::await_error::kind::limit) refused_ = true;
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "waiting_actor"; }

 private:
  std::atomic<bool>& refused_;
};

// All stacks for waiting handlers, in use until release().
class used_stacks {
 public:
  explicit used_stacks(test_host& host) : host_(host) {
    while (!refused_) {
      const runtime::pid one = host.system.spawn({}, std::make_unique<waiting_actor>(refused_)).value();
      all_.push_back(one);
      host.system.send(one, term("wait"));
      look_until([&] {
        return refused_ || host.system.info(one)->summary.status == runtime::process_status::parked;
      });
    }
  }
  ~used_stacks() { release(); }
  used_stacks(const used_stacks&) = delete;
  used_stacks& operator=(const used_stacks&) = delete;
  void release() {
    for (const runtime::pid& one : all_) host_.system.exit(one, runtime::message::atom("kill"));
    look_until([&] {
      return std::ranges::none_of(all_, [&](const runtime::pid& one) { return host_.system.alive(one); });
    });
  }

 private:
  test_host& host_;
  std::atomic<bool> refused_{false};
  std::vector<runtime::pid> all_;
};

// `a`, and `b`, which has to be killed.
supervisor_spec family(std::string actor_of_a = "scribe") {
  supervisor_spec out;
  out.name = "sup";
  out.intensity = 1;
  child_spec b = actor("b", "stubborn");
  b.shutdown = shutdown_limit::after(base::nanos_per_ms);
  out.children.push_back(std::make_shared<child_spec>(actor("a", std::move(actor_of_a))));
  out.children.push_back(std::make_shared<child_spec>(b));
  return out;
}

void crash(test_host& host, const std::string& name) {
  host.system.send(runtime::destination::named(name), term("{exit, boom}"));
}

// Tells the supervisor to stop, as its parent, without waiting for it.
void tell_to_stop(test_host& host, const runtime::pid& supervisor) {
  host.run([&](runtime::process& self) {
    self.exit(supervisor, runtime::message::atom("shutdown"));
    return 0;
  });
}

} // namespace

TEST_CASE("where all stacks are waited on a supervisor restarts its children, and stops them in reverse") {
  test_host host(small(4));
  const auto [sup, why] = host.supervise(family());
  REQUIRE(sup);
  CHECK(host.book.take(2) == lines{"start a", "start b"});
  const used_stacks used(host);
  crash(host, "a");
  CHECK(host.book.take(2) == lines{"stop a boom", "start a"});
  CHECK(host.system.whereis("sup") == sup);
  tell_to_stop(host, sup);
  CHECK(host.book.take(1) == lines{"stop a shutdown"});
  CHECK_FALSE(host.system.whereis("b")); // it had to be killed before
}

TEST_CASE("a start for which there is no stack is tried again until there is one, and counts once") {
  test_host host(small(0));
  std::atomic<int> made{0};
  host.factory.more["counted"] = [&](std::string id) {
    ++made;
    return std::make_unique<test::scribe>(host.book, std::move(id));
  };
  const auto [sup, why] = host.supervise(family("counted"));
  REQUIRE(sup);
  CHECK(host.book.take(2) == lines{"start a", "start b"});
  {
    const used_stacks used(host);
    crash(host, "a");
    look_until([&] { return made >= 4; });
  }
  look_until([&] { return host.call(runtime::destination::named("a"), "id") == "a"; });
  CHECK(host.system.whereis("sup") == sup);
}

TEST_CASE("a child whose end cannot be waited for is killed when its supervisor stops it") {
  test_host host(small(0));
  const auto [sup, why] = host.supervise(family());
  REQUIRE(sup);
  CHECK(host.book.take(2) == lines{"start a", "start b"});
  const used_stacks used(host);
  tell_to_stop(host, sup);
  look_until([&] { return !host.system.whereis("sup") && !host.system.whereis("b"); });
  look_until([&] { return !host.system.whereis("a"); });
}
