// SPDX-License-Identifier: MIT
// Tests of starting a process and waiting for its init: what is left of a process whose init takes too long.
#include <doctest/doctest.h>

#include <functional>
#include <future>

#include "behaviours/gen/gen.hpp"
#include "held_host.hpp"

using namespace coppice;
using namespace coppice::test;
using behaviours::gen::start_result;
using failure = behaviours::gen::start_error::kind;

namespace {

// A process whose init calls the given function and then ends the process.
class slow : public runtime::behaviour {
 public:
  explicit slow(std::function<void(runtime::process&)> init) : init_(std::move(init)) {}
  runtime::outcome init(runtime::process& self) override {
    init_(self);
    return runtime::ignore();
  }
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "slow"; }

 private:
  std::function<void(runtime::process&)> init_;
};

start_result start_late(runtime::process& self, int worker, base::nanos time,
                        std::function<void(runtime::process&)> init) {
  runtime::spawn_options options;
  options.name = "late";
  options.link = true;
  options.worker = worker;
  return behaviours::gen::start(self, std::move(options), std::make_unique<slow>(std::move(init)),
                                base::mono_now() + time);
}

} // namespace

TEST_CASE("when a start is told to have taken too long, the process has ended and its name is free") {
  runtime::system_options alone = test_host::options();
  alone.workers = 1; // the killed process cannot end before its starter waits
  test_host host(alone);
  const auto [told, is_taken] = host.run([](runtime::process& self) {
    start_result late = start_late(self, 0, base::nanos_per_ms,
                                   [](runtime::process& its) { (void)its.await(its.make_ack()); });
    return std::pair(std::move(late), self.host().whereis("late").has_value());
  });
  REQUIRE_FALSE(told.has_value());
  CHECK(told.error().what == failure::timeout);
  CHECK_FALSE(told.error().who);
  CHECK_FALSE(is_taken);
}

TEST_CASE("a killed process that does not come back from its code holds up its starter for kill_patience") {
  std::promise<void> entered, left;
  std::promise<start_result> told;
  auto go_on = left.get_future();
  auto result = told.get_future();
  held_host held;
  test_host& host = held.host;
  runtime::spawn_options options;
  options.worker = 0;
  const base::nanos began = base::mono_now();
  const auto starter =
      host.system.spawn(std::move(options), std::make_unique<slow>([&](runtime::process& self) {
                          // The process holds its worker, as a callback does that waits for something
                          // outside of the node.
                          told.set_value(start_late(self, 1, base::nanos_per_second, [&](runtime::process&) {
                            entered.set_value();
                            go_on.wait();
                          }));
                        }));
  REQUIRE(starter);
  entered.get_future().wait();
  const start_result late = held.advance_until(result);
  CHECK_FALSE(late.has_value());
  CHECK(late.error().what == failure::timeout);
  CHECK(host.system.whereis("late") == late.error().who);
  CHECK(base::mono_now() - began >= base::nanos_per_second + behaviours::gen::kill_patience);
  left.set_value();
  if (late.error().who) host.end_of(late.error().who);
  CHECK_FALSE(host.system.whereis("late"));
}
