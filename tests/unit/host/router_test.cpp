// SPDX-License-Identifier: MIT
// Tests of a plugin's router whose callbacks are written here: where calls, casts and messages go, which
// answers come back, each kind of failure, and which host calls are allowed in which callback.
#include "host/actors/router.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "behaviours/gen/config_change.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

const coppice_router_api& routes = *host::router::host_interface();

struct router_script {
  std::function<std::int32_t(coppice_actor*, const coppice_routed*)> route, failed;
};
router_script acts;

coppice_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string shown(coppice_bytes term) {
  return text(runtime::message::copy_of({term.data, static_cast<std::size_t>(term.size)}));
}
std::string string_of(coppice_bytes of) {
  return {reinterpret_cast<const char*>(of.data), static_cast<std::size_t>(of.size)};
}

const coppice_router router_table = [] {
  coppice_router table{};
  table.size = sizeof table;
  table.route = [](coppice_actor* self, void*, const coppice_routed* what) { return acts.route(self, what); };
  table.failed = [](coppice_actor* self, void*, const coppice_routed* what) {
    return acts.failed ? acts.failed(self, what) : COPPICE_OK;
  };
  return table;
}();
const coppice_table router_tables[] = {{COPPICE_LIFECYCLE_1, &full_lifecycle},
                                       {COPPICE_ROUTER_DRAFT_2, &router_table},
                                       {COPPICE_SERVER_1, &full_server},
                                       {nullptr, nullptr}};
const coppice_actor_type front_type = {
    sizeof(coppice_actor_type), 0, "front", "router", router_tables, nullptr};

// `there` is the server of scripted.hpp; `nowhere` names no process.
constexpr std::string_view two_routes = "[{<<\"there\">>, scripted}, {<<\"nowhere\">>, nobody}]";

std::string start_front(test::stage& set, const std::string& head, std::string_view list = two_routes) {
  acts = {};
  auto plan = set.plan(front_type);
  plan.options = term("{" + head + ", " + std::string(list) + "}");
  return set.start(std::move(plan));
}

std::string call_front(test::stage& set, std::string_view request) {
  return set.host.call(destination::named("front"), request);
}

// Chooses the route that the first element of the message names: {RouteName, …}.
std::int32_t by_tag(coppice_actor* self, const coppice_routed* what) {
  etf::cursor at({what->content.data, static_cast<std::size_t>(what->content.size)});
  std::uint32_t arity = 0;
  std::string_view name;
  if (!at.read_tuple(arity) || !at.read_atom(name)) return COPPICE_OK;
  if (name == "drop") return routes.discard(self);
  CHECK(routes.to_route(self, bytes_of(name)) == COPPICE_OK);
  return COPPICE_OK;
}

std::string engine_of(test::stage& set) {
  const auto pid = *set.host.system.whereis("front");
  return set.host.run([&](runtime::process& self) {
    const auto shown = behaviours::ask_shown_state(self, pid, base::mono_now() + 10 * base::nanos_per_second);
    return shown.engine ? text(shown.engine) : std::string("none");
  });
}

} // namespace

TEST_CASE("a call goes to the route it is told, and the answer to who asked") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
    return answer(self, from, "{got, " + shown(m) + "}");
  };
  REQUIRE(start_front(set, "reply, infinity, 10") == "ok");
  acts.route = by_tag;
  CHECK(call_front(set, "{there, 1}") == "{got,{there,1}}");
  CHECK(call_front(set, "{there, [a,b]}") == "{got,{there,[a,b]}}");
}

TEST_CASE("a client's call stays one behind a router, and on its own") {
  test::stage set;
  auto plan = set.plan(bare_type);
  REQUIRE(set.start(std::move(plan)) == "ok");
  REQUIRE(start_front(set, "reply, infinity, 10", "[{<<\"there\">>, bare}]") == "ok");
  acts.route = by_tag;
  const std::string refused = "{error,{bad_request,<<\"the server takes no such request\">>}}";
  CHECK(set.host.call_of_client(destination::named("front"), "{there, 1}") == refused);
  CHECK(set.host.system.whereis("bare").has_value());
  CHECK(call_front(set, "{there, 1}").find("bad_call") != std::string::npos);
}

TEST_CASE("what it says nothing about is its own, and casts and messages go on as they came") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    return answer(self, from, "own");
  };
  REQUIRE(start_front(set, "reply, infinity, 10") == "ok");
  set.lines(2); // the lines of both inits
  acts.route = by_tag;
  CHECK(call_front(set, "plain") == "own");
  const auto to_front = [&](std::string_view m) {
    set.host.system.send(destination::named("front"), term(m));
  };
  to_front("{'$gen_cast', {there, c}}");
  CHECK(set.lines(1) == strings{"cast {there,c}"});
  to_front("{there, i}");
  CHECK(set.lines(1) == strings{"info {there,i}"});
  to_front("{drop, x}");
  to_front("mine");
  CHECK(set.lines(1) == strings{"info mine"});
}

