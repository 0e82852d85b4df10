// SPDX-License-Identifier: MIT
// The unit tests of the bundled plugins, without a node: they check what each page under plugins/ promises.
#include <doctest/doctest.h>
#include <coppice/testing.hpp>

#include <coppice/testing/erlang.hpp>

#include "places.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

response refuses() {
  return {COPPICE_E_INVALID, atom("badopt")};
}

plugin bundled(const std::string& name) {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/" + name + ".so");
}

} // namespace

TEST_CASE("greeter takes its word from args, then env, then says hello, and leaks nothing") {
  const plugin greeters = bundled("greeter");
  const auto before = live_messages();
  {
    actor one(greeters,
              {.args = "#{greeting => <<\"moin\">>}"_erl, .env = "#{greeting => <<\"servus\">>}"_erl});
    CHECK(one.call("{hello, <<\"you\">>}"_erl) == "{ok, <<\"moin, you\">>}"_erl);
    actor two(greeters, {.env = "#{other => [1, {2}], greeting => <<\"servus\">>}"_erl});
    CHECK(two.call("{hello, you}"_erl) == "{ok, <<\"servus, you\">>}"_erl);
    actor three(greeters);
    CHECK(three.call("{hello, \"you\"}"_erl) == "{ok, <<\"hello, you\">>}"_erl);
    CHECK(three.call("{hello, 7}"_erl) ==
          "{error, {bad_request, <<\"the server takes no such request\">>}}"_erl);
  }
  CHECK(live_messages() == before);
  CHECK(take_complaints().empty());
}

TEST_CASE("kv keeps any term, counts, and refuses what is over its bound") {
  const plugin tables = bundled("kv");
  actor one(tables, {.args = "#{max_entries => 2}"_erl});
  CHECK(one.call("{put, #{b => 1, a => 2}, first}"_erl) == "ok"_erl);
  CHECK(one.call("{get, #{a => 2, b => 1}}"_erl) == "{ok, first}"_erl);
  CHECK(one.call("{get, absent}"_erl) == "not_found"_erl);
  CHECK(one.call("{update_counter, hits, 3}"_erl) == 3);
  CHECK(one.call("{update_counter, hits, -1}"_erl) == 2);
  CHECK(one.call("{update_counter, hits, x}"_erl) == "{error, badarg}"_erl);
  CHECK(one.call("{put, third, 1}"_erl) == "{error, full}"_erl);
  one.cast("{put, third, 1}"_erl);
  CHECK(one.call("size"_erl) == 2);
  CHECK(one.config_change("#{max_entries => 3}"_erl) == COPPICE_OK);
  CHECK(one.call("{put, third, 1}"_erl) == "ok"_erl);
  CHECK(one.call("{delete, third}"_erl) == "ok"_erl);
  one.cast("clear"_erl);
  CHECK(one.call("keys"_erl) == "[]"_erl);
}

TEST_CASE("kv stores nothing that no other node could be told") {
  const plugin tables = bundled("kv");
  actor one(tables);
  const auto of_bytes = [](std::initializer_list<std::uint8_t> put) {
    return value::of(coppice::etf::bytes(put.begin(), put.size()));
  };
  // {put, a, #{1 => [], 1 => []}} and {put, #{1 => [], 1 => []}, a}
  const auto as_value =
      of_bytes({104, 3, 119, 3, 'p', 'u', 't', 119, 1, 'a', 116, 0, 0, 0, 2, 97, 1, 106, 97, 1, 106});
  const auto as_key =
      of_bytes({104, 3, 119, 3, 'p', 'u', 't', 116, 0, 0, 0, 2, 97, 1, 106, 97, 1, 106, 119, 1, 'a'});
  CHECK(one.call(as_value) == "{error, badarg}"_erl);
  CHECK(one.call(as_key) == "{error, badarg}"_erl);
  one.cast(as_value);
  one.cast(as_key);
  CHECK(one.call("size"_erl) == 0);
}

TEST_CASE("kv's entries survive a reload, its bound comes from the new arguments") {
  const plugin tables = bundled("kv");
  actor old(tables);
  old.call("{put, k, {any, [\"term\", #{}]}}"_erl);
  const saved_state saved = old.save();
  CHECK(saved.version == 1);
  actor next = actor::restored(tables, saved, {.args = "#{max_entries => 1}"_erl});
  CHECK(next.call("{get, k}"_erl) == "{ok, {any, [\"term\", #{}]}}"_erl);
  CHECK(next.call("{put, other, 1}"_erl) == "{error, full}"_erl);
  actor other = actor::restored(tables, {saved.status, 2, saved.term});
  CHECK(other.status() == COPPICE_E_VERSION);
}

