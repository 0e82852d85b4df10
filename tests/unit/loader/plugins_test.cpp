// SPDX-License-Identifier: MIT
// Tests of the bundled plugins as they are shipped: built, probed, loaded, and driven through a running
// system. Also of a plugin with a thread of its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "garden.hpp"
#include "held_clock.hpp"

using namespace coppice;
using runtime::destination;
using test::garden;
using test::term;
using test::text;

namespace {

// The next line of the diary.
std::string next_line(garden& grounds) {
  const auto lines = grounds.host.book.take(1);
  return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
}

// Notes every plain message.
class ear : public runtime::behaviour {
 public:
  explicit ear(test::diary& book) : book_(book) {}
  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process&, runtime::message m) override {
    book_.write(text(m));
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "ear"; }

 private:
  test::diary& book_;
};

std::string listen(garden& grounds, std::string name) {
  runtime::spawn_options options;
  options.name = std::move(name);
  const auto pid = grounds.host.system.spawn(std::move(options), std::make_unique<ear>(grounds.host.book));
  REQUIRE(pid.has_value());
  return runtime::to_text(*pid, grounds.host.system.nodes());
}

} // namespace

TEST_CASE("greeter greets with the word of args, else of env, else hello") {
  garden grounds;
  CHECK(grounds.grow("greeter") == "ok");
  CHECK(grounds.grow("greeter", "#{greeting => <<\"moin\">>}", "north", "#{greeting => <<\"hi\">>}") == "ok");
  CHECK(grounds.grow("greeter", "#{}", "west", "#{greeting => <<\"hi\">>}") == "ok");
  CHECK(grounds.call("greeter", "{hello, <<\"you\">>}") == "{ok,<<\"hello, you\">>}");
  CHECK(grounds.call("greeter", "{hello, \"you\"}") == "{ok,<<\"hello, you\">>}");
  CHECK(grounds.call("north", "{hello, you}") == "{ok,<<\"moin, you\">>}");
  CHECK(grounds.call("west", "{hello, <<>>}") == "{ok,<<\"hi, \">>}");
}

TEST_CASE("a call that a bundled server does not know is refused, as its class says") {
  garden grounds;
  REQUIRE(grounds.grow("greeter") == "ok");
  CHECK(grounds.call("greeter", "{goodbye, you}") ==
        "{error,{bad_request,<<\"the server takes no such request\">>}}");
  CHECK(grounds.call("greeter", "{hello, you}") == "{ok,<<\"hello, you\">>}");
}

TEST_CASE("kv does what its contract says") {
  garden grounds;
  REQUIRE(grounds.grow("kv", "#{max_entries => 3}") == "ok");
  const std::pair<const char*, const char*> talk[] = {
      {"{get, a}", "not_found"},
      {"{put, a, 1}", "ok"},
      {"{get, a}", "{ok,1}"},
      {"size", "1"},
      {"keys", "[a]"},
      {"{update_counter, a, 41}", "42"},
      {"{update_counter, b, -2}", "-2"},
      {"{put, <<\"c\">>, #{deep => [1,2,{3}]}}", "ok"},
      {"{put, d, 1}", "{error,full}"},
      {"{update_counter, d, 1}", "{error,full}"},
      {"{put, a, text}", "ok"},
      {"{update_counter, a, 1}", "{error,badarg}"},
      {"{update_counter, b, x}", "{error,badarg}"},
      {"{get, <<\"c\">>}", "{ok,#{deep => [1,2,{3}]}}"},
      {"{delete, a}", "ok"},
      {"{delete, a}", "ok"},
      {"size", "2"},
  };
  for (const auto& line : talk) CHECK_MESSAGE(grounds.call("kv", line.first) == line.second, line.first);
  grounds.cast("kv", "{put, z, 9}");
  CHECK(grounds.call("kv", "{get, z}") == "{ok,9}");
  grounds.cast("kv", "clear");
  CHECK(grounds.call("kv", "size") == "0");
}

TEST_CASE("kv's keys are the same when Erlang's =:= says so") {
  garden grounds;
  REQUIRE(grounds.grow("kv") == "ok");
  // {put, #{a => 1, b => 2}, x} with the pairs in one order, {get, …} in the other.
  const auto pair_map = [](bool turned) {
    etf::vector_writer out;
    out.map(2);
    for (const bool first : {true, false}) {
      out.atom(first != turned ? "a" : "b");
      out.integer(first != turned ? 1 : 2);
    }
    return out.take();
  };
  const auto ask = [&](std::string_view what, const std::vector<std::uint8_t>& key, bool with_value) {
    etf::vector_writer out;
    out.tuple(with_value ? 3 : 2);
    out.atom(what);
    out.raw(key);
    if (with_value) out.atom("x");
    const auto request = out.take();
    return grounds.host.run([&](runtime::process& self) {
      const auto answer = behaviours::gen::call(self, destination::named("kv"), request,
                                                base::mono_now() + 5 * base::nanos_per_second);
      return answer ? text(*answer) : std::string("no answer");
    });
  };
  CHECK(ask("put", pair_map(false), true) == "ok");
  CHECK(ask("get", pair_map(true), false) == "{ok,x}");
  CHECK(grounds.call("kv", "{put, [1,2], short}") == "ok");
  const std::vector<std::uint8_t> long_form{108, 0, 0, 0, 2, 97, 1, 97, 2, 106}; // [1,2] as LIST_EXT
  CHECK(ask("get", long_form, false) == "{ok,short}");
  CHECK(grounds.call("kv", "{get, [1,2.0]}") == "not_found");
  CHECK(grounds.call("kv", "{put, 1, int}") == "ok");
  CHECK(grounds.call("kv", "{get, 1.0}") == "not_found");
  CHECK(grounds.call("kv", "size") == "3");
}

