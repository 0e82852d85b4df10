// SPDX-License-Identifier: MIT
// Counts the work that requests of another node cause in the services, in steps (counted_steps.hpp). A
// generator walks the services' own tables of requests (request_examples.hpp) with terms and lists of 10 KB
// to 1 MB. The steps of a request are bounded for each of its bytes, and no other process on the same worker
// waits longer than a turn's budget. A request of a table without an example fails the test.
//
// The peer is a socket that reads everything and sends nothing. The clock is not held, since a node's start
// and end wait for it; the timers that fire meanwhile cost so little that `always` covers them.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "counted_steps.hpp"
#include "large_terms.hpp"
#include "request_examples.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/find_processes.hpp"
#include "seeded_dice.hpp"
#include "services/events/event_service.hpp"
#include "services/global/name_server.hpp"
#include "services/io/user.hpp"
#include "services/net_kernel.hpp"
#include "services/observer/appmon_info.hpp"
#include "services/pg/scope.hpp"
#include "services/rpc/erpc.hpp"
#include "services/rpc/rex.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using behaviours::peer_request;
using runtime::destination;
using runtime::message;
using runtime::pid;
using runtime::process;
using form = behaviours::gen::request::kind;

namespace {

constexpr std::array<std::size_t, 3> sizes{10'000, 100'000, 300'000}; // bytes
// Bytes of the one longest term for each example. A service that read it in one turn, at 12 steps a byte or
// more, would exceed most_a_turn.
constexpr std::size_t longest = 1'000'000;
// Steps of a request that do not depend on its size: an answer, a log line, work of the connection.
constexpr std::uint64_t always = 400'000;
constexpr std::uint64_t most_a_byte = 200;
// A turn reads usual_turn_reductions entries; portions.hpp says what an entry is.
constexpr std::uint64_t most_a_turn = 1000 * std::uint64_t{runtime::usual_turn_reductions};
// A request that is not done after that time never ends.
constexpr base::nanos patience_of_request = 60 * base::nanos_per_second;

struct cost {
  std::uint64_t all = 0;  // steps until all is done
  std::uint64_t turn = 0; // the most steps between two turns of a bystander
  bool ended = true;
};

// Suppresses log lines below errors during its lifetime, because peers cause many of them.
struct quiet_log {
  quiet_log() { base::log::set_level(base::log::level::error); }
  ~quiet_log() { base::log::set_level(before); }
  quiet_log(const quiet_log&) = delete;
  quiet_log& operator=(const quiet_log&) = delete;

 private:
  const base::log::level before = base::log::current_level();
};

// An actor that answers any call.
struct answering : behaviours::native_server {
  answering() : native_server("answering") {}
  call_answer handle_call(process&, const message&, const message&) override {
    return reply(message::atom("ok"));
  }
};
struct answering_actors : runtime::actor_factory {
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec&) override {
    return std::make_unique<answering>();
  }
};

services::options chosen() {
  services::options out;
  out.rpc = {"info", "observer", "env", "mod:fun/1 => demo:answering"};
  out.pg = {"pg"};
  return out;
}

// A node with one worker and a connected peer, in whose name requests are sent to the services.
struct site : node_and_peer {
  site() : node_and_peer(chosen(), 1), x(a.port) {
    a.host.set_factory(&actors);
    REQUIRE(x.shake_hands("x@127.0.0.1", "a@127.0.0.1"));
    reader = std::thread([fd = x.fd()] {
      std::array<char, 1 << 16> taken;
      while (::recv(fd, taken.data(), taken.size(), 0) > 0) {
      }
    });
    REQUIRE(eventually([&] { return connected(); }));
    // After these answers the services have done their work for the new node.
    ask(bystander, destination::named("pg"), message::atom("which_groups"));
    ask(bystander, destination::named("global_name_server"), message::atom("get_synced"));
    REQUIRE(a.host.spawn({.name = "appmon_info"}, appmon()));
    auto made = services::functions::make(a.router, chosen().rpc, {"shop"}, chosen().pg);
    REQUIRE(made);
    spawn = services::remote_spawns(a.host, a.router,
                                    std::make_shared<const services::functions>(std::move(*made)), {});
  }
  ~site() {
    ::shutdown(x.fd(), SHUT_RDWR);
    reader.join();
  }
  bool connected() const { return !a.router.nodes(runtime::remote_router::which::visible).empty(); }
  std::unique_ptr<services::appmon_info> appmon() const {
    bool tell = false;
    return std::make_unique<services::appmon_info>(peer, *calls.begin(peer.node, tell));
  }

