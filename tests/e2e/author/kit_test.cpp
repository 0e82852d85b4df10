// SPDX-License-Identifier: MIT
// The kit tests of the plugins in this folder, as one program. Its arguments are the folder of their built
// files and a folder to write in. It prints a line for each promise; its exit status is the number of
// promises that do not hold.
#include <coppice/testing.hpp>

#include <coppice/testing/erlang.hpp>
#include <cstdio>

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

int failed = 0;
void check(bool holds, const char* what) {
  if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", what);
}

value who(int i) {
  return erl("<0." + std::to_string(100 + i) + ".0>");
}

} // namespace

int main(int, char** arguments) {
  const std::string folder = arguments[1], scratch = arguments[2];
  const auto built = [&](const char* name) { return plugin::load(folder + "/" + name + ".so"); };
  {
    const plugin code = built("limiter");
    actor one(code, {.args = "#{burst => 2, every => 100}"_erl});
    const auto allow = "{allow, <<\"a\">>}"_erl;
    check(one.call(allow) == "true"_erl && one.call(allow) == "true"_erl, "limiter: a burst is allowed");
    check(one.call(allow) == "false"_erl, "limiter: and no more");
    check(one.call("{allow, <<\"b\">>}"_erl) == "true"_erl, "limiter: each key has its own");
    actor two = actor::restored(code, one.save());
    check(two.call(allow) == "false"_erl, "limiter: a reload gives nothing back");
    two.advance(100ms);
    check(two.call(allow) == "true"_erl, "limiter: but time does, in the new code too");
    actor three(code, {.args = "#{burst => many, every => 1}"_erl});
    check(three.status() == COPPICE_E_INVALID, "limiter: wrong arguments do not start");
  }
  {
    const plugin code = built("rooms");
    actor one(code);
    const value ann = one.serve("ann", nullptr);
    one.call(value(std::tuple(coppice::etf::atom{"join"}, std::string("hall"), ann)));
    check(one.call("{members, <<\"hall\">>}"_erl) == 1, "rooms: who joins is a member");
    check(one.call("{say, <<\"hall\">>, <<\"hi\">>}"_erl) == 1 && one.did.sent.size() == 1,
          "rooms: and hears");
    one.down(ann, atom("gone"));
    check(one.call("{members, <<\"hall\">>}"_erl) == 0, "rooms: who ends has left");
  }
  {
    const plugin code = built("store");
    const value args = erl("#{path => <<\"" + scratch + "/rows\">>}");
    {
      actor one(code, {.args = args});
      check(one.call("{put, <<\"k\">>, <<\"v\">>}"_erl) == "ok"_erl, "store: it puts");
      check(one.call("{get, <<\"x\">>}"_erl) == "not_found"_erl, "store: what is not there is not found");
      one.call("{put, <<\"a\\tb\">>, <<\"v\">>}"_erl);
      check(!one.alive(), "store: what would break a row ends it");
    }
    actor two(code, {.args = args});
    check(two.call("{get, <<\"k\">>}"_erl) == "{ok, <<\"v\">>}"_erl, "store: rows survive a restart");
  }
  {
    const plugin code = built("fanout");
    actor one(code);
    one.serve("a", [](const value&) { return response{COPPICE_OK, atom("yes")}; });
    check(one.call("{ask, [a, nobody, a], hi}"_erl) == 2, "fanout: it counts who has replied");
  }
  {
    const plugin code = built("limiter_c");
    actor one(code);
    for (int i = 0; i < 3; ++i) check(one.call("allow"_erl) == "true"_erl, "limiter_c: three are allowed");
    check(one.call("allow"_erl) == "false"_erl, "limiter_c: and no more");
    one.advance(1s);
    check(one.call("allow"_erl) == "true"_erl, "limiter_c: until a second has passed");
  }
  {
    const plugin code = built("fanout_c");
    actor one(code);
    one.cast(
        value(std::tuple(coppice::etf::atom{"publish"}, std::vector{who(1), who(2)}, std::string("news"))));
    check(one.did.sent.size() == 2, "fanout_c: each is sent it");
    one.cast("{publish, [1], news}"_erl);
    check(!one.alive() && one.did.sent.size() == 2, "fanout_c: what is no list of pids is not taken");
  }
  {
    const plugin code = built("limiter_rs");
    actor one(code);
    for (int i = 0; i < 3; ++i)
      check(one.call("{allow, {a, 1}}"_erl) == "true"_erl, "limiter_rs: three are allowed");
    check(one.call("{allow, {a, 1}}"_erl) == "false"_erl, "limiter_rs: and no more");
    one.advance(1s);
    check(one.call("{allow, {a, 1}}"_erl) == "true"_erl, "limiter_rs: until a second has passed");
  }
  {
    const plugin code = built("rooms_rs");
    actor one(code);
    const value ann = one.serve("ann", nullptr);
    check(one.call(value(std::pair(coppice::etf::atom{"join"}, ann))) == 1,
          "rooms_rs: who joins is a member");
    actor two = actor::restored(code, one.save());
    check(two.call("{say, <<\"hi\">>}"_erl) == 1 && two.did.sent.size() == 1, "rooms_rs: after a reload too");
    two.down(ann, atom("gone"));
    check(two.call("{say, <<\"hi\">>}"_erl) == 0, "rooms_rs: who ends has left");
  }
  check(live_messages() == 0, "every message is given back");
  for (const auto& each : take_complaints()) check(false, each.c_str());
  return failed;
}
