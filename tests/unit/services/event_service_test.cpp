// SPDX-License-Identifier: MIT
// Tests of what the service of named events keeps about subscribers on other nodes.
#include <doctest/doctest.h>

#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using behaviours::event_channels;
using runtime::message;

namespace {

message request(std::string_view what, std::string_view event) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom(what);
  out.atom(event);
  return out.take();
}

// The first element of a tuple. "": no tuple, or no atom.
std::string word_in(const message& answer) {
  etf::cursor at(answer.bytes());
  std::uint32_t arity = 0;
  std::string_view word;
  return at.read_tuple(arity) && at.read_atom(word) ? std::string(word) : std::string();
}

} // namespace

TEST_CASE(
    "whose subscriptions have all ended with their events is not watched any more once they are counted") {
  epmd_server epmd;
  services::options options;
  options.bounds.subscriptions = 2;
  whole_node a(epmd, "a@127.0.0.1", options);
  whole_node b(epmd, "b@127.0.0.1");
  const auto service = b.see(a, event_channels::service_name);
  const auto watched = [&] { return a.host.info(event_channels::service_name)->monitors.size(); };
  const actor producer(a.host);
  const actor first(b.host), second(b.host), third(b.host);
  const auto token = a.events.enroll("short", {}, producer.id(), "");
  REQUIRE(token);
  REQUIRE(a.events.enroll("long", {}, producer.id(), ""));
  REQUIRE(eventually([&] { return watched() == 1; })); // it watches the producer
  CHECK(word_in(ask(first, service, request("subscribe", "short"))) == "ok");
  CHECK(word_in(ask(second, service, request("subscribe", "short"))) == "ok");
  CHECK(watched() == 3);
  CHECK(word_in(ask(third, service, request("subscribe", "long"))) == "error"); // limit
  REQUIRE(a.events.withdraw(*token));
  CHECK(word_in(ask(third, service, request("subscribe", "long"))) == "ok");
  CHECK(watched() == 2); // the producer and the third subscriber
  CHECK(word_in(ask(first, service, request("subscribe", "long"))) == "ok");
  CHECK(word_in(ask(second, service, request("subscribe", "long"))) == "error");
  CHECK(watched() == 3);
}
