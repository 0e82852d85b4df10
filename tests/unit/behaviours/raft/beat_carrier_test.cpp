// SPDX-License-Identifier: MIT
// Tests of the process that carries heartbeats of many groups: to other nodes, also over busy connections,
// and from other nodes to the members that they are for.
#include "behaviours/raft/beat_carrier.hpp"

#include <algorithm>

#include "away_nodes.hpp"
#include "behaviours/test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;
using behaviours::raft::beat_carrier;
using behaviours::raft::beat_exchange;
using runtime::message;

namespace {

constexpr const char* carrier_name = "coppice_raft_beats";

consensus::message beat(std::uint64_t to, std::uint64_t round = 7) {
  return {{1, 1}, {2, 2}, {3, to}, 5, consensus::heartbeat{4, round}};
}

// Plays a member: notes "NODE ROUND" for each heartbeat that it gets as a notice.
class told final : public native_server {
 public:
  explicit told(diary& book) : native_server("told"), book_(book) {}

 protected:
  runtime::outcome handle_info(runtime::process& self, const message& m) override {
    etf::cursor at(m.bytes());
    std::string_view node;
    if (!self.origin().notice || !at.read_tuple_of(3) || !at.read_atom_is(raft::beat_word) ||
        !at.read_atom(node))
      return runtime::carry_on();
    const auto read = consensus::decode_message(at.rest());
    CHECK(read.has_value());
    if (read) {
      const auto* const heard = std::get_if<consensus::heartbeat>(&read->body);
      book_.write(std::string(node) + " " + std::to_string(heard == nullptr ? 0 : heard->round));
    }
    return runtime::carry_on();
  }

 private:
  diary& book_;
};

struct carrier_host : away_nodes, test_host {
  carrier_host() {
    system.set_router(&router);
    two = *system.nodes().intern("two@localhost");
    keep();
    const auto made = system.spawn({}, std::make_unique<told>(book));
    REQUIRE(made.has_value());
    member = *made;
  }
  ~carrier_host() {
    system.exit(member, message::atom("kill"));
    (void)end_of(member);
  }
  void keep() {
    run([this](runtime::process& self) { exchange.keep_carrier(self); });
  }
  void put(std::string_view node, const consensus::message& one) {
    run([&](runtime::process& self) { exchange.put(self, node, one, self.now()); });
  }
  void deliver(message m) { deliver_from(system, two, carrier_name, std::move(m)); }
  // Enters a member with that number, whose group has another member on two@localhost.
  beat_exchange::seat enter(std::uint64_t number) {
    auto made = exchange.enter({3, number}, member);
    made.expect(std::vector<std::string>{"two@localhost"});
    return made;
  }
  bool becomes(const std::function<bool()>& wanted) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (!wanted()) {
      if (base::mono_now() > until) return false;
      run([](runtime::process& self) {
        (void)self.await(self.make_ack(), self.now() + 5 * base::nanos_per_ms);
      });
    }
    return true;
  }

  std::uint32_t two = 0;
  runtime::pid member;
};

} // namespace

TEST_CASE("what gathers for a node is sent to that node's carrier") {
  carrier_host host;
  host.put("two@localhost", beat(1, 8));
  REQUIRE(host.router.comes_to(1, is_beats));
  const auto sent = host.router.all().front();
  CHECK(sent.to.node() == host.two);
  CHECK(beats_in(sent.what) == std::vector<consensus::message>{beat(1, 8)});
  CHECK(host.becomes([&] { return host.counted("coppice_raft_beat_messages_total") == 1; }));
}

TEST_CASE("a heartbeat of another node reaches the member it is for, with the name of that node") {
  carrier_host host;
  const auto seat = host.enter(1);
  host.deliver(beats_of({beat(1, 8), beat(9, 9), beat(1, 10)})); // no member here has number 9
  CHECK(host.book.take(2) == std::vector<std::string>{"two@localhost 8", "two@localhost 10"});
  CHECK(host.counted("coppice_raft_beats_dropped_total") == 1);
}