  // The steps of the worker until the service waits and every process that it started for the request has
  // ended.
  cost of(const std::string& service, const message& m) {
    const auto who = a.host.whereis(service);
    REQUIRE(who);
    return until(
        [this, who = *who](std::uint64_t before) { return is_waiting(who) && processes() <= before; },
        [this, &service, &m] { deliver(service, m); });
  }
  // The steps of a process that erpc starts for a peer.
  cost of_spawn(const message& arguments) {
    dist::spawn_request asked;
    asked.from = peer;
    asked.group_leader = peer;
    asked.module = "erpc";
    asked.function = "execute_call";
    asked.arity = 4;
    asked.arguments = arguments;
    return until([this](std::uint64_t before) { return processes() <= before; },
                 [this, &asked] { REQUIRE(spawn(asked)); });
  }

  actor bystander{a.host};
  std::size_t sent = 0; // bytes of requests

 private:
  template <class Done, class Begin>
  cost until(Done done, Begin begin) {
    return bystander.run([&](process& self) {
      const std::uint64_t before = processes();
      const base::nanos give_up = base::mono_now() + patience_of_request;
      cost seen;
      begin();
      do {
        const std::uint64_t last = steps(); // without the steps of checking
        self.yield();
        const std::uint64_t passed = steps() - last;
        seen.turn = std::max(seen.turn, passed);
        seen.all += passed;
        seen.ended = done(before);
      } while (!seen.ended && base::mono_now() < give_up);
      return seen;
    });
  }
  std::uint64_t processes() const { return a.host.counters().processes; }
  // Whether the process has handled everything that was sent to it.
  bool is_waiting(const pid& who) const {
    std::vector<runtime::process_summary> found;
    runtime::some_processes(a.host, who.id, 1, found);
    return found.empty() ||
           (found.front().status == runtime::process_status::waiting && found.front().messages == 0);
  }

  answering_actors actors; // for functions of rpc that an actor implements
  services::running_calls calls;
  raw_peer x;
  std::thread reader; // takes what the node sends to the peer
  dist::spawn_handler spawn;
};

std::vector<taken_request> all_rows(site& at) {
  std::map<std::string, std::unique_ptr<behaviours::native_server>> servers;
  servers["appmon_info"] = at.appmon();
  servers["rex"] = std::make_unique<services::rex>(nullptr);
  servers["user"] = std::make_unique<services::user>();
  servers["net_kernel"] = std::make_unique<services::net_kernel>();
  servers["pg"] = std::make_unique<services::pg_scope>("pg", true, at.a.router, services::peer_bounds());
  servers["global_name_server"] =
      std::make_unique<services::global_name_server>(at.a.router, services::peer_bounds());
  servers["coppice_events"] = std::make_unique<services::event_service>(at.a.events, services::peer_bounds());
  for (const std::string& name : runtime::registered_names(at.a.host, 1000, [] {}))
    REQUIRE_MESSAGE(servers.contains(name), name << " is a service of which nothing is known here");
  std::vector<taken_request> rows;
  for (const auto& [name, server] : servers) {
    const auto table = server->from_peers();
    REQUIRE(table);
    for (const peer_request& row : *table) rows.push_back({name, row});
  }
  // erpc has no table: its requests are spawn requests.
  rows.push_back({"erpc", {form::info, "execute_call", 4, 4, peer_request::answers | peer_request::runs}});
  return rows;
}

// Whether the request asks for everything that the node has, or makes it send that to another node.
bool asks_for_all(const peer_request& row) {
  constexpr std::array<std::string_view, 11> lists_all{
      "which_groups", "which_local_groups", "get_members", "monitor",  "discover", "registered_names",
      "get_known",    "get_synced",         "exchange",    "lock_set", "list"};
  return std::ranges::find(lists_all, row.what) != lists_all.end();
}

// The highest costs of a kind of request.
struct most {
  void note(const cost& seen, std::size_t bytes, const std::string& what) {
    const std::uint64_t a_byte = (seen.all - std::min(seen.all, always)) / bytes;
    if (a_byte > byte) byte = a_byte, dearest = what;
    if (seen.turn > turn) turn = seen.turn, longest = what;
    ++count;
  }
  void print() const {
    std::printf(
        "# measured: %zu requests; at most %llu steps a byte (%s); the longest turn: %llu steps (%s)\n",
        count, static_cast<unsigned long long>(byte), dearest.c_str(), static_cast<unsigned long long>(turn),
        longest.c_str());
    std::fflush(stdout);
  }
  std::size_t count = 0;
  std::uint64_t byte = 0, turn = 0;
  std::string dearest, longest;
};

// Sends the requests of one example to a node, and compares their cost with their size.
class walk {
 public:
  walk(taken_request to, request_example by, most& seen, std::optional<site>& at)
      : to_(std::move(to)), by_(std::move(by)), seen_(seen), at_(at) {}

