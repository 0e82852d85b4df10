// SPDX-License-Identifier: MIT
// How people name a process: every form the command line takes, and what is said to the others.
#include "node/instance/target.hpp"

#include <doctest/doctest.h>

using namespace coppice;
using kind = runtime::destination::kind;

namespace {

runtime::system_options options() {
  runtime::system_options out;
  out.node_name = "me@localhost";
  out.creation = 7;
  out.workers = 1;
  return out;
}

} // namespace

TEST_CASE("a target is a name here, a name elsewhere, or a pid") {
  runtime::system host(options());
  const auto here = node::parse_target("kv", host);
  REQUIRE(here.has_value());
  CHECK(here->what() == kind::name);
  CHECK(here->name() == "kv");
  CHECK(node::parse_target("'a b'", host)->name() == "a b");

  for (const char* text : {"kv@other@10.0.0.1", "{kv, 'other@10.0.0.1'}"}) {
    const auto there = node::parse_target(text, host);
    REQUIRE(there.has_value());
    CHECK(there->what() == kind::remote_name);
    CHECK(there->name() == "kv");
    CHECK(host.nodes().name(there->node()) == "other@10.0.0.1");
  }
  const auto own = node::parse_target("kv@me@localhost", host);
  REQUIRE(own.has_value());
  CHECK(own->what() == kind::name);

  const auto pid = node::parse_target("<0.12.3>", host);
  REQUIRE(pid.has_value());
  CHECK(pid->process() == runtime::pid{0, 7, 12, 3});
  const auto remote = node::parse_target("#Pid<'other@10.0.0.1'.5.6.7>", host);
  REQUIRE(remote.has_value());
  CHECK_FALSE(remote->here());
}

TEST_CASE("what is no target is refused with the forms there are") {
  runtime::system host(options());
  for (const char* text :
       {"", "kv@", "kv@other", "@other@host", "kv@@host", "{kv}", "{1, 2}", "<0.1>", "'open"}) {
    CAPTURE(text);
    const auto target = node::parse_target(text, host);
    REQUIRE_FALSE(target.has_value());
    CHECK(target.error().code == base::errc::invalid);
    CHECK_FALSE(target.error().text.empty());
  }
}
