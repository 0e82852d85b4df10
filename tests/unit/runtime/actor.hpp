// SPDX-License-Identifier: MIT
// Processes for tests: an actor runs functions that the test gives it, in its own turn, and passes every
// other message that it receives to the test's thread. Tests wait for events, with a deadline that only a
// failing test reaches.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/sanitizer.hpp"
#include "held_clock.hpp"
#include "promised.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime::testing {

constexpr std::chrono::seconds patience{base::sanitized ? 120 : 20}; // how long a test waits before it fails

inline message atom(std::string_view name) {
  return message::atom(name);
}
inline message number(std::int64_t value) {
  message_writer out;
  out.integer(value);
  return out.take();
}
inline std::int64_t value_of(const message& m) {
  std::int64_t value = -1;
  etf::cursor(m.bytes()).read_integer(value);
  return value;
}

// A behaviour made of functions.
class scripted : public behaviour {
 public:
  using step = std::function<outcome(process&)>;
  using handler = std::function<outcome(process&, message)>;
  explicit scripted(handler on_message, step on_init = {})
      : on_message_(std::move(on_message)), on_init_(std::move(on_init)) {}
  outcome init(process& self) override { return on_init_ ? on_init_(self) : carry_on(); }
  outcome receive(process& self, message m) override {
    return on_message_ ? on_message_(self, std::move(m)) : carry_on();
  }
  void terminate(process& self, const message& reason) override {
    if (on_terminate) on_terminate(self, reason);
  }
  void describe(description& out) const override { out.behaviour = "scripted"; }

  std::function<void(process&, const message&)> on_terminate;

 private:
  handler on_message_;
  step on_init_;
};

inline std::unique_ptr<behaviour> script(scripted::handler on_message, scripted::step on_init = {}) {
  return std::make_unique<scripted>(std::move(on_message), std::move(on_init));
}

// A process that runs functions for the test.
class actor {
 public:
  explicit actor(system& host, spawn_options options = {})
      : host_(&host), shared_(std::make_shared<shared>()) {
    auto made = host.spawn(std::move(options), script([state = shared_](process& self, message m) {
                             return state->on_message(self, std::move(m));
                           }));
    REQUIRE(made);
    id_ = *made;
  }

  pid id() const { return id_; }
  bool alive() const { return host_->alive(id_); }
  // Whether it waits in a handler.
  bool parked() const { return host_->info(id_)->summary.status == process_status::parked; }

  // Runs `what` in the actor's turn, without waiting for it.
  void start(std::function<void(process&)> what) const {
    {
      const std::lock_guard guard(shared_->lock);
      shared_->orders.push_back(std::move(what));
    }
    host_->send(id_, atom("$order"));
  }
  // As start(), and waits for the result.
  template <class Function>
  auto run(Function what) const {
    using result = decltype(what(std::declval<process&>()));
    auto promise = std::make_shared<std::promise<result>>();
    auto done = promise->get_future();
    start([promise, what = std::move(what)](process& self) mutable { test::fulfil(*promise, what, self); });
    REQUIRE(done.wait_for(patience) == std::future_status::ready);
    return done.get();
  }
  // Ends the process, in its own turn.
  void stop(message reason) const {
    const std::lock_guard guard(shared_->lock);
    shared_->stop_with = std::move(reason);
    host_->send(id_, atom("$order"));
  }

  // The next message that it received. If none arrives in time, the test fails.
  message next() const {
    std::unique_lock guard(shared_->lock);
    const bool came = shared_->arrived.wait_for(guard, patience, [this] { return !shared_->got.empty(); });
    REQUIRE(came);
    message first = std::move(shared_->got.front());
    shared_->got.pop_front();
    return first;
  }
  std::size_t waiting() const {
    const std::lock_guard guard(shared_->lock);
    return shared_->got.size();
  }
  // When this returns, the actor has handled everything that was sent to it before the call.
  void settle() const {
    run([](process&) { return 0; });
  }

 private:
  struct shared {
    outcome on_message(process& self, message m) {
      if (!is_atom(m, "$order")) {
        const std::lock_guard guard(lock);
        got.push_back(std::move(m));
        arrived.notify_all();
        return carry_on();
      }
      std::function<void(process&)> order;
      {
        const std::lock_guard guard(lock);
        if (stop_with) return runtime::stop(stop_with);
        order = std::move(orders.front());
        orders.pop_front();
      }
      order(self);
      return carry_on();
    }
    std::mutex lock;
    std::condition_variable arrived;
    std::deque<message> got;
    std::deque<std::function<void(process&)>> orders;
    message stop_with;
  };

  system* host_;
  std::shared_ptr<shared> shared_;
  pid id_;
};

// A running system that stops at the end of the test.
struct node {
  explicit node(unsigned workers = 2, system_options options = {}) : host(with(std::move(options), workers)) {
    REQUIRE(host.start());
  }
  ~node() { CHECK(host.stop(std::chrono::nanoseconds(patience).count())); }
  static system_options with(system_options options, unsigned workers) {
    options.node_name = "test@localhost";
    options.workers = workers;
    return options;
  }
  system host;
};

// Waits until the condition holds; false: it did not within `patience`. Looks often at first, since many
// things take only some µs, and then once a millisecond, to leave the processor to the threads that it waits
// for.
template <class Condition>
bool eventually(Condition holds) {
  constexpr std::chrono::microseconds longest{1000};
  const std::int64_t deadline = coppice::test::real_now() + std::chrono::nanoseconds(patience).count();
  for (std::chrono::microseconds pause{10}; !holds(); pause = std::min(pause * 2, longest)) {
    if (coppice::test::real_now() > deadline) return false;
    coppice::test::pause(pause);
  }
  return true;
}

} // namespace coppice::runtime::testing