TEST_CASE("kv shows its size to sys:get_state") {
  garden grounds;
  REQUIRE(grounds.grow("kv", "#{max_entries => 5}") == "ok");
  CHECK(grounds.host.system_request(destination::named("kv"), "get_state") ==
        "{ok,#{entries => 0,max_entries => 5}}");
}

TEST_CASE("relay passes on what a call gives, and says why there is nothing") {
  garden grounds;
  REQUIRE(grounds.grow("relay") == "ok");
  REQUIRE(grounds.grow("kv") == "ok");
  REQUIRE(grounds.grow("probe") == "ok");
  CHECK(grounds.call("relay", "{relay, kv, {put, k, v}}") == "ok");
  CHECK(grounds.call("relay", "{relay, {kv, 'test@localhost'}, {get, k}}") == "{ok,v}");
  const std::string pid = grounds.call("probe", "self");
  CHECK(grounds.call("relay", "{relay, " + pid + ", ping}") == "pong");
  CHECK(grounds.call("relay", "{relay, nobody, ping}") == "{error,noproc}");
  CHECK(grounds.call("relay", "{relay, {kv, 'other@nowhere'}, ping}") == "{error,nodedown}");
  CHECK(grounds.call("relay", "{relay, relay, ping}") == "{error,calling_self}");
  CHECK(grounds.call("relay", "{relay, 17, ping}") == "{error,badarg}");
  CHECK(grounds.call("relay", "{relay, probe, {exit, {went, away}}}") == "{error,{went,away}}");
}

TEST_CASE("relay asks a thousand in parallel") {
  garden grounds;
  REQUIRE(grounds.grow("relay") == "ok");
  constexpr int count = 1000;
  std::string names = "[";
  for (int i = 0; i < count; ++i) {
    const std::string name = "probe_" + std::to_string(i);
    REQUIRE(grounds.grow("probe", "#{}", name) == "ok");
    names += name + ",";
  }
  const std::string answer = grounds.call("relay", "{fanout, " + names + "nobody], {echo, here}}");
  CHECK(answer.starts_with("[here,here,"));
  CHECK(answer.ends_with("here,{error,noproc}]"));
  CHECK(std::ranges::count(answer, 'h') == count);
  CHECK(grounds.call("relay", "{fanout, [], ping}") == "[]");
}

TEST_CASE("probe fails in every way it is asked to") {
  garden grounds;
  const auto fresh = [&] { REQUIRE(grounds.grow("probe") == "ok"); };
  fresh();
  CHECK(grounds.call("probe", "ping") == "pong");
  CHECK(grounds.call("probe", "{echo, {any, #{t => \"erm\"}}}") == "{any,#{t => \"erm\"}}");
  CHECK(grounds.call("probe", "{sleep, 5}") == "ok");
  CHECK(grounds.call("probe", "{spin, 5}") == "ok");
  CHECK(grounds.call("probe", "segfault") == "{error,not_isolated}");
  CHECK(grounds.call("probe", "{leak, 100}") == "{error,not_isolated}");
  CHECK(grounds.call("probe", "{trap_exit, true}") == "false");
  CHECK(grounds.call("probe", "{trap_exit, false}") == "true");
  CHECK(grounds.call("probe", "{link, nobody}") == "{error,noproc}");
  CHECK(grounds.call("probe", "{monitor, nobody}").starts_with("#Ref<"));
  CHECK(grounds.call("probe", "{exit, {any, reason}}") == "!exit {any,reason}");
  fresh();
  CHECK(grounds.call("probe", "{exit, normal}") == "!exit normal");
  fresh();
  CHECK(grounds.call("probe", "throw") == "!exit {exception,'std::runtime_error',<<\"thrown on request\">>}");
}

