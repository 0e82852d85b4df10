// SPDX-License-Identifier: MIT
// Tests of the effects of entries as a member of a group keeps them: a discarded entry leaves none, a
// snapshot has the timers and monitors, and an event of a timer or a monitor is taken once.
#include "behaviours/raft/group_effects.hpp"

#include <doctest/doctest.h>

#include "behaviours/terms.hpp"

using namespace coppice;
using namespace coppice::test;
using behaviours::raft::group_effects;
using consensus::payload;
using runtime::message;
using noted = group_effects::noted;
using key = group_effects::key;

namespace {

constexpr std::int64_t begin_ms = 1'767'225'600'000; // 2026-01-01
constexpr std::int64_t begin_ns = begin_ms * 1'000'000;

payload bytes(std::string_view erlang) {
  return payload(term(erlang).bytes());
}
key started(group_effects& of, std::int64_t due, std::int64_t period = 0, std::string_view to = {}) {
  key made = 0;
  CHECK(of.start({due, 0, period, 0, to.empty() ? payload() : bytes(to), bytes("ring")}, made) ==
        noted::done);
  return made;
}
key watched(group_effects& of, std::string_view whom) {
  key made = 0;
  CHECK(of.watch(term(whom).bytes(), term("'DOWN'").bytes(), made) == noted::done);
  return made;
}
std::string saved(const group_effects& of) {
  etf::vector_writer out;
  of.save(out);
  return etf::print(out.view());
}
group_effects restored(const group_effects& of) {
  etf::vector_writer out;
  of.save(out);
  group_effects made;
  CHECK(made.restore(out.view()).has_value());
  return made;
}
std::string taken(group_effects& of, const group_effects::came& what, std::int64_t time = begin_ms) {
  REQUIRE(of.expects(what));
  of.begin(time, 1);
  etf::vector_writer out;
  const bool own = of.take(what, out);
  of.keep();
  return own ? etf::print(out.view()) : "sent";
}

} // namespace

TEST_CASE("what a discarded entry has asked for is forgotten, and what it has ended goes on") {
  group_effects of;
  of.want_messages(true);
  of.begin(begin_ms, 7);
  const key timer = started(of, begin_ns + 5);
  const key monitor = watched(of, "shop");
  of.keep();
  CHECK(of.take_changes() == std::vector<key>{timer, monitor});
  const std::string before = saved(of);
  of.begin(begin_ms, 8);
  CHECK(of.send({bytes("shop"), bytes("hello"), {}, false}) == noted::done);
  CHECK(of.end(timer) == noted::done);
  CHECK(of.end(timer) == noted::unknown);
  CHECK(of.end(monitor) == noted::done);
  const key other = started(of, begin_ns + 9);
  of.undo();
  CHECK(saved(of) == before);
  CHECK(of.take_messages().empty());
  CHECK(of.take_changes().empty());
  of.begin(begin_ms, 9);
  CHECK(started(of, begin_ns + 9) == other); // the same key as in members without the undone entry
  of.keep();
}

TEST_CASE("a snapshot has timers and monitors, and no messages") {
  group_effects of;
  of.want_messages(true);
  of.begin(begin_ms, 7);
  started(of, begin_ns + 5, 2'000'000, "{shop, 'a@b'}");
  started(of, begin_ns - 5);
  const key monitor = watched(of, "shop");
  (void)of.send({bytes("shop"), bytes("hello"), {}, false});
  of.keep();
  group_effects made = restored(of);
  CHECK(saved(made) == saved(of));
  CHECK(made.take_messages().empty());
  etf::vector_writer reference;
  of.write_reference(reference, monitor);
  CHECK(made.monitor_of(reference.view()) == monitor);
  CHECK(made.monitor_of(term("#Ref<a@b.300.1.2.3>").bytes()) == 0);
  made.begin(begin_ms, 1);
  CHECK(watched(made, "shop") == monitor + 1);
  made.keep();
}