TEST_CASE("kv counts its operations, those of a former version with them") {
  const plugin tables = bundled("kv");
  const auto gets = [] { return metric("operations", {{"operation", "get"}}); };
  const auto puts = [] { return metric("operations", {{"operation", "put"}}); };
  const std::int64_t gets_before = gets();
  const std::int64_t puts_before = puts();
  actor one(tables);
  one.call("{get, a}"_erl);
  one.call("{put, a, 1}"_erl);
  one.cast("{put, b, 1}"_erl);
  actor next = actor::restored(tables, one.save());
  next.call("{get, a}"_erl);
  CHECK(gets() == gets_before + 2);
  CHECK(puts() == puts_before + 2);
  CHECK(next.did.complaints.empty());
}

TEST_CASE("relay passes on what those it calls do") {
  const plugin relays = bundled("relay");
  actor one(relays, {.name = "relay"});
  one.serve("kv", [](const value& request) {
    return replies(std::pair(coppice::etf::atom{"got"}, request.term()));
  });
  one.serve("weak", [](const value&) { return exits("{went, away}"_erl); });
  one.serve("slow", [](const value&) { return silence(); });
  const value far = one.serve("kv@far", [](const value&) { return replies("far"_erl); });
  CHECK(one.call("{relay, kv, {put, 1}}"_erl) == "{got, {put, 1}}"_erl);
  CHECK(one.call("{relay, {kv, far}, x}"_erl) == "far"_erl);
  CHECK(one.call(erl("{relay, " + text(far) + ", x}")) == "far"_erl);
  CHECK(one.call("{relay, weak, x}"_erl) == "{error, {went, away}}"_erl);
  CHECK(one.call("{relay, nobody, x}"_erl) == "{error, noproc}"_erl);
  CHECK(one.call("{relay, {kv, lost}, x}"_erl) == "{error, nodedown}"_erl);
  CHECK(one.call("{relay, relay, x}"_erl) == "{error, calling_self}"_erl);
  CHECK(one.call("{relay, 17, x}"_erl) == "{error, badarg}"_erl);
  const auto before = one.now();
  CHECK(one.call("{relay, slow, x}"_erl) == "{error, timeout}"_erl);
  CHECK(one.now() - before == 5s);
  CHECK(one.call("{fanout, [kv, nobody, weak], q}"_erl) ==
        "[{got, q}, {error, noproc}, {error, {went, away}}]"_erl);
}

TEST_CASE("ticker counts from one, does not drift, and leaves out what it missed") {
  const plugin tickers = bundled("ticker");
  actor one(tickers, {.args = "#{to => <<\"ear@far\">>, every => 100}"_erl});
  one.advance(350ms);
  REQUIRE(one.did.sent.size() == 3);
  CHECK(one.did.sent[0].to == "{ear, far}"_erl);
  CHECK(one.did.sent[2].term == "{tick, 3}"_erl);
  CHECK(one.timers().at(0).due - one.now() == 50ms);

  // A reload keeps the count and the period.
  actor next = actor::restored(tickers, one.save(), {.args = "#{to => <<\"ear\">>, every => 100}"_erl});
  next.advance(50ms);
  CHECK(next.did.sent.at(0).to == "ear"_erl);
  CHECK(next.did.sent.at(0).term == "{tick, 4}"_erl);
  CHECK(next.timers().size() == 1);
}

TEST_CASE("probe fails as asked and reports to its subscriber") {
  const plugin probes = bundled("probe");
  actor one(probes);
  CHECK(one.call("ping"_erl) == "pong"_erl);
  CHECK(one.call("self"_erl) == one.pid());
  CHECK(one.call("{subscribe, ear}"_erl) == "ok"_erl);
  one.send("{any, thing}"_erl);
  CHECK(one.did.sent.at(0).term == "{info, {any, thing}}"_erl);
  CHECK_FALSE(one.call("{exit, {went, away}}"_erl));
  CHECK(one.reason() == "{went, away}"_erl);
  CHECK(one.did.sent.at(1).term == "{terminate, {went, away}}"_erl);
}

