// SPDX-License-Identifier: MIT
// Tests of the process that tells other nodes that this node is alive and which of its groups are quiescent.
#include "behaviours/raft/liveness_carrier.hpp"

#include <optional>

#include "away_nodes.hpp"
#include "behaviours/test_host.hpp"
#include "held_clock.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;
using consensus::liveness_message;
using runtime::message;

namespace {

constexpr const char* carrier_name = "coppice_raft_liveness";

// Plays a member: notes what it is told as a notice.
class listener final : public native_server {
 public:
  explicit listener(diary& book) : native_server("listener"), book_(book) {}

 protected:
  runtime::outcome handle_info(runtime::process& self, const message& m) override {
    etf::cursor at(m.bytes());
    std::uint32_t arity = 0;
    std::string_view word, node;
    if (!self.origin().notice || !at.read_tuple(arity) || !at.read_atom(word)) return runtime::carry_on();
    if (word == raft::quiescence_word && at.read_atom(node)) book_.write("quiescent at " + std::string(node));
    if (word == raft::wake_word) book_.write("awake");
    return runtime::carry_on();
  }

 private:
  diary& book_;
};

struct liveness_host : away_nodes, test_host {
  liveness_host() {
    system.set_router(&router);
    two = *system.nodes().intern("two@localhost");
    run([this](runtime::process& self) { exchange.keep_carrier(self); });
    const auto made = system.spawn({}, std::make_unique<listener>(book));
    REQUIRE(made.has_value());
    member = *made;
  }
  ~liveness_host() {
    system.exit(member, message::atom("kill"));
    (void)end_of(member);
  }
  void deliver(const liveness_message& what) {
    runtime::message_writer out(256);
    consensus::encode(what, out);
    deliver_from(system, two, carrier_name, out.take());
  }
  // Waits until the metric has that value. False: it has not within 20 s.
  bool counts(const std::string& family, std::uint64_t value) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (counted(family) != value) {
      if (base::mono_now() > until) return false;
      run([](runtime::process& self) {
        (void)self.await(self.make_ack(), self.now() + 5 * base::nanos_per_ms);
      });
    }
    return true;
  }
  static bool is_liveness(const away_router::sent& one) {
    return one.to.what() == runtime::destination::kind::remote_name && one.to.name() == carrier_name;
  }
  // The last answer of this node.
  liveness_message answer() {
    const auto all = router.all();
    for (auto one = all.rbegin(); one != all.rend(); ++one)
      if (is_liveness(*one)) return *consensus::decode_liveness(one->what.bytes());
    FAIL("no answer");
    return {};
  }

  std::uint32_t two = 0;
  runtime::pid member;
};

constexpr consensus::quiescence at_rest{{2, 2}, 5, 7};

} // namespace

TEST_CASE("a node that asks is answered ahead of all that waits, and an offer reaches the member it is for") {
  liveness_host host;
  auto seat = host.exchange.enter({3, 1}, host.member);
  seat.expect(std::vector<std::string>{"two@localhost"});
  host.deliver({77, 0, 1, 0, true, 0, 0, 1, {{{3, 1}, at_rest}}, {}});
  REQUIRE(host.router.comes_to(1, liveness_host::is_liveness));
  CHECK(host.router.all().front().ahead);
  CHECK(host.answer().to == 77);
  CHECK(host.answer().applied == 1);
  CHECK(host.book.take(1) == std::vector<std::string>{"quiescent at two@localhost"});
}

TEST_CASE("nothing is kept of a node without a member of a group here, and what it says is counted") {
  liveness_host host;
  {
    auto seat = host.exchange.enter({3, 1}, host.member);
    seat.expect(std::vector<std::string>{"three@localhost"});
    host.deliver({77, 0, 1, 0, true, 0, 0, 1, {{{3, 1}, at_rest}}, {}});
    CHECK(host.counts("coppice_raft_liveness_dropped_total", 1));
    CHECK_FALSE(host.exchange.liveness().knows("two@localhost"));
    seat.expect(std::vector<std::string>{"two@localhost"});
    host.deliver({77, 0, 1, 0, true, 0, 0, 1, {{{3, 1}, at_rest}}, {}});
    CHECK(host.book.take(1) == std::vector<std::string>{"quiescent at two@localhost"});
  }
  // The member has ended. The node that relied on it is still answered.
  host.deliver({77, 0, 2, 0, true, 0, 1, 1, {}, {}});
  CHECK(host.router.comes_to(2, liveness_host::is_liveness));
}

TEST_CASE("a quiescent member is woken up once its leader takes the quiescence back") {
  liveness_host host;
  auto seat = host.exchange.enter({3, 1}, host.member);
  seat.expect(std::vector<std::string>{"two@localhost"});
  host.deliver({77, 0, 1, 0, true, 0, 0, 1, {{{3, 1}, at_rest}}, {}});
  CHECK(host.book.take(1) == std::vector<std::string>{"quiescent at two@localhost"});
  host.run([&](runtime::process& self) {
    CHECK(
        host.exchange.liveness().follow(self, {3, 1}, "two@localhost", at_rest, 60 * base::nanos_per_second));
  });
  host.deliver({77, 0, 2, 0, false, 0, 1, 2, {{{3, 1}, {}}}, {}});
  CHECK(host.book.take(1) == std::vector<std::string>{"awake"});
}

TEST_CASE("a quiescent member is woken up when the node that its leader is on is not heard any more") {
  using namespace std::chrono_literals;
  constexpr std::chrono::nanoseconds election = 5s;
  std::optional<liveness_host> host;
  held_clock clock; // destroyed first, so that time goes on before the host ends
  host.emplace();
  auto seat = host->exchange.enter({3, 1}, host->member);
  seat.expect(std::vector<std::string>{"two@localhost"});
  host->deliver({77, 0, 1, 0, true, 0, 0, 1, {{{3, 1}, at_rest}}, {}});
  CHECK(host->book.take(1) == std::vector<std::string>{"quiescent at two@localhost"});
  bool follows = false;
  host->run([&](runtime::process& self) {
    follows = host->exchange.liveness().follow(self, {3, 1}, "two@localhost", at_rest, election.count());
  });
  REQUIRE(follows);
  clock.advance(election / 2);
  CHECK(host->book.lines().empty());
  clock.advance(election / 2 + 100ms);
  CHECK(host->book.take(1) == std::vector<std::string>{"awake"});
}