  void usual() {
    renew();
    const message bare = bare_request(*at_, to_, fields(little_, 1));
    if (to_.service != "erpc")
      REQUIRE(behaviours::find_request(std::span(&to_.row, 1), to_.row.form, bare.bytes()) != nullptr);
    send(fields(little_, 1), "small");
  }
  void large(seeded_dice& dice) {
    with_terms(sizes[0]);
    with_term(large_terms[dice.below(large_terms.size())], sizes[1]);
    with_term(large_terms[dice.below(large_terms.size())], sizes[2]);
    with_term(large_terms[dice.below(of_small_terms)], longest);
    out_of_place(dice, sizes[1]);
    for (const std::size_t bytes : sizes) with_lists(bytes); // last, because services keep most of them
  }

 private:
  // The first large_terms consist of many small terms, not of a binary, which is skipped.
  static constexpr std::size_t of_small_terms = 6;

  // Sends each kind of large term where any term may stand.
  void with_terms(std::size_t bytes) {
    for (const large_term& kind : large_terms) with_term(kind, bytes);
  }
  void with_term(const large_term& kind, std::size_t bytes) {
    renew();
    send(fields(written(kind, bytes), 1), std::string(kind.name) + " of " + std::to_string(bytes));
  }
  void with_lists(std::size_t bytes) {
    constexpr std::size_t of_an_element = 16; // as short as elements are
    renew();
    send(fields(little_, bytes / of_an_element), "lists of " + std::to_string(bytes));
  }
  // Sends a large term in the place of each element, whether or not it is valid there.
  void out_of_place(seeded_dice& dice, std::size_t bytes) {
    renew();
    const std::size_t places = fields(little_, 1).size();
    for (std::size_t i = 0; i < places; ++i) {
      renew();
      const large_term& kind = large_terms[dice.below(large_terms.size())];
      request_fields given = fields(little_, 1);
      given[i] = written(kind, bytes);
      send(given, std::string(kind.name) + " as element " + std::to_string(i + 2));
    }
  }

