// SPDX-License-Identifier: MIT
// Tests of a member of a Raft group whose leader is the test: how it treats entries, snapshots and hashes,
// and how many calls of other nodes it keeps waiting.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <future>

#include "behaviours/raft/meeting.hpp"
#include "behaviours/raft/storage.hpp"
#include "consensus/wire.hpp"
#include "group_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::raft_testing;
using namespace coppice::test;

namespace {

// Plays the member b of the group a, b and c, in which only a is a real member. The test sends b's hellos
// and messages. This process notes of a's messages: "stored INDEX of TERM", "took OFFSET" of a snapshot, and
// "asked NUMBER".
class other_member final : public native_server {
 public:
  other_member(diary& book, std::promise<consensus::member_id> found)
      : native_server("other"), book_(book), found_(std::move(found)) {}

 protected:
  runtime::outcome handle_info(runtime::process&, const message& m) override {
    if (const auto hello = raft::read_hello(m.bytes())) {
      if (!std::exchange(is_found_, true)) found_.set_value(hello->id);
    } else if (const auto said = consensus::decode_message(m.bytes())) {
      const auto* const stored = std::get_if<consensus::append_answer>(&said->body);
      if (stored != nullptr && stored->accepted)
        book_.write("stored " + std::to_string(stored->index) + " of " + std::to_string(said->term));
      const auto* const took = std::get_if<consensus::snapshot_answer>(&said->body);
      if (took != nullptr && took->accepted) book_.write("took " + std::to_string(took->offset));
    } else if (const std::string ask = text(m); ask.starts_with("{raft_ask,a,")) {
      book_.write("asked " + ask.substr(12, ask.find(',', 12) - 12));
    }
    return runtime::carry_on();
  }

 private:
  diary& book_;
  std::promise<consensus::member_id> found_;
  bool is_found_ = false;
};

struct led_by_test : group_host {
  explicit led_by_test(base::nanos append_timeout = 300 * ms, std::uint32_t pending = 10'000,
                       std::uint64_t check = 0, std::uint64_t state_bytes = std::uint64_t{256} << 20) {
    largest_state.bytes = state_bytes;
    disk.can_reserve = false; // so that a full disk shows at once
    options.append_timeout = append_timeout;
    options.pending = pending;
    options.check = check;
    options.election = 2 * base::nanos_per_second;
    std::promise<consensus::member_id> promise;
    auto future = promise.get_future();
    runtime::spawn_options spawn;
    spawn.name = "b";
    auto made = system.spawn(std::move(spawn), std::make_unique<other_member>(book, std::move(promise)));
    REQUIRE(made.has_value());
    running["b"] = *made;
    start("a");
    a = future.get();
    const auto group = raft::group_of(options.members, options.clients);
    raft::meeting all(options.members, "a@test@localhost", a);
    all.met("b@test@localhost", b);
    all.met("c@test@localhost", {3, 3});
    members = *all.first();
    cluster = raft::cluster_of(members, group);
    system.send(running.at("a"), raft::to_message({"b", group, b, false, {}}));
    system.send(running.at("a"), raft::to_message({"c", group, {3, 3}, false, {}}));
  }
  void say(const consensus::member_id& from, consensus::term_number term, consensus::message_body body) {
    message_writer out;
    consensus::encode(consensus::message{cluster, from, a, term, std::move(body)}, out);
    system.send(running.at("a"), out.take());
  }
  // Appends numbers after entry 1, repeatedly until a has them on its disk. False: it has not within 20 s.
  bool append(consensus::term_number term, std::vector<int> numbers, consensus::log_index commit) {
    const std::string until = "stored " + std::to_string(1 + numbers.size()) + " of " + std::to_string(term);
    const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < end) {
      append_once(term, numbers, commit);
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
      const auto lines = book.lines();
      if (std::ranges::find(lines, until) != lines.end()) return true;
    }
    return false;
  }
  void append_once(consensus::term_number term, const std::vector<int>& numbers,
                   consensus::log_index commit) {
    consensus::append_request ask{1, 1, commit, {}};
    for (const int one : numbers)
      ask.entries.push_back(
          {term, 0, 0, consensus::entry_kind::command, body_of(test::term(std::to_string(one)))});
    say(b, term, ask);
  }