TEST_CASE("each way of failing ends the call with its reason") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor*, const coppice_message* m, coppice_bytes) {
    return shown(m) == "{there,stop}" ? COPPICE_STOP : COPPICE_OK; // any other call gets no answer
  };
  REQUIRE(start_front(set, "reply, 200000000, 1") == "ok");
  acts.route = by_tag;
  CHECK(call_front(set, "{nowhere, 1}") == "{error,{not_routed,<<\"nowhere\">>,noproc}}");
  CHECK(call_front(set, "{there, late}") == "{error,{not_routed,<<\"there\">>,timeout}}");
  CHECK(call_front(set, "{there, stop}").starts_with("{error,{not_routed,<<\"there\">>,"));
  CHECK(call_front(set, "{there, 2}") == "{error,{not_routed,<<\"there\">>,noproc}}");
}

TEST_CASE("no more calls wait at once than may, and a router does not go round in circles") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor*, const coppice_message*, coppice_bytes) { return COPPICE_OK; }; // unanswered
  REQUIRE(start_front(set, "reply, infinity, 1", "[{<<\"there\">>, scripted}, {<<\"back\">>, front}]") ==
          "ok");
  acts.route = by_tag;
  CHECK(call_front(set, "{back, 1}") == "{error,{not_routed,<<\"back\">>,loop}}");
  set.host.run([&](runtime::process& self) {
    const auto asked = behaviours::gen::start_call(self, destination::named("front"), term("{there, held}"));
    REQUIRE(asked.has_value());
    const auto second =
        behaviours::gen::call(self, destination::named("front"), term("{there, 2}"), runtime::no_deadline);
    CHECK(text(second.value()) == "{error,{not_routed,<<\"there\">>,overloaded}}");
    CHECK_FALSE(self.answered(*asked));
    return 0;
  });
}

TEST_CASE("failed() may send it elsewhere, at most eight times") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    return answer(self, from, "second");
  };
  REQUIRE(start_front(set, "callback, infinity, 10") == "ok");
  set.lines(2);
  acts.route = by_tag;
  acts.failed = [](coppice_actor* self, const coppice_routed* what) {
    note(string_of(what->route) + " " + ::shown(what->reason));
    return routes.to_route(self, bytes_of("there"));
  };
  CHECK(call_front(set, "{nowhere, 1}") == "second");
  CHECK(set.lines(1) == strings{"nowhere noproc"});
  set.host.system.send(destination::named("front"), term("{nowhere, m}"));
  CHECK(set.lines(2) == strings{"nowhere noproc", "info {nowhere,m}"});
  acts.failed = [](coppice_actor* self, const coppice_routed*) {
    note("again");
    return routes.to_route(self, bytes_of("nowhere"));
  };
  CHECK(call_front(set, "{nowhere, 1}") == "{error,{not_routed,<<\"nowhere\">>,noproc}}");
  CHECK(set.lines(7).size() == 7);
  acts.failed = {};
  CHECK(call_front(set, "{nowhere, 1}") == "{error,{not_routed,<<\"nowhere\">>,noproc}}");
}

TEST_CASE("with drop nobody hears of it, and all is counted") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    return answer(self, from, "yes");
  };
  REQUIRE(start_front(set, "drop, infinity, 10") == "ok");
  acts.route = by_tag;
  set.host.run([&](runtime::process& self) {
    for (const char* lost : {"{nowhere, 1}", "{drop, 1}"}) {
      const auto asked = behaviours::gen::start_call(self, destination::named("front"), term(lost));
      REQUIRE(asked.has_value());
      CHECK(text(behaviours::gen::call(self, destination::named("front"), term("{there, 1}"),
                                       runtime::no_deadline)
                     .value()) == "yes");
      CHECK_FALSE(self.answered(*asked));
    }
    return 0;
  });
  const std::string engine = engine_of(set);
  CHECK_MESSAGE(engine.starts_with("#{kind => router,pending => "), engine);
  INFO(engine);
  CHECK(engine.find("discarded => 1") != std::string::npos);
  CHECK(engine.find("pending => 0") != std::string::npos);
  CHECK(engine.find("on_failed => drop") != std::string::npos);
}