TEST_CASE("probe tells its subscriber what it hears and why it ends") {
  garden grounds;
  REQUIRE(grounds.grow("probe") == "ok");
  REQUIRE(grounds.grow("probe", "#{}", "second") == "ok");
  const std::string pid = listen(grounds, "ear");
  CHECK(grounds.call("probe", "{subscribe, " + pid + "}") == "ok");
  const std::string reference = grounds.call("probe", "{monitor, second}");
  const std::string second = grounds.call("second", "self");
  grounds.host.system.send(destination::named("probe"), term("{plain, message}"));
  CHECK(next_line(grounds) == "{info,{plain,message}}");
  CHECK(grounds.call("second", "{exit, over}") == "!exit over");
  CHECK(next_line(grounds) == "{info,{'DOWN'," + reference + ",process,{second,test@localhost},over}}");
  CHECK(grounds.call("probe", "{exit, done}") == "!exit done");
  CHECK(next_line(grounds) == "{terminate,done}");
}

TEST_CASE("probe spawns linked actors of any plugin, and hears why one does not start") {
  garden grounds;
  REQUIRE(grounds.grow("probe") == "ok");
  REQUIRE(grounds.loads.load_for("ticker").has_value());
  const std::string pid = listen(grounds, "ear");
  CHECK(grounds.call("probe", "{trap_exit, true}") == "false");
  CHECK(grounds.call("probe", "{subscribe, " + pid + "}") == "ok");
  const std::string started = grounds.call("probe", "{spawn_link, ':probe', #{}}");
  REQUIRE(started.starts_with("{ok,<"));
  const std::string child = started.substr(4, started.size() - 5);
  grounds.host.system.exit(grounds.host.run([&](runtime::process& self) {
    auto& names = self.host().nodes();
    const auto encoded = term(child);
    etf::cursor at(encoded.bytes());
    return *runtime::read_pid(at, names);
  }),
                           term("cut"));
  CHECK(next_line(grounds) == "{info,{'EXIT'," + child + ",cut}}");
  const std::string failed = grounds.call("probe", "{spawn_link, ticker, #{to => <<\"x\">>}}");
  CHECK_MESSAGE(failed.starts_with("{error,{badarg,<<\"args:"), failed);
  CHECK(grounds.call("probe", "{spawn_link, <<\"nothing:here\">>, #{}}").starts_with("{error,"));
}

TEST_CASE("an actor killed while its handler waits is gone at once, and its stack unwinds") {
  garden grounds;
  REQUIRE(grounds.grow("probe") == "ok");
  const auto pid = *grounds.host.system.whereis("probe");
  grounds.host.system.send(destination::named("probe"),
                           term("{'$gen_call', {<0.1.0>, tag}, {sleep, 60000}}"));
  const std::string reason = grounds.host.run([&](runtime::process& self) {
    const auto ref = self.monitor(pid, true);
    while (self.host().info(pid)->summary.status != runtime::process_status::parked)
      coppice::test::pause(std::chrono::milliseconds(1)), self.yield();
    self.exit(pid, runtime::message::atom("kill"));
    const auto answer = self.await(ref);
    return answer ? std::string("?") : text(answer.error().reason);
  });
  CHECK(reason == "killed");
  CHECK(!grounds.host.system.whereis("probe"));
  CHECK(grounds.host.system.stop());
  CHECK(grounds.loads.unload().empty());
}

TEST_CASE("ticker counts from one") {
  garden grounds;
  listen(grounds, "ear");
  REQUIRE(grounds.grow("ticker", "#{to => <<\"ear\">>, every => 2}") == "ok");
  auto lines = grounds.host.book.take(3);
  REQUIRE(lines.size() >= 3);
  lines.resize(3);
  CHECK(lines == std::vector<std::string>{"{tick,1}", "{tick,2}", "{tick,3}"});
}

TEST_CASE("what a thread of a plugin posts arrives in order") {
  test::workshop shop;
  shop.put("herald", "herald");
  garden grounds(shop);
  listen(grounds, "ear");
  REQUIRE(grounds.grow("herald") == "ok");
  constexpr std::size_t count = 2000;
  CHECK(grounds.call("herald", "{announce, 2000}") == "ok");
  const auto lines = grounds.host.book.take(count);
  REQUIRE(lines.size() == count);
  for (std::size_t i = 0; i < count; ++i) CHECK(lines[i] == "{news," + std::to_string(i + 1) + "}");
}

TEST_CASE("a post to an actor that has ended says noproc, and an open handle holds the plugin") {
  test::workshop shop;
  shop.put("herald", "herald");
  garden grounds(shop);
  listen(grounds, "ear");
  REQUIRE(grounds.grow("herald") == "ok");
  CHECK(grounds.call("herald", "chatter") == "ok");
  const auto heard = grounds.host.book.take(1); // and whatever else has come by then
  REQUIRE_FALSE(heard.empty());
  CHECK(heard[0] == "{news,0}");
  CHECK(grounds.loads.loaded()[0].in_use >= 2);
  const auto pid = *grounds.host.system.whereis("herald");
  grounds.host.system.exit(pid, term("kill"));
  // Its thread ends when a post returns noproc, and its state joins the thread: otherwise stop() would not
  // return.
  CHECK(grounds.host.system.stop());
  CHECK(grounds.loads.unload().empty());
}