  // Sends a the hash of the state of the member `from`.
  void tell_hash(const consensus::member_id& from, std::uint64_t serial, std::uint64_t hash) {
    message_writer out;
    out.tuple(7);
    out.atom("raft_check");
    for (const consensus::identity& one : {cluster, from}) {
      std::array<std::uint8_t, 16> bytes{};
      base::store_be64(bytes.data(), one.high);
      base::store_be64(bytes.data() + 8, one.low);
      out.binary(etf::bytes(bytes));
    }
    out.unsigned_integer(serial);
    out.unsigned_integer(1);
    out.unsigned_integer(hash);
    out.boolean(false);
    system.send(running.at("a"), out.take());
  }
  // Sends the request repeatedly until the sum is `sum`. False: it was not within 20 s.
  bool becomes(const consensus::append_request& what, std::string_view sum) {
    const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
    while (base::mono_now() < end) {
      say(b, 4, what);
      if (ask("a", "{query, sum, stale}") == sum) return true;
      run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
    }
    return false;
  }

  // The answer that a process of `node` gets.
  std::string ask_from(std::uint32_t node, std::string_view what, base::nanos patience) {
    return run([&](runtime::process& self) {
      const auto ref = self.make_ack();
      auto asked = runtime::make_signal(runtime::signal_kind::message, runtime::pid{node, 77, 40, 0},
                                        gen::call_message(self, ref, test::term(what).bytes()));
      asked->flags = runtime::signal::remote;
      system.deliver(running.at("a"), std::move(asked));
      const auto said = gen::finish_call(self, ref, base::mono_now() + patience);
      return said ? text(*said) : std::string("no answer");
    });
  }
  static consensus::payload body_of(const message& command) {
    etf::vector_writer body(32);
    body.tuple(3);
    body.integer(1);
    body.unsigned_integer(1);
    body.raw(command.bytes());
    return consensus::payload(body.take());
  }

  using message_writer = runtime::message_writer;
  const consensus::member_id b{2, 2};
  consensus::member_id a;
  consensus::configuration members;
  consensus::cluster_id cluster;
};

// A snapshot of the state 9 at entry 50, in one part.
consensus::snapshot_chunk whole_snapshot(const led_by_test& host) {
  etf::vector_writer state(64);
  state.tuple(3);
  state.unsigned_integer(0); // its version
  state.integer(9);
  state.binary(applied_commands().save().bytes());
  consensus::snapshot_chunk whole;
  whole.bytes = consensus::payload(state.take());
  whole.length = static_cast<std::uint32_t>(whole.bytes.size());
  whole.of = {50, 4, whole.length, raft::digest_of(whole.bytes.bytes()), host.members};
  return whole;
}

// Notes the answers to calls that the test made in this process's name.
class answered final : public native_server {
 public:
  explicit answered(diary& book) : native_server("answered"), book_(book) {}

 protected:
  runtime::outcome handle_info(runtime::process&, const message& m) override {
    etf::cursor at(m.bytes());
    if (at.read_tuple_of(2) && at.skip()) book_.write("answer " + text(m.slice(at.rest())));
    return runtime::carry_on();
  }

 private:
  diary& book_;
};

} // namespace

TEST_CASE("a member that begins again applies nothing that its new log does not know to be committed") {
  led_by_test host;
  CHECK(host.append(4, {100, 200}, 1));
  host.log.log()->settle();
  host.disk.capacity = 0;
  host.append_once(5, {1, 2}, 3); // would replace both entries and commit them; the disk refuses
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (!host.log.log()->report().is_full && base::mono_now() < end)
    host.run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
  CHECK(host.log.log()->report().is_full);
  host.disk.capacity = ~std::uint64_t{0};
  CHECK(host.append(5, {1, 2}, 3));
  CHECK(host.comes_to("a", "{query, sum, stale}", "3"));
}

TEST_CASE("a command that the group passes over is undone in a member that has applied it") {
  led_by_test host;
  is_mended = true;
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  consensus::append_request ask{2, 4, 4, {}};
  ask.entries.push_back({4, 0, 0, consensus::entry_kind::command, host.body_of(term("crash"))});
  ask.entries.push_back({4, 0, 0, consensus::entry_kind::command, host.body_of(term("1"))});
  CHECK(host.becomes(ask, "1008"));
  CHECK(host.becomes({4, 4, 5, {{4, 0, 2, consensus::entry_kind::skip, {}}}}, "8"));
  const auto lines = host.book.lines();
  CHECK(std::ranges::find(lines, "a has applied 2") != lines.end());
}

