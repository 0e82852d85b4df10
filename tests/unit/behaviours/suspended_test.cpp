// SPDX-License-Identifier: MIT
// Tests of a server that is resumed with messages that came while it was suspended: it handles them in order
// and before later messages, in several turns, no more of them once it has been killed, and none that it has
// taken back before.
#include <doctest/doctest.h>

#include <atomic>

#include "runtime/messages/exit_reason.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;

namespace {

constexpr std::uint64_t many = 20'000; // enough for several turns

struct seen {
  std::atomic<std::uint64_t> handled{0};
  std::atomic<std::uint64_t> handled_at_ping{0}; // when the other process had its turn
  std::atomic<bool> in_order{true};
  std::promise<void> last;
  std::promise<void> waits;
};

// Counts messages {number, N}. On `wait` its handler never returns.
class counter final : public native_server {
 public:
  counter(seen& of, runtime::pid other) : native_server("counter"), of_(of), other_(other) {}

 protected:
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    etf::cursor at(m.bytes());
    if (etf::cursor(m.bytes()).read_atom_is("wait")) {
      of_.waits.set_value();
      (void)self.await(self.make_ack(), runtime::no_deadline);
      return runtime::carry_on();
    }
    std::uint64_t number = 0;
    if (!at.read_tuple_of(2) || !at.read_atom_is("number") || !at.read_unsigned(number))
      return runtime::carry_on();
    if (number != of_.handled) of_.in_order = false;
    if (of_.handled++ == 0) (void)self.send(other_, runtime::message::atom("ping"));
    if (number == many) of_.last.set_value();
    return runtime::carry_on();
  }

 private:
  seen& of_;
  const runtime::pid other_;
};

class pinged final : public native_server {
 public:
  explicit pinged(seen& of) : native_server("pinged"), of_(of) {}

 protected:
  runtime::outcome handle_info(runtime::process&, const runtime::message&) override {
    of_.handled_at_ping = of_.handled.load();
    return runtime::carry_on();
  }

 private:
  seen& of_;
};

// On `watch` it monitors the other process, on `forget` it ends the monitor and takes back its 'DOWN'.
class forgetful final : public native_server {
 public:
  forgetful(seen& of, runtime::pid other) : native_server("forgetful"), of_(of), other_(other) {}

 protected:
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    if (runtime::is_atom(m, "watch")) {
      watched_ = self.monitor(other_);
      of_.waits.set_value();
    } else if (runtime::is_atom(m, "forget")) {
      (void)self.demonitor(watched_, true);
    } else if (runtime::is_atom(m, "last")) {
      of_.last.set_value();
    } else {
      ++of_.handled; // the 'DOWN'
    }
    return runtime::carry_on();
  }

 private:
  seen& of_;
  const runtime::pid other_;
  runtime::reference watched_;
};

runtime::system_options one_worker() {
  auto out = test_host::options();
  out.workers = 1;
  return out;
}

// A counter that is suspended, on a host with one worker.
struct suspended_counter {
  suspended_counter() { CHECK(host.system_request(pid, "suspend") == "ok"); }

  seen of; // outlives the processes that write to it
  test_host host{one_worker()};
  runtime::pid other = host.system.spawn({}, std::make_unique<pinged>(of)).value();
  runtime::pid pid = host.system.spawn({}, std::make_unique<counter>(of, other)).value();
};

runtime::message number(std::uint64_t which) {
  return term("{number," + std::to_string(which) + "}");
}

} // namespace

TEST_CASE(
    "messages that came while it was suspended are handled before later ones, while others have turns") {
  suspended_counter at;
  for (std::uint64_t i = 0; i < many; ++i) at.host.system.send(at.pid, number(i));
  CHECK(at.host.system_request(at.pid, "get_state").starts_with("{ok,")); // numbers are held back before it
  CHECK(at.of.handled == 0);
  CHECK(at.host.system_request(at.pid, "resume") == "ok");
  at.host.system.send(at.pid, number(many));
  at.of.last.get_future().wait();
  CHECK(at.of.handled == many + 1);
  CHECK(at.of.in_order);
  CHECK(at.of.handled_at_ping > 0);
  CHECK(at.of.handled_at_ping < many);
  // After another suspend and resume, nothing is left to handle.
  CHECK(at.host.system_request(at.pid, "suspend") == "ok");
  CHECK(at.host.system_request(at.pid, "resume") == "ok");
}

TEST_CASE("a server that is killed in the first of the messages that came while suspended handles no other") {
  suspended_counter at;
  at.host.system.send(at.pid, runtime::message::atom("wait"));
  for (std::uint64_t i = 0; i < many; ++i) at.host.system.send(at.pid, number(i));
  at.host.run([&](runtime::process& self) {
    (void)self.send(at.pid, term("{system, {<0.1.0>, a}, resume}"));
    return true;
  });
  at.of.waits.get_future().wait();
  at.host.system.exit(at.pid, term("kill"));
  at.host.run([&](runtime::process& self) { return self.await(self.monitor(at.pid, true)).has_value(); });
  CHECK(at.of.handled == 0);
}

TEST_CASE("a call that a suspended process has no room for is answered at once: it ends with mailbox_full") {
  suspended_counter at;
  for (std::size_t i = 0; i < sys::protocol::max_held; ++i) at.host.system.send(at.pid, number(i));
  CHECK(at.host.call(runtime::destination(at.pid), "late") == "!exit mailbox_full");
  CHECK(at.host.system_request(at.pid, "resume") == "ok");
}

TEST_CASE("a flushed monitor leaves no end among the messages that came while it was suspended") {
  seen of;
  test_host host{one_worker()};
  const auto other = host.system.spawn({}, std::make_unique<pinged>(of)).value();
  const auto pid = host.system.spawn({}, std::make_unique<forgetful>(of, other)).value();
  host.system.send(pid, runtime::message::atom("watch"));
  of.waits.get_future().wait();
  CHECK(host.system_request(pid, "suspend") == "ok");
  host.system.send(pid, runtime::message::atom("forget"));
  host.system.exit(other, term("kill"));
  host.run([&](runtime::process& self) { return self.await(self.monitor(other, true)).has_value(); });
  CHECK(host.system_request(pid, "get_state").starts_with("{ok,")); // the 'DOWN' is held back before it
  CHECK(host.system_request(pid, "resume") == "ok");
  host.system.send(pid, runtime::message::atom("last"));
  of.last.get_future().wait();
  CHECK(of.handled == 0);
}