TEST_CASE("a snapshot that makes no sense is refused") {
  const std::string number = std::to_string(group_effects::first_timer + 1);
  const std::string timer = "{" + number + ",5,5,0,0,[],ring}";
  for (const std::string& bad :
       {std::string("[]"), std::string("{0,0,[]}"), std::string("{0,0,[],[],[]}"),
        std::string("{-1,0,[],[]}"), "{0,0,[" + timer + "],[]}", "{1,0,[" + timer + "," + timer + "],[]}",
        "{1,0,[{" + number + ",-5,5,0,0,[],ring}],[]}", "{1,0,[{" + number + ",5,5,7,0,[],ring}],[]}",
        std::string("{0,0,[],[{1,1,shop,'DOWN'}]}"), std::string("{0,1,[],[{1,4294967296,shop,'DOWN'}]}"),
        std::string("{0,1,[],[{1,1,shop}]}"), std::string("{0,1,[],[{0,1,shop,'DOWN'}]}")}) {
    CAPTURE(bad);
    group_effects of;
    CHECK_FALSE(of.restore(term(bad).bytes()).has_value());
  }
  group_effects good;
  CHECK(good.restore(term("{1,1,[" + timer + "],[{1,1,shop,'DOWN'}]}").bytes()).has_value());
  CHECK(good.timers().size() == 1);
}

TEST_CASE("what comes of a timer is taken once, and a timer that repeats skips times that have passed") {
  group_effects of;
  of.begin(begin_ms, 7);
  const key once = started(of, begin_ns + 1'000'000);
  const key often = started(of, begin_ns + 10'000'000, 10'000'000);
  const key away = started(of, begin_ns + 1'000'000, 0, "shop");
  of.keep();
  CHECK(of.timers().at(once).span == 1'000'000);
  CHECK(taken(of, {once, 0, {}, {}}) == "ring");
  CHECK_FALSE(of.expects({once, 0, {}, {}}));
  CHECK(taken(of, {often, 0, {}, {}}, begin_ms + 35) == "ring"); // the times 20 and 30 have passed
  CHECK_FALSE(of.expects({often, 0, {}, {}}));
  CHECK(of.timers().at(often).due == begin_ns + 40'000'000);
  CHECK(of.timers().at(often).span == 5'000'000);
  CHECK(taken(of, {often, 1, {}, {}}, begin_ms) == "ring"); // by a clock that is behind
  CHECK(of.timers().at(often).due == begin_ns + 50'000'000);
  CHECK(of.timers().at(often).span == 10'000'000);
  of.want_messages(true);
  CHECK(taken(of, {away, 0, {}, {}}) == "sent");
  const auto messages = of.take_messages();
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].to == bytes("shop"));
}

TEST_CASE("a timer over whose entry the group passes goes on by that entry's time, and sends nothing") {
  group_effects of;
  of.want_messages(true);
  of.begin(begin_ms, 7);
  const key often = started(of, begin_ns + 10'000'000, 10'000'000, "shop");
  const key once = started(of, begin_ns + 10'000'000, 0, "shop");
  const key monitor = watched(of, "shop");
  of.keep();
  (void)of.take_changes();
  const auto pass_over = [&](const std::string& came) {
    const message body = term("{" + std::to_string(begin_ms + 35) + ",1,came," + came + "}");
    const auto entry = group_effects::read_came_entry(body.bytes());
    REQUIRE(entry.has_value());
    REQUIRE(of.expects(entry->what));
    of.pass_over(*entry);
    CHECK_FALSE(of.expects(entry->what));
  };
  pass_over("{timer," + std::to_string(often) + ",0}");
  // The times 20 and 30 are skipped, as they are when the entry is applied.
  CHECK(of.timers().at(often).due == begin_ns + 40'000'000);
  CHECK(of.timers().at(often).span == 5'000'000);
  CHECK(of.timers().at(often).fired == 1);
  CHECK(of.now() == begin_ns + 35'000'000);
  pass_over("{timer," + std::to_string(once) + ",0}");
  CHECK_FALSE(of.timers().contains(once));
  pass_over("{down," + std::to_string(monitor) + ",shop,boom}");
  CHECK(of.monitors().empty());
  CHECK(of.take_messages().empty());
  CHECK(of.take_changes() == std::vector<key>{often, once, monitor});
}

