// SPDX-License-Identifier: MIT
// Tests of coppice/testing/net.hpp for datagrams, without a socket: batches, refusals, datagrams that do not
// arrive, multicast groups and reloads behave as in a node. tests/e2e/udp.py asks the same plugin the same.
#include <doctest/doctest.h>
#include <cerrno>
#include <coppice/testing/net.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

using texts = std::vector<std::string>;

plugin bundled_echo() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/echo.so");
}

value ask(actor& of, const std::string& question) {
  return of.call(erl(question)).reply();
}

} // namespace

TEST_CASE("datagrams come as they are sent, an empty one too, and answers reach each its own peer") {
  const plugin echoes = bundled_echo();
  actor echo(echoes, {.actor = "datagrams"});
  udp_peer one(echo), other(echo, "127.0.0.1:40001");
  one.send("a").send("");
  other.send(std::string(2048, 'x'));
  CHECK(one.take() == texts{"a", ""});
  CHECK(one.take().empty());
  CHECK(other.take() == texts{std::string(2048, 'x')});
  CHECK(echo.call("count"_erl) == 3);
  CHECK(echo.did.complaints.empty());
}

TEST_CASE("what waits together comes in batches, without those that are too long, which are counted") {
  const plugin echoes = bundled_echo();
  actor echo(echoes, {.actor = "datagrams", .udp = {.max_datagram = 3, .batch = 2}});
  const udp_network network(echo);
  network.room(3);
  network.bring({{"1"}, {"long"}, {"2"}, {"3"}, {"four"}, {"five"}, {"4"}, {"5"}});
  CHECK(network.too_long() == 3);
  CHECK(network.waiting() == 0);
  CHECK(echo.call("count"_erl) == 5);
  const auto sent = network.take();
  REQUIRE(sent.size() == 3); // the batches were {1}, {2, 3}, none, {4, 5}
  CHECK(sent[2].bytes == "3");
  CHECK(sent[2].to == "127.0.0.1:40000");
  CHECK(sent[2].from == "127.0.0.1:7007");
}

TEST_CASE("a socket that is full refuses, and tells of room once") {
  const plugin pings = fixture("pings");
  actor one(pings);
  const udp_network network(one);
  network.room(1);
  CHECK(ask(one, "{send_to, 9, 3}") == COPPICE_OK);
  CHECK(ask(one, "{send_to, 9, 3}") == COPPICE_E_FULL);
  CHECK(ask(one, "{send_to, 9, 3}") == COPPICE_E_FULL);
  CHECK(ask(one, "writable") == 0);
  network.room();
  CHECK(ask(one, "writable") == 1);
  CHECK(ask(one, "{send_to, 9, 3}") == COPPICE_OK);
  CHECK(network.take().size() == 2);
  network.room(0);
  network.room();
  CHECK(ask(one, "writable") == 1); // nothing was refused since then
}

TEST_CASE("what can never leave is refused as a node refuses it") {
  const plugin pings = fixture("pings");
  actor one(pings, {.udp = {.max_datagram = 65507}});
  const udp_network network(one);
  CHECK(ask(one, "{send_to, 0, 3}") == COPPICE_E_INVALID);
  CHECK(ask(one, "{send_to, 9, 65508}") == COPPICE_E_INVALID);
  CHECK(ask(one, "{send_to, 9, 65507}") == COPPICE_OK);
  CHECK(ask(one, "no_socket") == COPPICE_E_NOT_FOUND);
  udp_peer made_up(one, "127.0.0.1:0");
  CHECK(made_up.send("hello").take().empty()); // its answer has no port to go to
  CHECK(network.take().size() == 1);
  udp_peer(one).send(std::string(65507, 'x'));
  CHECK(network.take().back().bytes == "65507");
  CHECK_THROWS_AS(udp_peer(one).send(std::string(65508, 'x')), failure);
}

TEST_CASE("an answer leaves from the address that was asked, and by the socket it came to") {
  const plugin echoes = bundled_echo();
  actor echo(echoes, {.actor = "datagrams", .udp = {.listen = {"0.0.0.0:514", "[::1]:515"}}});
  udp_peer four(echo), six(echo, "[0::0:2]:9", 1);
  four.send("a", "10.0.0.7:514").send("b");
  six.send("c");
  CHECK(six.address() == "[::2]:9");
  const auto by_first = udp_network(echo, 0).take();
  REQUIRE(by_first.size() == 2);
  CHECK(by_first[0].from == "10.0.0.7:514");
  CHECK(by_first[1].from == "127.0.0.1:514");
  CHECK(six.take() == texts{"c"});
  CHECK(four.take().empty()); // udp_network took its answers above
  CHECK_THROWS_AS(udp_peer(echo, "[::2]:9", 0).send("d"), failure);
  CHECK_THROWS_AS(udp_network(echo, 2), failure);
}

TEST_CASE("what waits at several sockets comes a batch of each in turn") {
  const plugin echoes = bundled_echo();
  const udp_options two{.listen = {"127.0.0.1:1", "127.0.0.1:2"}, .batch = 1};
  auto old = std::make_unique<actor>(echoes, settings{.actor = "datagrams", .udp = two});
  const udp_peer client(*old);
  const udp_network first(*old, 0), second(*old, 1);
  const saved_state saved = old->save();
  old.reset();
  first.bring({{"1a"}, {"1b"}, {"1c"}});
  second.bring({{"2a"}, {"2b"}});
  const actor next = actor::restored(echoes, saved, {.actor = "datagrams"});
  CHECK(client.take() == texts{"1a", "2a", "1b", "2b", "1c"});
}