  static message written(const large_term& what, std::size_t bytes) {
    return term([&](etf::writer& out) { what.write(out, bytes); });
  }
  // A request may end the connection, as a name that is too long does. A session is used up by one request.
  void renew() {
    renew_site();
    if (to_.service == "global_name_server" && by_.needs == session::none) take_lock();
  }
  void renew_site() {
    constexpr std::size_t much = 16'000'000; // a node that has kept more would be slower in later requests
    if (at_ && by_.needs == session::none && at_->connected() && at_->sent < much) return;
    at_.reset();
    at_.emplace();
    if (by_.needs != session::none) begin_session();
    if (to_.service == "pg") meet();
    if (by_.needs == session::exchanged) say("exchange", {parts_of().node(), nil(), nil(), one()});
  }
  // global changes no names for a node that does not have its lock.
  void take_lock() {
    const taken_request to{"global_name_server", {form::call, "set_lock", 2, 2, peer_request::nothing}};
    at_->of(to.service, whole_request(*at_, to, {parts_of().tuple({message::atom("global"), little_})}));
  }
  request_parts parts_of() { return {*at_, little_, 1, form::cast}; }
  static message nil() {
    return term([](etf::writer& out) { out.nil(); });
  }
  static message one() {
    return term([](etf::writer& out) { out.integer(1); });
  }
  // pg ignores scopes of other nodes that it does not know.
  void meet() {
    const taken_request to{"pg", {form::info, "discover", 2, 3, peer_request::nothing}};
    at_->of(to.service, whole_request(*at_, to, {parts_of().asker()}));
  }
  void say(std::string_view what, const request_fields& given) {
    const auto arity = static_cast<std::uint32_t>(given.size()) + 1;
    const taken_request to{"global_name_server", {form::cast, what, arity, arity, peer_request::nothing}};
    at_->of(to.service, whole_request(*at_, to, given));
  }
  // Both nodes have told each other their tags. The lock is set, too, unless the request itself does that.
  void begin_session() {
    const request_parts of = parts_of();
    const message version = term([](etf::writer& out) { out.integer(8); });
    const message locker = of.tuple({message::atom("locker"), little_, little_, of.asker()});
    say("init_connect", {of.tuple({version, one()}), of.node(), locker});
    const bool sets_lock = by_.what != "lock_set" && by_.what != "init_connect_ack";
    if (sets_lock) say("lock_set", {of.asker(), message::atom("true"), little_, one()});
  }
  request_fields fields(const message& any, std::size_t many) {
    if (to_.row.most == 0 || !by_.make) return {};
    return by_.make(request_parts{*at_, any, many, to_.row.form});
  }
  message erpc_list(const request_fields& given) const {
    return term([&](etf::writer& out) {
      out.list(static_cast<std::uint32_t>(given.size()));
      for (const message& one : given) out.raw(one.bytes());
      out.nil();
    });
  }
  void send(const request_fields& given, const std::string& how) {
    const bool is_spawn = to_.service == "erpc";
    const message whole = is_spawn ? erpc_list(given) : whole_request(*at_, to_, given);
    const std::string what =
        to_.service + " " + std::string(to_.row.what) + " " + std::string(by_.about) + ", " + how;
    CAPTURE(what);
    const cost spent = is_spawn ? at_->of_spawn(whole) : at_->of(to_.service, whole);
    REQUIRE(spent.ended);
    seen_.note(spent, whole.size(), what);
    at_->sent += whole.size();
    const std::uint64_t explains = asks_for_all(to_.row) ? at_->sent : whole.size();
    CHECK(spent.all <= always + most_a_byte * explains);
    CHECK(spent.turn <= most_a_turn);
  }

  taken_request to_;
  request_example by_;
  most& seen_;
  const message little_ = message::atom("x");
  std::optional<site>& at_;
};

} // namespace

TEST_CASE("what a request of another node costs grows with its length, and no turn beyond its budget") {
  const quiet_log quiet;
  seeded_dice dice(1);
  most seen;
  std::optional<site> at;
  const auto rows = all_rows(at.emplace());
  CHECK(rows.size() > 40);
  for (const taken_request& to : rows) {
    const auto found = examples_of(to);
    REQUIRE_MESSAGE(!found.empty(),
                    to.service << " takes " << to.row.what << ", of which there is no example");
    for (const request_example& by : found) {
      // A request that disconnects removes everything of the peer: that should be only what this example
      // added.
      const bool disconnects = (to.row.causes & peer_request::disconnects) != 0;
      if (disconnects) at.reset();
      walk each(to, by, seen, at);
      each.usual();
      if (to.row.most != 0 && by.make) each.large(dice);
      if (disconnects) at.reset();
    }
  }
  seen.print();
}