TEST_CASE(
    "a member that stopped since its state has a command over which the group passes goes on without it") {
  led_by_test host(300 * ms, 10'000, 1);
  is_mended = true;
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  consensus::append_request ask{2, 4, 4, {}};
  ask.entries.push_back({4, 0, 0, consensus::entry_kind::command, host.body_of(term("crash"))});
  ask.entries.push_back({4, 0, 0, consensus::entry_kind::command, host.body_of(term("1"))});
  CHECK(host.becomes(ask, "1008"));
  // The other members have passed over the command, and their hashes arrive before the leader's skip.
  host.tell_hash(host.b, 3, 8);
  host.tell_hash({3, 3}, 3, 8);
  CHECK(host.comes_to("a", "{query, sum, stale}", "{error,parked}"));
  CHECK(host.becomes({4, 4, 5, {{4, 0, 2, consensus::entry_kind::skip, {}}}}, "8"));
}

TEST_CASE("nobody leads by an id that is no member's, and a call that is passed on has a number at random") {
  led_by_test host;
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  std::string leader;
  std::uint64_t number = 0;
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (number == 0 && base::mono_now() < end) {
    // The member's own leader is heard before and after the stranger.
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    host.say({9, 9}, 9, consensus::heartbeat{0, 0});
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    leader = host.ask("a", "leader");
    (void)host.ask("a", "{append, 1}");
    for (const std::string& line : host.book.lines())
      if (line.starts_with("asked ")) number = std::stoull(line.substr(6));
  }
  CHECK(leader == "{ok,{b,test@localhost},4}");
  CHECK(number > 1'000'000);
}

TEST_CASE("an actor that ends while a snapshot is written begins with it once it is on the disk") {
  std::promise<void> gate;
  led_by_test host;
  CHECK(host.append(4, {100}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "100"));
  host.log.log()->settle();
  host.disk.before_sync = [opened = gate.get_future().share()] { opened.wait(); };
  host.say(host.b, 4, whole_snapshot(host));
  CHECK(host.ask("a", "{query, crash, stale}") == "{error,timeout}");
  const std::string said = host.run([&](runtime::process& self) {
    const auto to = runtime::destination::named("a");
    const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
    const auto query = gen::start_call(self, to, term("{query, sum, stale}").bytes());
    (void)gen::call(self, to, term("leader").bytes(), end); // behind the query
    gate.set_value();
    const auto sum = query ? gen::finish_call(self, *query, end) : gen::call_result();
    return sum ? text(*sum) : std::string("no answer");
  });
  CHECK(said == "9");
  CHECK(host.writes("a restored 9"));
}

TEST_CASE("a snapshot comes in parts of one length, and others are dropped") {
  led_by_test host;
  CHECK(host.append(4, {100}, 2));
  const consensus::snapshot_chunk whole = whole_snapshot(host);
  consensus::snapshot_chunk part = whole;
  part.bytes = consensus::payload(whole.bytes.bytes().first(1));
  part.length = 1;
  host.say(host.b, 4, part);
  host.say(host.b, 4, whole);
  CHECK(host.comes_to("a", "{query, sum, stale}", "9"));
  for (const std::string& line : host.book.lines()) CHECK(line != "took 1");
}

TEST_CASE("a snapshot that is larger than the node's limits let a state be is not received, and others are") {
  // A snapshot of a state with that sum, at that entry, and with that many sessions.
  const auto snapshot = [](std::int64_t sum, consensus::log_index at, int sessions) {
    applied_commands commands;
    for (int i = 1; i <= sessions; ++i)
      commands.take(static_cast<consensus::log_index>(i), {1, 0, 0, consensus::entry_kind::session, {}});
    etf::vector_writer state(64);
    state.tuple(3);
    state.unsigned_integer(0);
    state.integer(sum);
    state.binary(commands.save().bytes());
    consensus::snapshot_chunk out;
    out.bytes = consensus::payload(state.take());
    out.length = static_cast<std::uint32_t>(out.bytes.size());
    out.of = {at, 4, out.length, raft::digest_of(out.bytes.bytes()), {}};
    return out;
  };
  consensus::snapshot_chunk small = snapshot(9, 50, 0);
  consensus::snapshot_chunk large = snapshot(11, 40, 1);
  led_by_test host(300 * ms, 10'000, 0, small.length);
  REQUIRE(large.length > small.length);
  small.of.members = large.of.members = host.members;
  CHECK(host.append(4, {100}, 2));
  const auto shown = [&host] { return host.system_request(runtime::destination::named("a"), "get_state"); };
  const std::string why = "its leader's snapshot has " + std::to_string(large.length) + " bytes, and " +
                          std::to_string(small.length) + " are the most here";
  host.say(host.b, 3, large); // from the leader of an earlier term
  CHECK(shown().find(why) == std::string::npos);
  host.say(host.b, 4, large);
  CHECK(shown().find(why) != std::string::npos);
  host.say(host.b, 4, small);
  CHECK(host.comes_to("a", "{query, sum, stale}", "9"));
  const std::string took = "took " + std::to_string(large.length);
  for (const std::string& line : host.book.lines()) CHECK(line != took);
  CHECK(shown().find("dropped => 0") == std::string::npos);
  CHECK(shown().find(why) == std::string::npos);
  host.say(host.b, 4, large); // a has a state as new as this one
  CHECK(shown().find(why) == std::string::npos);
}

TEST_CASE("calls that wait are bounded in bytes with the addresses of their callers") {
  led_by_test host(60 * base::nanos_per_second);
  CHECK(host.append(4, {7}, 2));
  const auto caller = host.system.spawn({}, std::make_unique<answered>(host.book));
  REQUIRE(caller.has_value());
  // Calls with the longest tags: they meet the bound on bytes long before the bound on their number.
  const std::string long_tag(16'000, 'x');
  const auto is_refused = [&host] {
    const auto lines = host.book.lines();
    return std::ranges::find(lines, "answer {error,overloaded}") != lines.end();
  };
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (!is_refused() && base::mono_now() < end) {
    host.say(host.b, 4, consensus::heartbeat{2, 0}); // a knows its leader when the calls arrive
    for (int i = 0; i < 256; ++i) {
      runtime::message_writer out;
      out.tuple(3);
      out.atom("$gen_call");
      out.tuple(2);
      runtime::write(out, *caller, host.system.nodes());
      out.binary(std::string_view(long_tag));
      out.raw(term("{append, 1}").bytes());
      host.system.send(host.running.at("a"), out.take());
    }
    host.run([](runtime::process& self) { (void)self.await(self.make_ack(), self.now() + 10 * ms); });
  }
  CHECK(is_refused());
}

TEST_CASE("a node that leaves half of the calls waiting is refused more of them, and another node is not") {
  led_by_test host(600 * base::nanos_per_second, 8);
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  const std::uint32_t greedy = *host.system.nodes().intern("greedy@localhost");
  const std::uint32_t shop = *host.system.nodes().intern("shop@localhost");
  constexpr base::nanos most_of_one = 10 * base::nanos_per_second;
  // The leader is the test, which does not answer the calls that are passed on to it.
  for (int i = 0; i < 4; ++i) {
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    CHECK(host.ask_from(greedy, "{append, 1}", 0) == "no answer");
  }
  host.say(host.b, 4, consensus::heartbeat{2, 0});
  CHECK(host.ask_from(greedy, "{append, 1}", most_of_one) == "{error,overloaded}");
  CHECK(host.ask_from(greedy, "{query, sum, stale}", most_of_one) == "{error,overloaded}");
  CHECK(host.ask_from(greedy, "{client}", most_of_one) == "{error,overloaded}");
  CHECK(host.ask_from(shop, "{query, sum, stale}", most_of_one) == "7");
  CHECK(host.ask("a", "{query, sum, stale}") == "7");
}

TEST_CASE("a command of a node that has many bytes waiting is refused, and one of another node is not") {
  led_by_test host(600 * base::nanos_per_second);
  CHECK(host.append(4, {7}, 2));
  CHECK(host.comes_to("a", "{query, sum, stale}", "7"));
  const std::uint32_t greedy = *host.system.nodes().intern("greedy@localhost");
  const std::uint32_t shop = *host.system.nodes().intern("shop@localhost");
  const std::string large = "{append, <<\"" + std::string(900'000, 'x') + "\">>}";
  std::string said = "no answer";
  for (int i = 0; i < 18 && said == "no answer"; ++i) {
    host.say(host.b, 4, consensus::heartbeat{2, 0});
    // The 19th call would exceed 16 MiB.
    said = host.ask_from(greedy, large, 0);
  }
  CHECK(said == "no answer");
  host.say(host.b, 4, consensus::heartbeat{2, 0});
  CHECK(host.ask_from(greedy, large, 10 * base::nanos_per_second) == "{error,overloaded}");
  host.say(host.b, 4, consensus::heartbeat{2, 0});
  CHECK(host.ask_from(shop, large, 0) == "no answer");
  CHECK(host.ask_from(shop, "{query, sum, stale}", 10 * base::nanos_per_second) == "7");
}