TEST_CASE("what does not arrive is told with whom it was for, and ends nothing") {
  const plugin pings = fixture("pings");
  actor one(pings);
  const udp_network network(one);
  network.fail(ECONNREFUSED, "127.0.0.1:9");
  CHECK(ask(one, "error") == std::tuple(ECONNREFUSED, 9));
  network.fail(EHOSTUNREACH);
  CHECK(ask(one, "error") == std::tuple(EHOSTUNREACH, 0));
  CHECK(udp_peer(one).send("echo on").take() == texts{"on"});
}

TEST_CASE("groups are joined once, left once, and refused where the system does") {
  const plugin pings = fixture("pings");
  actor one(pings);
  const udp_network network(one);
  const auto group = [&](const char* what, const char* address, const char* interface) {
    return ask(one, std::string("{group, ") + what + ", " + address + ", <<\"" + interface + "\">>}");
  };
  CHECK(group("join", "<<239,77,1,1>>", "lo") == COPPICE_OK);
  CHECK(group("join", "<<239,77,1,1>>", "lo") == COPPICE_E_REFUSED);
  CHECK(group("join", "<<239,77,1,1>>", "") == COPPICE_OK);
  CHECK(network.groups() == std::vector<joined_group>{{"239.77.1.1", "lo"}, {"239.77.1.1", ""}});
  CHECK(group("leave", "<<239,77,1,2>>", "lo") == COPPICE_E_REFUSED);
  CHECK(group("leave", "<<239,77,1,1>>", "lo") == COPPICE_OK);
  CHECK(group("join", "<<127,0,0,1>>", "") == COPPICE_E_INVALID);
  CHECK(group("join", "<<255,2,0,0,0,0,0,0,0,0,0,0,0,0,0,1>>", "") == COPPICE_E_INVALID); // a group of IPv6
  network.refuse_groups();
  CHECK(group("leave", "<<239,77,1,1>>", "") == COPPICE_E_REFUSED);
  CHECK(network.groups().size() == 1);
}

TEST_CASE("answers given later reach their peers, by the actor's clock") {
  const plugin pings = fixture("pings");
  actor one(pings);
  udp_peer first(one), second(one, "127.0.0.1:40001");
  first.send("later 20 first");
  second.send("later 10 second");
  one.advance(10ms);
  CHECK(first.take().empty());
  CHECK(second.take() == texts{" second"});
  one.advance(10ms);
  CHECK(first.take() == texts{" first"});
}

TEST_CASE("sockets stay open over a reload, with what comes meanwhile, and when the actor has failed") {
  const plugin echoes = bundled_echo();
  auto old = std::make_unique<actor>(echoes, settings{.actor = "datagrams", .udp = {.batch = 1}});
  udp_peer client(*old);
  const udp_network network(*old);
  CHECK(client.send("a").take() == texts{"a"});
  const saved_state saved = old->save();
  old.reset();
  client.send("b").send("c");
  CHECK(client.take().empty());
  CHECK(network.waiting() == 2);
  actor next = actor::restored(echoes, saved, {.actor = "datagrams"});
  CHECK(client.take() == texts{"b", "c"});
  CHECK(network.waiting() == 0);
  CHECK(next.call("count"_erl) == 3);

  const plugin pings = fixture("pings");
  actor crashing(pings, {.udp = {.batch = 2}});
  const udp_network left(crashing);
  left.bring({{"echo a"}, {"crash"}, {"echo b"}});
  CHECK_FALSE(crashing.alive());
  CHECK(left.take().empty()); // the answers of the failed batch are lost
  CHECK(left.waiting() == 1);
}

TEST_CASE("every datagram of a batch is taken, whatever the callback for the one before it came to") {
  const plugin parcels = fixture("parcels");
  actor one(parcels, {.udp = {.batch = 16}});
  const udp_network network(one);
  network.bring({{"a"}, {"continue"}, {"b"}, {"unhandled"}, {"c"}, {"hibernate"}, {"d"}, {"continue"}});
  CHECK(one.call("seen"_erl).as<texts>() == texts{"a", "continue", "continued", "b", "unhandled", "c",
                                                  "hibernate", "d", "continue", "continued"});
  network.bring({{"stop"}, {"never"}});
  CHECK(one.reason() == atom("normal"));
}

TEST_CASE("a socket sends datagrams that came to several sockets, in any order") {
  const plugin parcels = fixture("parcels");
  actor one(parcels, {.udp = {.listen = {"127.0.0.1:1", "127.0.0.1:2"}}});
  const udp_network first(one, 0), second(one, 1);
  first.bring({{"a"}});
  second.bring({{"b"}});
  first.bring({{"c"}});
  CHECK(text(one.call("answer_all"_erl).reply()) == "{0,3}");
  CHECK(first.take().size() == 3);
}

TEST_CASE("an actor that takes no datagrams has no sockets") {
  const plugin echoes = bundled_echo();
  actor raw(echoes);
  CHECK_THROWS_AS(udp_network{raw}, failure);
  CHECK_THROWS_AS(udp_peer{raw}, failure);
  actor wrong(echoes, {.actor = "datagrams", .udp = {.listen = {"localhost:1"}}});
  CHECK_THROWS_AS(udp_network{wrong}, failure);
}