TEST_CASE("other options hold from then on; what waits and what was counted is kept") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  play.call = [](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
    return shown(m) == "{there,held}" ? COPPICE_OK : answer(self, from, shown(m));
  };
  REQUIRE(start_front(set, "reply, infinity, 1") == "ok");
  acts.route = by_tag;
  const auto change = [&](runtime::process& self, std::string_view to) {
    const auto options = to.empty() ? runtime::message() : term(to);
    return text(behaviours::change_options(self, *set.host.system.whereis("front"), options));
  };
  set.host.run([&](runtime::process& self) {
    const auto asked = behaviours::gen::start_call(self, destination::named("front"), term("{there, held}"));
    REQUIRE(asked.has_value());
    CHECK(change(self, "{drop, 1, 2, [{<<\"there\">>, {no, place, at, all}}]}") == "{error,bad_options}");
    CHECK(change(self, "{reply, infinity, 2, [{<<\"there\">>, scripted}, {<<\"new\">>, scripted}]}") == "ok");
    const auto call = [&](std::string_view request) {
      const auto to = destination::named("front");
      return text(behaviours::gen::call(self, to, term(request), runtime::no_deadline).value());
    };
    CHECK(call("{new, 1}") == "{new,1}"); // the bound is two calls now
    CHECK(change(self, "{reply, infinity, 1, []}") == "ok");
    CHECK_FALSE(self.answered(*asked));
    return 0;
  });
  std::string engine = engine_of(set);
  CHECK(engine.find("pending => 1") != std::string::npos);
  CHECK(engine.find("routes => []") != std::string::npos);
  CHECK(set.host.run([&](runtime::process& self) {
    return change(self, "{callback, 1000000000, 5, [{<<\"new\">>, scripted}]}");
  }) == "ok");
  acts.failed = [](coppice_actor*, const coppice_routed* what) {
    return note(string_of(what->route) + " " + ::shown(what->reason));
  };
  set.lines(2);
  const auto callee = *set.host.system.whereis("scripted");
  set.host.system.exit(callee, term("kill"));
  auto told = set.lines(2); // a line of the router and one of the killed server
  std::ranges::sort(told);
  CHECK(told == strings{"destroy", "there killed"}); // the waiting call, by its former route
  CHECK(call_front(set, "{new, 1}") == "{error,{not_routed,<<\"new\">>,noproc}}");
  CHECK(set.host.run([&](runtime::process& self) { return change(self, ""); }) == "ok"); // default options
  CHECK(engine_of(set).find("on_failed => reply") != std::string::npos);
}

TEST_CASE("a server that is no router has no options to change") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  CHECK(set.host.run([&](runtime::process& self) {
    return text(behaviours::change_options(self, *set.host.system.whereis("scripted"), term("{a, b}")));
  }) == "unhandled");
}

TEST_CASE("where a message goes is said in its callback alone, and to what there is") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  REQUIRE(start_front(set, "reply, infinity, 10") == "ok");
  set.lines(2);
  acts.route = [](coppice_actor* self, const coppice_routed* what) {
    CHECK(what->size == sizeof(coppice_routed));
    CHECK(routes.to_route(self, bytes_of("unknown")) == COPPICE_E_INVALID);
    CHECK(routes.to_route(self, {}) == COPPICE_E_INVALID);
    CHECK(routes.to(self, {}) == COPPICE_E_INVALID);
    const auto number = term("17");
    CHECK(routes.to(self, {number.bytes().data(), number.size()}) == COPPICE_E_INVALID);
    const auto name = term("scripted");
    if (what->kind == COPPICE_ROUTED_CAST)
      CHECK(routes.to(self, {name.bytes().data(), name.size()}) == COPPICE_OK);
    return COPPICE_OK;
  };
  play.info = [](coppice_actor* self, const coppice_message*) {
    CHECK(routes.discard(self) == COPPICE_E_CONTEXT);
    CHECK(routes.to_route(self, bytes_of("there")) == COPPICE_E_CONTEXT);
    return note("tried");
  };
  set.host.system.send(destination::named("front"), term("own"));
  CHECK(set.lines(1) == strings{"tried"});
  set.host.system.send(destination::named("front"), term("{'$gen_cast', on}"));
  CHECK(set.lines(1) == strings{"cast on"});
  CHECK(routes.discard(nullptr) == COPPICE_E_INVALID);
}

TEST_CASE("a route() that fails ends the actor, and one that takes nothing leaves it to the actor") {
  test::stage set;
  REQUIRE(set.start() == "ok");
  REQUIRE(start_front(set, "reply, infinity, 10") == "ok");
  set.lines(2);
  acts.route = [](coppice_actor* self, const coppice_routed*) {
    (void)routes.discard(self);
    return COPPICE_UNHANDLED;
  };
  set.host.system.send(destination::named("front"), term("own"));
  CHECK(set.lines(1) == strings{"info own"});
  acts.route = [](coppice_actor*, const coppice_routed*) { return COPPICE_E_INVALID; };
  set.host.system.send(destination::named("front"), term("bad"));
  CHECK(set.lines(2).front().starts_with("terminate"));
}

TEST_CASE("options that are none end it at once") {
  test::stage set;
  CHECK(start_front(set, "reply, 1", "[]").find("bad_options") != std::string::npos);
}