TEST_CASE("heartbeats of a node without a member of the group are counted and take no member's place") {
  carrier_host host;
  const auto seat = host.enter(1);
  const std::uint32_t stranger = *host.system.nodes().intern("stranger@localhost");
  const std::vector<consensus::message> many(beat_exchange::most_beats, beat(1, 7));
  const std::size_t sent = 2 * (beat_exchange::most_told / many.size() + 1);
  for (std::size_t i = 0; i < sent; ++i) deliver_from(host.system, stranger, carrier_name, beats_of(many));
  host.deliver(beats_of({beat(1, 8)}));
  CHECK(host.book.take(1) == std::vector<std::string>{"two@localhost 8"});
  CHECK(host.counted("coppice_raft_beats_dropped_total") == sent * many.size());
}

TEST_CASE("a message of heartbeats that makes no sense is dropped as a whole and counted") {
  carrier_host host;
  const auto seat = host.enter(1);
  consensus::message vote = beat(1);
  vote.body = consensus::vote_request{};
  host.deliver(beats_of({beat(1, 8), vote}));
  host.deliver(term("{raft_beats,[]}"));
  host.deliver(term("{raft_beats,[nothing]}"));
  host.deliver(beats_of({beat(1, 9)}));
  CHECK(host.book.take(1) == std::vector<std::string>{"two@localhost 9"});
  CHECK(host.counted("coppice_raft_beats_dropped_total") == 3);
}

TEST_CASE("a group that has ended here gets no more heartbeats, and the others do") {
  carrier_host host;
  const auto stays = host.enter(1);
  {
    const auto ends = host.enter(2);
    host.deliver(beats_of({beat(2, 8)}));
    CHECK(host.book.take(1) == std::vector<std::string>{"two@localhost 8"});
  }
  host.deliver(beats_of({beat(2, 9), beat(1, 10)}));
  CHECK(host.book.take(1) == std::vector<std::string>{"two@localhost 10"});
  CHECK(host.counted("coppice_raft_beats_dropped_total") == 1);
}

TEST_CASE("heartbeats pass all that waits for a node, however busy its connection is") {
  carrier_host host;
  host.router.is_busy = true;
  host.put("two@localhost", beat(1, 8));
  REQUIRE(host.router.comes_to(1, is_beats));
  CHECK(host.router.all().front().ahead);
  CHECK(host.counted("coppice_raft_beats_dropped_total") == 0);
}

TEST_CASE("heartbeats that find no room are lost and counted, and later ones are sent") {
  carrier_host host;
  host.router.lane_is_full = true;
  host.run([&](runtime::process& self) {
    for (std::uint64_t i = 0; i < beat_exchange::most_beats; ++i)
      host.exchange.put(self, "two@localhost", beat(1), self.now());
  });
  CHECK(host.becomes(
      [&] { return host.counted("coppice_raft_beats_dropped_total") == beat_exchange::most_beats; }));
  CHECK(host.router.all().empty());
  host.router.lane_is_full = false;
  host.put("two@localhost", beat(1, 99));
  CHECK(host.router.comes_to(1, [](const away_router::sent& one) {
    return beats_in(one.what) == std::vector<consensus::message>{beat(1, 99)};
  }));
}

TEST_CASE("heartbeats make this node connect, and are lost while much waits for the connection") {
  carrier_host host;
  host.router.is_connected = false;
  host.put("two@localhost", beat(1, 8));
  REQUIRE(host.router.comes_to(1, is_beats));
  CHECK_FALSE(host.router.all().front().ahead);
  host.router.is_busy = true;
  host.put("two@localhost", beat(1, 9));
  CHECK(host.becomes([&] { return host.counted("coppice_raft_beats_dropped_total") == 1; }));
  CHECK(host.router.all().size() == 1);
}

TEST_CASE("a carrier that has ended is started anew, and sends what has gathered meanwhile") {
  carrier_host host;
  const auto carrier = host.system.whereis(carrier_name);
  REQUIRE(carrier.has_value());
  host.system.exit(*carrier, message::atom("kill"));
  (void)host.end_of(*carrier);
  CHECK(host.exchange.add("two@localhost", beat(1, 8), 1));
  CHECK(host.becomes([&] { return !host.system.whereis(carrier_name).has_value(); }));
  host.keep();
  CHECK(host.router.comes_to(1, is_beats));
}
