// SPDX-License-Identifier: MIT
// Tests of the forms in which the command line names a process, and of the errors for other texts.
#include "node/instance/target.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <future>
#include <optional>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "held_clock.hpp"
#include "runtime/actor.hpp"

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

TEST_CASE("a target that is only looked at leaves the table of node names as it is") {
  runtime::system host(options());
  for (const char* text : {"kv@other@10.0.0.1", "{kv, 'other@10.0.0.1'}", "#Pid<'other@10.0.0.1'.5.6.7>"}) {
    CAPTURE(text);
    const auto there = node::parse_target_here(text, host);
    REQUIRE_FALSE(there.has_value());
    CHECK(there.error().code == base::errc::invalid);
    CHECK(there.error().text == node::lives_elsewhere);
  }
  CHECK_FALSE(host.nodes().find("other@10.0.0.1").has_value());
  for (const char* text : {"kv", "kv@me@localhost", "{kv, 'me@localhost'}"})
    CHECK(node::parse_target_here(text, host).value() == runtime::destination::named("kv"));
  for (const char* text : {"<0.12.3>", "#Pid<'me@localhost'.7.12.3>"})
    CHECK(node::parse_target_here(text, host).value() == runtime::destination(runtime::pid{0, 7, 12, 3}));
  for (const char* text : {"", "kv@", "{1, 2}", "<0.1>", "global:kv"})
    CHECK_FALSE(node::parse_target_here(text, host).has_value());
}

TEST_CASE("a client that asks for a global name goes on before the answer has come" *
          doctest::skip(!test::can_hold_clock())) {
  auto clock = std::make_optional<test::held_clock>(); // made before the system, whose waits it must see
  runtime::system host(options());
  REQUIRE(host.start());
  const runtime::testing::actor names(host, {.name = "global_name_server"});
  std::promise<base::result<runtime::pid>> told;
  auto answer = told.get_future();
  node::find_global("shop", host,
                    [&told](base::result<runtime::pid> found) { told.set_value(std::move(found)); });
  CHECK(answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready);
  const runtime::message asked = names.next();
  CHECK(etf::print(asked.bytes()).starts_with("{whereis,shop,"));
  names.run([&](runtime::process& self) {
    etf::cursor at(asked.bytes());
    std::uint32_t arity = 0;
    REQUIRE((at.read_tuple(arity) && at.skip() && at.skip()));
    runtime::message_writer out;
    runtime::write(out, self.self(), self.host().nodes());
    behaviours::gen::reply(self, asked.slice(at.rest()), out.take());
    return true;
  });
  const auto found = answer.get();
  REQUIRE(found.has_value());
  CHECK(*found == names.id());

  std::promise<base::errc> late;
  node::find_global("shop", host,
                    [&late](const base::result<runtime::pid>& none) { late.set_value(none.error().code); });
  names.next();
  clock->advance(std::chrono::seconds(2));
  CHECK(late.get_future().get() == base::errc::timeout);
  clock.reset(); // a system stops in real time
  host.stop();
}