TEST_CASE("probe spawns on other nodes, which answer as the test says") {
  const plugin probes = bundled("probe");
  actor one(probes);
  const value request = "{spawn_at, 'b@h', timer, sleep, [9], [link, monitor, {priority, high}], 200}"_erl;
  CHECK(one.call(request) == "{error, nodedown}"_erl);
  one.serve_spawns([](const remote_child& asked) {
    return asked.module == "timer" ? replies({}) : asked.args == "[kv, #{}]"_erl ? silence() : refuses();
  });
  CHECK(one.call(request));
  REQUIRE(one.did.remote_children.size() == 1);
  const remote_child& made = one.did.remote_children[0];
  CHECK(made.node == "b@h");
  CHECK(made.function == "sleep");
  CHECK(made.args == "[9]"_erl);
  CHECK(made.options == "[{priority, high}]"_erl);
  CHECK((made.linked && made.monitored));
  CHECK(one.links().contains(made.pid));
  CHECK(one.call("{spawn_at, 'b@h', m, f, [], [], 200}"_erl) == "{error, badopt}"_erl);
  CHECK(one.call("{spawn_actor_at, 'b@h', kv, #{}, [], 200}"_erl) == "{error, timeout}"_erl);
}

TEST_CASE("probe sends, casts, links, monitors and exits with the flags it is asked for") {
  const plugin probes = bundled("probe");
  actor one(probes);
  const value ear = "#Pid<'ear@far'.1.2.3>"_erl;
  const auto asks = [&](const char* request) {
    std::string text_of_it = request;
    text_of_it.replace(text_of_it.find("Ear"), 3, text(ear));
    return one.call(erl(text_of_it)).reply();
  };
  CHECK(asks("{send, Ear, x, [no_connect]}") == "nodedown"_erl);
  one.connect("ear@far");
  CHECK(asks("{send, Ear, x, [priority, no_connect, no_wait]}") == "ok"_erl);
  CHECK(one.did.sent.at(0).flags == (COPPICE_PRIORITY | COPPICE_NO_CONNECT | COPPICE_NO_WAIT));
  CHECK(asks("{send, Ear, x, [once]}") == "notsup"_erl);
  CHECK(asks("{cast, Ear, x, [no_wait]}") == "ok"_erl);
  CHECK(one.did.sent.at(1).is_cast);
  CHECK(asks("{exit, Ear, why, [priority]}") == "ok"_erl);
  CHECK(one.did.exits.at(0).flags == COPPICE_PRIORITY);
  CHECK(asks("{link, Ear, [priority]}") == "ok"_erl);
  CHECK(one.links().at(ear) == COPPICE_PRIORITY);
  const value reference = asks("{monitor, Ear, #{flags => [priority], alias => demonitor, tag => lost}}");
  const monitored& watched = one.monitors().at(reference);
  CHECK(watched.flags == COPPICE_PRIORITY);
  CHECK(watched.alias == COPPICE_ALIAS_DEMONITOR);
  CHECK(watched.tag == "lost"_erl);
  CHECK(one.call(std::pair(coppice::etf::atom{"demonitor"}, reference)) == "true"_erl);
}

TEST_CASE("probe's aliases bring messages until they are given back") {
  const plugin probes = bundled("probe");
  actor one(probes);
  const value alias = one.call("{alias, [priority]}"_erl).reply();
  const value once = one.call("{alias, [once]}"_erl).reply();
  CHECK(one.call("{alias, [no_wait]}"_erl) == "{error, badarg}"_erl);
  one.call("{subscribe, ear}"_erl);
  CHECK(one.send(alias, "x"_erl, COPPICE_PRIORITY));
  CHECK(one.did.sent.at(0).term == "{info, x}"_erl);
  CHECK(one.send(once, "y"_erl));
  CHECK_FALSE(one.send(once, "y"_erl));
  CHECK(one.call(std::pair(coppice::etf::atom{"unalias"}, alias)) == "true"_erl);
  CHECK(one.call(std::pair(coppice::etf::atom{"unalias"}, alias)) == "false"_erl);
}

TEST_CASE("probe's timer sends to it again and again") {
  const plugin probes = bundled("probe");
  actor one(probes);
  one.call("{subscribe, ear}"_erl);
  const value id = one.call("{every, 100, ring}"_erl).reply();
  one.advance(250ms);
  CHECK(one.did.sent.size() == 2);
  CHECK(one.did.sent.at(0).term == "{info, ring}"_erl);
  CHECK(one.call(std::pair(coppice::etf::atom{"cancel_timer"}, id)) == "true"_erl);
}

TEST_CASE("probe's subscriber survives a reload") {
  const plugin probes = bundled("probe");
  actor old(probes);
  actor without = actor::restored(probes, old.save());
  without.send("{any, thing}"_erl);
  CHECK(without.did.sent.empty());
  old.call("{subscribe, ear}"_erl);
  actor next = actor::restored(probes, old.save());
  next.send("{any, thing}"_erl);
  CHECK(next.did.sent.at(0).to == "ear"_erl);
}
