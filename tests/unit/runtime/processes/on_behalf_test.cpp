// SPDX-License-Identifier: MIT
// What a process does on behalf of a process of another node. The receiver sees the other process and its
// node as the origin, bounds treat it like a message from the network, and the acting process never waits.
#include "runtime/on_behalf.hpp"

#include <atomic>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr pid stranger{7, 5, 40, 0};
constexpr pid third{8, 5, 40, 0};

// Counts the messages that it receives, by whether their origin is this node.
struct witness {
  explicit witness(system& host, spawn_options options = {}) {
    who = *host.spawn(std::move(options), script([this](process& self, message) {
                        (self.origin().here() ? from_here : from_elsewhere)++;
                        return carry_on();
                      }));
  }
  std::atomic<int> from_here{0};
  std::atomic<int> from_elsewhere{0};
  pid who;
};

signal_ptr from_stranger(message m) {
  auto made = make_signal(signal_kind::message, stranger, std::move(m));
  made->flags = signal::remote;
  return made;
}

// A process that acts on behalf of `asker` when it receives a message from the stranger.
template <class Act>
pid service(system& host, const pid& asker, Act act) {
  return *host.spawn({.of_node = true}, script([asker, act](process& self, message) {
                       act(on_behalf::of(self, asker));
                       return carry_on();
                     }));
}

} // namespace

TEST_CASE("what is sent on behalf of another node's process comes from there") {
  node on(2);
  witness there(on.host);
  const pid service_pid = service(on.host, stranger, [&](const std::optional<on_behalf>& asker) {
    REQUIRE(asker);
    CHECK(asker->send(there.who, atom("hello")) == send_status::ok);
  });
  on.host.deliver(service_pid, from_stranger(atom("go")));
  CHECK(eventually([&] { return there.from_elsewhere == 1; }));
  CHECK(there.from_here == 0);
}

TEST_CASE("nobody acts on behalf of a process that is not of the node the request came from") {
  node on(2);
  const actor local(on.host);
  std::atomic<int> asked{0};
  for (const pid& claimed : {local.id(), third}) {
    const pid service_pid = service(on.host, claimed, [&](const std::optional<on_behalf>& asker) {
      CHECK_FALSE(asker);
      ++asked;
    });
    on.host.deliver(service_pid, from_stranger(atom("go")));
  }
  CHECK(eventually([&] { return asked == 2; }));
}

TEST_CASE("an exit on behalf of another node's process reaches no part of the node itself") {
  node on(2);
  const actor shielded(on.host, {.of_node = true});
  const actor plain(on.host);
  const pid service_pid = service(on.host, stranger, [&](const std::optional<on_behalf>& asker) {
    REQUIRE(asker);
    asker->exit(shielded.id(), atom("kill"));
    asker->exit(plain.id(), atom("kill"));
  });
  on.host.deliver(service_pid, from_stranger(atom("go")));
  CHECK(eventually([&] { return !plain.alive(); }));
  shielded.settle();
  CHECK(shielded.alive());
}

TEST_CASE("a full mailbox neither parks who acts on behalf of another node nor is passed over") {
  for (const on_full policy : {on_full::park_sender, on_full::drop_new}) {
    system_options options;
    options.overflow = 0; // no message waits outside of the mailbox
    node on(2, options);
    std::promise<void> held;
    std::promise<void> release;
    auto released = release.get_future().share();
    std::atomic<int> handled{0};
    const pid slow = *on.host.spawn({.mailbox = {1, 0, policy}}, script([&](process& self, message) {
                                      if (handled++ == 0) {
                                        held.set_value();
                                        CHECK(self.blocking_run([released] { released.wait(); }));
                                      }
                                      return carry_on();
                                    }));
    on.host.send(slow, atom("first"));
    held.get_future().wait();
    on.host.send(slow, atom("second")); // fills the mailbox
    std::promise<send_status> sent;
    const pid service_pid = service(on.host, stranger, [&](const std::optional<on_behalf>& asker) {
      sent.set_value(asker->send(slow, atom("third")));
    });
    on.host.deliver(service_pid, from_stranger(atom("go")));
    auto outcome = sent.get_future();
    REQUIRE(outcome.wait_for(patience) == std::future_status::ready);
    CHECK(outcome.get() == send_status::full);
    release.set_value();
    CHECK(eventually([&] { return handled == 2; }));
  }
}

TEST_CASE("nothing goes to a third node on behalf of another") {
  node on(2);
  std::promise<std::pair<send_status, send_status>> done;
  const pid service_pid = service(on.host, stranger, [&](const std::optional<on_behalf>& asker) {
    done.set_value({asker->send(third, atom("hello")), asker->exit(third, atom("kill"))});
  });
  on.host.deliver(service_pid, from_stranger(atom("go")));
  const auto [sent, ended] = done.get_future().get();
  CHECK(sent == send_status::nodedown);
  CHECK(ended == send_status::nodedown);
}

} // namespace coppice::runtime::testing