TEST_CASE("an entry brings what came of a timer or a monitor only in its one form") {
  const std::string timer = "{timer," + std::to_string(group_effects::first_timer + 1) + ",3}";
  const message good = term("{5,6,came," + timer + "}");
  const auto read = group_effects::read_came_entry(good.bytes());
  REQUIRE(read.has_value());
  CHECK(read->time == 5);
  CHECK(read->random == 6);
  CHECK(read->what.fired == 3);
  for (const std::string& bad :
       {std::string("came"), "{5,6," + timer + "}", "{5,6,come," + timer + "}", "{x,6,came," + timer + "}",
        "{5,-1,came," + timer + "}", std::string("{5,6,came,{timer,1,0}}"), "{5,6,came," + timer + ",7}"}) {
    CAPTURE(bad);
    CHECK_FALSE(group_effects::read_came_entry(term(bad).bytes()).has_value());
  }
}

TEST_CASE("the end of a monitored process has the reference of the monitor") {
  group_effects of;
  of.begin(begin_ms, 0x500000001);
  const key monitor = watched(of, "shop");
  of.keep();
  etf::vector_writer reference;
  of.write_reference(reference, monitor);
  const std::string named = etf::print(reference.view());
  etf::vector_writer written;
  group_effects::write_down(written, monitor, term("{shop,'a@b'}").bytes(), term("boom").bytes());
  const auto came = group_effects::read_came(written.view());
  REQUIRE(came.has_value());
  CHECK(taken(of, *came) == "{'DOWN'," + named + ",process,{shop,a@b},boom}");
  CHECK_FALSE(of.expects(*came));
  for (const char* const bad :
       {"timer", "{timer,1}", "{timer,1,0}", "{down,1,a}", "{down,4611686018427387905,a,b}",
        "{timer,4611686018427387905,x}", "{other,1,2}"}) {
    CAPTURE(bad);
    CHECK_FALSE(group_effects::read_came(term(bad).bytes()).has_value());
  }
}

TEST_CASE("what is too much is refused, alike whether messages are wanted or not") {
  for (const bool wanted : {false, true}) {
    group_effects of;
    of.want_messages(wanted);
    of.begin(begin_ms, 1);
    for (std::size_t i = 0; i < group_effects::most_messages; ++i)
      REQUIRE(of.send({bytes("shop"), bytes("hello"), {}, false}) == noted::done);
    CHECK(of.send({bytes("shop"), bytes("hello"), {}, false}) == noted::full);
    of.keep();
    CHECK(of.take_messages().size() == (wanted ? group_effects::most_messages : 0));
    of.begin(begin_ms, 2);
    CHECK(of.send({bytes("shop"), bytes("hello"), {}, false}) == noted::done);
    const std::vector<std::uint8_t> large(group_effects::most_message_bytes, 'x');
    CHECK(of.send({bytes("shop"), payload(large), {}, false}) == noted::full);
    key made = 0;
    CHECK(of.start({begin_ns, 0, 0, 0, {}, payload(large)}, made) == noted::done);
    CHECK(of.start({begin_ns, 0, 0, 0, {}, payload(large)}, made) == noted::done);
    CHECK(of.start({begin_ns, 0, 0, 0, {}, bytes("ring")}, made) == noted::full);
    CHECK(of.end(made) == noted::done);
    CHECK(of.start({begin_ns, 0, 0, 0, {}, bytes("ring")}, made) == noted::done);
    of.keep();
  }
}
