// SPDX-License-Identifier: MIT
// Tests of members of two groups on one node, while the test plays their other members on two other nodes:
// which heartbeats leave in one message, that the answers to them count, and which heartbeats are dropped of
// a message that arrives.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "away_nodes.hpp"
#include "behaviours/raft/meeting.hpp"
#include "group_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::raft_testing;
using namespace coppice::test;

namespace {

// The groups x and y have members of that name on this node, on two@localhost and on three@localhost. The
// members on the other nodes vote for the members here, store everything, and answer in the way in which
// they were asked. An election takes long, so that a slow machine loses no leader; the test tells the
// members here to stand.
struct away_host : away_nodes, group_host {
  explicit away_host(base::nanos append_timeout = 20 * base::nanos_per_second) : group_host({"x", "y"}) {
    options.heartbeat = 100 * ms; // heartbeats of both groups have a tenth of it to meet
    options.election = 60 * base::nanos_per_second;
    options.append_timeout = append_timeout;
    two = *system.nodes().intern("two@localhost");
    three = *system.nodes().intern("three@localhost");
    shared->resources.give(exchange);
    for (const std::string& name : names) groups[name] = raft::group_of(members_of(name), options.clients);
    router.tell([this](const runtime::destination& to, const message& m) { answer(to, m); });
    system.set_router(&router);
    for (const std::string& name : names) {
      options.members = members_of(name);
      start(name);
    }
    for (const std::string& name : names) elect(name);
  }
  ~away_host() { router.tell(nullptr); }
  static std::vector<std::string> members_of(const std::string& name) {
    return {name + "@test@localhost", name + "@two@localhost", name + "@three@localhost"};
  }
  static consensus::member_id id_of(const std::string& group, std::uint32_t node) {
    return {node + 100, static_cast<std::uint64_t>(group.front())};
  }

  void answer(const runtime::destination& to, const message& m) {
    if (to.what() != runtime::destination::kind::remote_name) return;
    const std::string& name = to.name();
    if (const auto hello = raft::read_hello(m.bytes())) {
      {
        const std::scoped_lock held(lock);
        ids[name] = hello->id;
      }
      if (hello->asks)
        deliver_from(system, to.node(), name,
                     raft::to_message({name, groups.at(name), id_of(name, to.node()), false, {}}));
      return;
    }
    if (const auto one = consensus::decode_message(m.bytes())) {
      if (const auto said = answers_alone ? answer_to(*one) : std::nullopt) {
        runtime::message_writer out;
        consensus::encode(*said, out);
        deliver_from(system, to.node(), name, out.take());
      }
      return;
    }
    std::vector<consensus::message> answers;
    for (const consensus::message& one : beats_in(m))
      if (auto said = answer_to(one)) answers.push_back(std::move(*said));
    if (!answers.empty()) deliver_from(system, to.node(), "coppice_raft_beats", beats_of(answers));
  }
  std::optional<consensus::message> answer_to(const consensus::message& in) {
    consensus::message out{in.cluster, in.to, in.from, in.term, {}};
    const std::scoped_lock held(lock);
    if (const auto* const vote = std::get_if<consensus::vote_request>(&in.body)) {
      out.body = consensus::vote_answer{vote->pre, true};
    } else if (const auto* const ask = std::get_if<consensus::append_request>(&in.body)) {
      if (!stores) return std::nullopt;
      stored[in.to] = ask->previous + ask->entries.size();
      out.body = consensus::append_answer{true, stored[in.to], 0, 0};
    } else if (const auto* const beat = std::get_if<consensus::heartbeat>(&in.body)) {
      if (beat->round == 0) return std::nullopt;
      out.body = consensus::heartbeat_answer{beat->round, stored[in.to], stored[in.to], {}};
    } else {
      return std::nullopt;
    }
    return out;
  }

