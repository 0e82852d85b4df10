// SPDX-License-Identifier: MIT
// Bytes that are no term do not leave the node: their sender is told, and the connection stays.
#include <doctest/doctest.h>

#include "cluster.hpp"
#include "hex.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::is_atom;
using runtime::message;
using runtime::process;
using runtime::send_status;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";

// An unknown tag, a term cut short, two terms, an atom that is not UTF-8, a cached atom, not a number, a
// repeated key.
const std::vector<std::string> forged = {"ff",
                                         "68026101",
                                         "6d0000000561",
                                         "61016102",
                                         "7701ff",
                                         "5200",
                                         "500000",
                                         "467ff8000000000000",
                                         "7400000002610161016101"
                                         "6102"};

message forged_of(const std::string& hex) {
  return message::copy_of(from_hex(hex));
}

struct two_nodes {
  epmd_server epmd;
  cluster_node a{epmd, name_a};
  cluster_node b{epmd, name_b};
  actor speaker{a.host};
  actor listener{b.host, {.name = "listener"}};
  runtime::destination there() { return a.see(b, listener.id()); }
  std::uint64_t counted() const { return a.host.counters().malformed; }
};

} // namespace

TEST_CASE("a message that is no term is refused and counted; those before and after it arrive") {
  two_nodes both;
  std::uint64_t expected = 0;
  for (const auto& hex : forged) {
    CAPTURE(hex);
    CHECK(both.speaker.run([&](process& self) {
      const auto& to = both.there();
      return self.send(to, number(1)) == send_status::ok &&
             self.send(to, forged_of(hex)) == send_status::malformed &&
             self.send(both.a.see(both.b, "listener"), forged_of(hex)) == send_status::malformed &&
             self.send_unbounded(to, forged_of(hex)) == send_status::malformed &&
             self.send_call(to, self.make_ack(), forged_of(hex)) == send_status::malformed &&
             self.send(to, number(2)) == send_status::ok;
    }));
    CHECK(value_of(both.listener.next()) == 1);
    CHECK(value_of(both.listener.next()) == 2);
    CHECK(both.counted() == (expected += 4));
  }
  CHECK(both.a.connected(both.b));
  CHECK(both.listener.waiting() == 0);
}

TEST_CASE("within the node it is the receiver's business") {
  two_nodes both;
  const actor neighbour(both.a.host);
  CHECK(both.speaker.run([&](process& self) { return self.send(neighbour.id(), forged_of("ff")); }) ==
        send_status::ok);
  CHECK(neighbour.next().size() == 1);
  CHECK(both.counted() == 0);
}

TEST_CASE("an exit reason that is no term arrives as bad_term, at monitors and who is told to exit") {
  two_nodes both;
  const auto victim = both.listener.id();
  const actor watcher(both.b.host);
  watcher.run([&](process& self) { return self.monitor(victim); });
  watcher.run([&](process& self) { return self.monitor(both.b.see(both.a, both.speaker.id())); });
  CHECK(eventually([&] { return both.a.host.info(both.speaker.id())->monitored_by.size() == 1; }));
  CHECK(both.speaker.run([&](process& self) {
    return self.exit(both.a.see(both.b, victim), forged_of("7701ff"));
  }) == send_status::malformed);
  const auto says_bad_term = [](const message& down) {
    etf::cursor at(down.bytes());
    return at.read_tuple_of(5) && at.skip() && at.skip() && at.skip() && at.skip() &&
           at.read_atom_is("bad_term");
  };
  CHECK(says_bad_term(watcher.next()));
  both.speaker.stop(
      forged_of("7400000002610161016101"
                "6102"));
  CHECK(says_bad_term(watcher.next()));
  CHECK(both.a.connected(both.b));
}