  // Sends `body` in the name of the group's member on two@localhost, in term 1.
  void say(const std::string& name, consensus::message_body body) {
    runtime::message_writer out;
    consensus::encode(
        consensus::message{cluster_of(name), id_of(name, two), member_here(name), 1, std::move(body)}, out);
    deliver_from(system, two, name, out.take());
  }
  // The member on two@localhost leads, and hands over to the member here.
  void elect(const std::string& name) {
    CHECK(comes([&] { return bool{member_here(name)}; }));
    raft::meeting all(members_of(name), name + "@test@localhost", member_here(name));
    all.met(name + "@two@localhost", id_of(name, two));
    all.met(name + "@three@localhost", id_of(name, three));
    clusters[name] = raft::cluster_of(*all.first(), groups.at(name));
    CHECK(comes([&] {
      say(name, consensus::heartbeat{0, 0});
      say(name, consensus::elect_now{});
      return ask(name, "leader").starts_with("{ok,{" + name + ",test@localhost},");
    }));
  }
  bool comes(const std::function<bool()>& wanted) {
    const base::nanos until = base::mono_now() + 20 * base::nanos_per_second;
    while (!wanted()) {
      if (base::mono_now() > until) return false;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return true;
  }
  // Milliseconds since the leader here heard from the group's member on `node`, by the leader's own report.
  base::nanos heard_ms(const std::string& name, const std::string& node) {
    const std::string said = system_request(runtime::destination::named(name), "get_state");
    const std::size_t of_member = said.find(name + "@" + node, said.find("members => "));
    const std::string key = "heard_ms => ";
    const std::size_t at = of_member == std::string::npos ? of_member : said.find(key, of_member);
    CHECK(at != std::string::npos);
    return at == std::string::npos ? INT32_MAX : std::stoll(said.substr(at + key.size()));
  }

  consensus::cluster_id cluster_of(const std::string& name) const { return clusters.at(name); }
  consensus::member_id member_here(const std::string& name) {
    const std::scoped_lock held(lock);
    return ids[name];
  }
  // Whether a message to the carrier of `node` contains heartbeats of all groups in `of`.
  std::function<bool(const away_router::sent&)> together(std::uint32_t node,
                                                         const std::vector<std::string>& of) {
    std::vector<consensus::cluster_id> all;
    for (const std::string& one : of) all.push_back(cluster_of(one));
    return [node, all](const away_router::sent& one) {
      if (!is_beats(one) || one.to.node() != node) return false;
      const auto beats = beats_in(one.what);
      return std::ranges::all_of(all, [&](const consensus::cluster_id& cluster) {
        return std::ranges::find(beats, cluster, &consensus::message::cluster) != beats.end();
      });
    };
  }

  std::uint32_t two = 0;
  std::uint32_t three = 0;
  std::map<std::string, std::uint64_t> groups;
  std::map<std::string, consensus::cluster_id> clusters;
  std::atomic<bool> answers_alone = true; // false: only carried heartbeats are answered
  std::mutex lock;
  std::map<std::string, consensus::member_id> ids; // of the members on this node
  std::map<consensus::member_id, consensus::log_index> stored;
  bool stores = true;
};

} // namespace

TEST_CASE("heartbeats of groups at rest leave together, their answers keep the leaders, appends go alone") {
  away_host host;
  CHECK(host.done("x", "{append, 5}") == "{ok,1,5}");
  CHECK(host.done("y", "{append, 6}") == "{ok,1,6}");
  const std::string leads = host.ask("x", "leader");
  CHECK(leads.starts_with("{ok,{x,test@localhost},"));
  CHECK(host.router.comes_to(3, host.together(host.two, {"x", "y"})));
  CHECK(host.router.comes_to(3, host.together(host.three, {"x", "y"})));
  host.answers_alone = false;
  CHECK(host.ask("x", "leader") == leads); // handled after the answers that came alone
  const base::nanos since = base::mono_now();
  for (const char* const node : {"two@localhost", "three@localhost"}) {
    CAPTURE(node);
    // Since then only answers to carried heartbeats can have been heard; a leader that hears none steps
    // down.
    CHECK(host.comes([&] {
      const base::nanos asked = base::mono_now();
      return asked - host.heard_ms("x", node) * ms > since + 100 * ms;
    }));
  }
  host.answers_alone = true;
  CHECK(host.ask("x", "leader") == leads);
  CHECK(host.ask("x", "{append, 7}") == "{ok,2,12}");
  CHECK(std::ranges::any_of(host.router.all(), [&](const away_router::sent& one) {
    const auto read = consensus::decode_message(one.what.bytes());
    const auto* const ask = read ? std::get_if<consensus::append_request>(&read->body) : nullptr;
    return ask != nullptr && one.to.name() == "x" && !ask->entries.empty();
  }));
}

TEST_CASE("a heartbeat that comes with others counts only from the node of a member, with cluster and id") {
  away_host host;
  CHECK(host.done("x", "{append, 5}") == "{ok,1,5}");
  const consensus::cluster_id cluster = host.cluster_of("x");
  const consensus::member_id x = host.member_here("x");
  const consensus::member_id in_two = away_host::id_of("x", host.two);
  const consensus::member_id in_three = away_host::id_of("x", host.three);
  constexpr consensus::heartbeat beat{0, 1};
  // A message in the form of the carrier's notice does not count if another node sends it.
  runtime::message_writer out;
  out.tuple(3);
  out.atom(raft::beat_word);
  out.atom("two@localhost");
  consensus::encode(consensus::message{cluster, in_two, x, 1200, beat}, out);
  deliver_from(host.system, host.three, "x", out.take());
  deliver_from(host.system, host.three, "coppice_raft_beats",
               beats_of({{cluster, in_two, x, 1100, beat},        // of a member on another node
                         {{9, 9}, in_three, x, 1100, beat},       // for another cluster
                         {cluster, {9, 9}, x, 1100, beat},        // of no member
                         {cluster, in_three, {9, 9}, 1100, beat}, // for no member
                         {cluster, in_three, x, 1000, beat}}));
  // Only the last heartbeat counts. After one of a later term it would not.
  CHECK(host.comes_to("x", "leader", "{ok,{x,three@localhost},1000}"));
}

TEST_CASE("a member that was told of more heartbeats than it may have to handle hears of later ones") {
  away_host host;
  const consensus::cluster_id cluster = host.cluster_of("x");
  const consensus::member_id x = host.member_here("x");
  const consensus::member_id in_three = away_host::id_of("x", host.three);
  constexpr consensus::heartbeat beat{0, 1};
  const std::vector<consensus::message> of_others(raft::beat_exchange::most_beats,
                                                  {{9, 9}, in_three, x, 1100, beat});
  for (std::size_t sent = 0; sent <= raft::beat_exchange::most_told; sent += of_others.size())
    deliver_from(host.system, host.three, "coppice_raft_beats", beats_of(of_others));
  CHECK(host.comes([&] {
    deliver_from(host.system, host.three, "coppice_raft_beats",
                 beats_of({{cluster, in_three, x, 1000, beat}}));
    return host.ask("x", "leader") == "{ok,{x,three@localhost},1000}";
  }));
}

TEST_CASE("while a connection is busy, heartbeats of a group that appends go on with the others") {
  away_host host(500 * ms);
  CHECK(host.done("x", "{append, 5}").starts_with("{ok,"));
  {
    const std::scoped_lock held(host.lock);
    host.stores = false;
  }
  CHECK(host.ask("x", "{append, 6}") == "{error,timeout}"); // the append is in flight from now on
  host.router.is_busy = true;
  const auto is_of_x = host.together(host.two, {"x"});
  const auto all = host.router.all();
  const auto before = static_cast<std::size_t>(std::ranges::count_if(all, is_of_x));
  CHECK(host.router.comes_to(before + 3, is_of_x));
}

TEST_CASE(
    "while what a group appends waits on its way, its heartbeats overtake it, their answers keep the leader, "
    "and nothing is sent again") {
  away_host host(500 * ms);
  CHECK(host.done("x", "{append, 5}").starts_with("{ok,"));
  const std::string leads = host.ask("x", "leader");
  host.answers_alone = false; // as if every answer waited behind a large message
  CHECK(host.ask("x", "{append, 6}") == "{error,timeout}");
  const auto appends = [&] {
    const auto all = host.router.all();
    return std::ranges::count_if(all, [](const away_router::sent& one) {
      const auto read = consensus::decode_message(one.what.bytes());
      return one.to.name() == "x" && read && std::holds_alternative<consensus::append_request>(read->body);
    });
  };
  const auto before = appends();
  const base::nanos since = base::mono_now();
  for (const char* const node : {"two@localhost", "three@localhost"}) {
    CAPTURE(node);
    CHECK(host.comes([&] {
      const base::nanos asked = base::mono_now();
      return asked - host.heard_ms("x", node) * ms > since + 300 * ms;
    }));
  }
  const auto all = host.router.all();
  const auto last = std::ranges::find_if(all.rbegin(), all.rend(), host.together(host.two, {"x"}));
  REQUIRE(last != all.rend());
  CHECK(last->ahead);
  CHECK(appends() == before);
  CHECK(host.ask("x", "leader") == leads);
}

TEST_CASE("a member that has ended has no place where heartbeats would find it") {
  away_host host;
  CHECK(host.done("x", "{append, 5}") == "{ok,1,5}");
  const consensus::member_id x = host.member_here("x");
  CHECK(host.exchange.find(x) == host.running.at("x"));
  host.kill("x");
  CHECK(host.comes([&] { return !host.exchange.find(x); }));
}
