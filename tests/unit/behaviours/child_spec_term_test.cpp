// SPDX-License-Identifier: MIT
// Tests of reading child specifications from Erlang terms: which are accepted, and OTP's error term for each
// that is not. The expected errors are those of OTP 25's supervisor:start_child.
#include "behaviours/supervision/child_spec_term.hpp"

#include <doctest/doctest.h>

#include <array>
#include <initializer_list>

#include "terms.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using test::term;

namespace {

std::string refusal(std::string_view spec, auto_shutdown policy = auto_shutdown::never) {
  const auto read = read_child_spec(term(spec), policy);
  return read ? "taken" : test::text(read.error());
}

} // namespace

TEST_CASE("a child specification as a map, with OTP's defaults") {
  const auto spec =
      read_child_spec(term("#{id => a, start => {coppice, start_link, ['kv:store', #{n => 1}]}}"), {});
  REQUIRE(spec.has_value());
  CHECK(test::text(spec->id) == "a");
  CHECK(spec->actor == "kv:store");
  CHECK(spec->plugin == "kv");
  CHECK(test::text(spec->args) == "#{n => 1}");
  CHECK(spec->restart == restart_type::permanent);
  CHECK(spec->shutdown.how == shutdown_limit::kind::after);
  CHECK(spec->shutdown.time == 5 * base::nanos_per_second);
  CHECK_FALSE(spec->significant);
  runtime::message_writer out;
  write_child_spec(out, *spec);
  CHECK(out.take() == term("#{id => a, start => {coppice, start_link, ['kv:store', #{n => 1}]}, "
                           "restart => permanent, significant => false, shutdown => 5000, type => worker, "
                           "modules => [kv]}"));
}

TEST_CASE("a child specification as a 6-tuple") {
  const auto spec = read_child_spec(
      term("{{x, 1}, {coppice, start_link, [kv]}, transient, brutal_kill, worker, [kv]}"), {});
  REQUIRE(spec.has_value());
  CHECK(test::text(spec->id) == "{x,1}");
  CHECK(spec->restart == restart_type::transient);
  CHECK(spec->shutdown.how == shutdown_limit::kind::brutal_kill);
  CHECK_FALSE(spec->args);
}

TEST_CASE("a faulty child specification is refused in OTP's words") {
  const std::string start = "start => {coppice, start_link, [kv]}";
  const std::pair<std::string, std::string> rows[] = {
      {"foo", "{invalid_child_spec,foo}"},
      {"{foo, bar}", "{invalid_child_spec,{foo,bar}}"},
      {"#{" + start + "}", "missing_id"},
      {"#{id => n}", "missing_start"},
      {"#{id => n, start => foo}", "{invalid_mfa,foo}"},
      {"#{id => n, start => {m, f, a}}", "{invalid_mfa,{m,f,a}}"},
      {"#{id => n, restart => bad, " + start + "}", "{invalid_restart_type,bad}"},
      {"#{id => n, restart => 1, " + start + "}", "{invalid_restart_type,1}"},
      {"#{id => n, significant => true, " + start + "}",
       "{bad_combination,[{auto_shutdown,never},{significant,true}]}"},
      {"#{id => n, significant => perhaps, " + start + "}", "{invalid_significant,perhaps}"},
      {"#{id => n, type => manager, " + start + "}", "{invalid_child_type,manager}"},
      {"#{id => n, shutdown => -1, " + start + "}", "{invalid_shutdown,-1}"},
      {"#{id => n, shutdown => soon, " + start + "}", "{invalid_shutdown,soon}"},
      {"#{id => n, modules => foo, " + start + "}", "{invalid_modules,foo}"},
      {"#{id => n, modules => [kv, {kv}], " + start + "}", "{invalid_module,{kv}}"},
      {"#{id => n, modules => [1], " + start + "}", "{invalid_module,1}"},
      {"#{id => n, modules => foo, shutdown => soon, " + start + "}", "{invalid_shutdown,soon}"},
      {"{n, {coppice, start_link, [kv]}, permanent, 5000, worker, foo}", "{invalid_modules,foo}"},
      {"#{id => n, modules => dynamic, " + start + "}", "taken"},
      {"#{id => n, modules => [], " + start + "}", "taken"},
      {"#{id => n, modules => [kv, other], " + start + "}", "taken"},
      {"#{id => n, start => {lists, map, []}}", "{bad_start_spec,{lists,map,[]}}"},
      {"#{id => n, start => {coppice, start_link, []}}", "{bad_start_spec,{coppice,start_link,[]}}"},
      {"#{id => n, start => {coppice, start_link, [1]}}", "{bad_start_spec,{coppice,start_link,[1]}}"},
  };
  for (const auto& row : rows) {
    const std::string& spec = row.first;
    const std::string& answer = row.second;
    CAPTURE(spec);
    const std::string given = refusal(spec);
    CHECK((given == "taken" ? given : test::text(term(given))) == test::text(term(answer)));
  }
  CHECK(refusal("#{id => n, significant => true, " + start + "}", auto_shutdown::any_significant) ==
        "{bad_combination,[{restart,permanent},{significant,true}]}");
  CHECK(refusal("#{id => n, significant => true, restart => transient, " + start + "}",
                auto_shutdown::any_significant) == "taken");
}

TEST_CASE("a child's map may say how it is kept, beyond OTP, and gives that back") {
  const std::string start = "start => {coppice, start_link, [kv, #{}]}";
  const auto spec = read_child_spec(
      term("#{id => n, mailbox => #{limit => 7, on_full => exit}, "
           "backoff => #{first => 200, max => 60000, jitter => 0.5}, unhandled => reply_error, " +
           start + "}"),
      {});
  REQUIRE(spec.has_value());
  CHECK(spec->mailbox.messages == 7);
  CHECK(spec->mailbox.bytes == 0);
  CHECK(spec->mailbox.policy == runtime::on_full::exit);
  REQUIRE(spec->backoff.has_value());
  CHECK(spec->backoff->first == 200 * base::nanos_per_ms);
  CHECK(spec->backoff->max == 60 * base::nanos_per_second);
  CHECK(spec->backoff->jitter == 0.5);
  CHECK(spec->unhandled == runtime::unhandled::reply_error);
  runtime::message_writer out;
  write_child_spec(out, *spec);
  const runtime::message given_back = out.take();
  CHECK(
      given_back ==
      term("#{id => n, " + start +
           ", restart => permanent, significant => false, shutdown => 5000, type => worker, modules => [kv], "
           "mailbox => #{limit => 7, bytes => 0, on_full => exit}, "
           "backoff => #{first => 200, max => 60000, jitter => 0.5}, unhandled => reply_error}"));
  CHECK(read_child_spec(given_back, {}).has_value());

  const auto part =
      read_child_spec(term("#{id => n, mailbox => #{}, backoff => #{jitter => 1}, " + start + "}"), {});
  REQUIRE(part.has_value());
  CHECK(part->mailbox.messages == 100'000);
  CHECK(part->backoff->max == 30 * base::nanos_per_second);
  CHECK(part->backoff->jitter == 1);
  CHECK_FALSE(part->unhandled.has_value());
  CHECK(refusal("#{id => n, type => supervisor, backoff => #{first => 1}, start => {coppice, start_link, "
                "[supervisor, {#{}, []}]}}") == "taken");
}

TEST_CASE("what a child's map says beyond OTP is refused with a sentence where it is wrong") {
  const std::pair<std::string, std::string> rows[] = {
      {"mailbox => 5", "{invalid_mailbox,<<\"mailbox wants a map, got 5\">>}"},
      {"mailbox => #{size => 5}",
       "{invalid_mailbox,<<\"mailbox wants no key but limit, bytes and on_full, got size\">>}"},
      {"mailbox => #{1 => 5}",
       "{invalid_mailbox,<<\"mailbox wants no key but limit, bytes and on_full, got 1\">>}"},
      {"mailbox => #{limit => 0}",
       "{invalid_mailbox,<<\"mailbox's limit wants a whole number from 1 to 16000000, got 0\">>}"},
      {"mailbox => #{limit => 16000001}",
       "{invalid_mailbox,<<\"mailbox's limit wants a whole number from 1 to 16000000, got 16000001\">>}"},
      {"mailbox => #{bytes => -1}",
       "{invalid_mailbox,<<\"mailbox's bytes wants a whole number from 0 to 9223372036854775808, got "
       "-1\">>}"},
      {"mailbox => #{on_full => drop}",
       "{invalid_mailbox,<<\"mailbox's on_full wants one of park_sender, drop_new, drop_old, exit, got "
       "drop\">>}"},
      {"backoff => 100", "{invalid_backoff,<<\"backoff wants a map, got 100\">>}"},
      {"backoff => #{first => soon}",
       "{invalid_backoff,<<\"backoff's first wants a whole number from 0 to 1099511627776, got soon\">>}"},
      {"backoff => #{jitter => 1.5}",
       "{invalid_backoff,<<\"backoff's jitter wants a number from 0 to 1, got 1.5\">>}"},
      {"backoff => #{jitter => most}",
       "{invalid_backoff,<<\"backoff's jitter wants a number from 0 to 1, got most\">>}"},
      {"unhandled => panic",
       "{invalid_unhandled,<<\"unhandled wants one of exit, reply_error, log, ignore, got panic\">>}"},
      {"unhandled => <<\"log\">>",
       "{invalid_unhandled,<<\"unhandled wants one of exit, reply_error, log, ignore, got "
       "<<\\\"log\\\">>\">>}"},
  };
  for (const auto& [given, answer] : rows) {
    const std::string& shown = given;
    CAPTURE(shown);
    CHECK(refusal("#{id => n, " + given + ", start => {coppice, start_link, [kv]}}") == answer);
  }
  for (const char* given : {"mailbox => #{limit => 5}", "unhandled => log"}) {
    CAPTURE(given);
    CHECK(refusal("#{id => n, type => supervisor, " + std::string(given) +
                  ", start => {coppice, start_link, [supervisor, {#{}, []}]}}")
              .find("a supervisor takes none: its children have their own") != std::string::npos);
  }
}

namespace {

std::string nested(std::string_view pair) {
  return "#{id => n, type => supervisor, start => {coppice, start_link, [supervisor, " + std::string(pair) +
         "]}}";
}

} // namespace

TEST_CASE(
    "a supervisor's specification is what an OTP supervisor's init returns, and is given back as that") {
  const auto spec = read_child_spec(
      term(nested(
          "{#{strategy => rest_for_one, intensity => 7, period => 60, auto_shutdown => any_significant, "
          "name => inner, on_exceeded => park}, "
          "[#{id => a, start => {coppice, start_link, [kv, #{n => 1}]}, name => first}, "
          "#{id => b, type => supervisor, start => {coppice, start_link, [supervisor, "
          "{{simple_one_for_one, 0, 1}, [{c, {coppice, start_link, [kv]}, temporary, 1, worker, [kv]}]}]}}"
          "]}")),
      {});
  REQUIRE(spec.has_value());
  REQUIRE(spec->is_supervisor());
  CHECK(spec->shutdown.how == shutdown_limit::kind::infinity);
  CHECK(spec->registered_name() == "inner");
  const supervisor_spec& inner = *spec->supervisor;
  CHECK(inner.strategy == strategy::rest_for_one);
  CHECK(inner.intensity == 7);
  CHECK(inner.period == 60 * base::nanos_per_second);
  CHECK(inner.auto_shutdown == auto_shutdown::any_significant);
  CHECK(inner.on_exceeded == on_exceeded::give_up);
  REQUIRE(inner.children.size() == 2);
  CHECK(inner.children[0]->actor == "kv");
  CHECK(inner.children[0]->name == "first");
  CHECK(test::text(inner.children[0]->args) == "#{n => 1}");
  REQUIRE(inner.children[1]->is_supervisor());
  CHECK(inner.children[1]->supervisor->strategy == strategy::simple_one_for_one);
  CHECK(inner.children[1]->supervisor->children.front()->restart == restart_type::temporary);

  const auto written = [](const child_spec& one) {
    runtime::message_writer out;
    write_child_spec(out, one);
    return out.take();
  };
  const runtime::message first = written(*spec);
  const auto again = read_child_spec(first, {});
  REQUIRE(again.has_value());
  CHECK(test::text(written(*again)) == test::text(first));
  CHECK(test::text(first).find("name => first") != std::string::npos);
}

TEST_CASE("what a supervisor is not told has OTP's default") {
  const auto spec = read_child_spec(term(nested("{#{}, []}")), {});
  REQUIRE(spec.has_value());
  CHECK(spec->supervisor->strategy == strategy::one_for_one);
  CHECK(spec->supervisor->intensity == 1);
  CHECK(spec->supervisor->period == 5 * base::nanos_per_second);
  CHECK(spec->supervisor->auto_shutdown == auto_shutdown::never);
  CHECK(spec->supervisor->children.empty());
  CHECK(spec->registered_name().empty());
}

TEST_CASE("a faulty supervisor is refused in the words of OTP's init") {
  const std::string kv = "#{id => a, start => {coppice, start_link, [kv]}}";
  const std::pair<std::string, std::string> rows[] = {
      {"{foo, []}", "{supervisor_data,{invalid_type,foo}}"},
      {"{{one_for_one, 1}, []}", "{supervisor_data,{invalid_type,{one_for_one,1}}}"},
      {"{#{strategy => x, intensity => -1}, []}", "{supervisor_data,{invalid_strategy,x}}"},
      {"{#{intensity => -1}, []}", "{supervisor_data,{invalid_intensity,-1}}"},
      {"{#{intensity => a}, []}", "{supervisor_data,{invalid_intensity,a}}"},
      {"{#{period => 0}, []}", "{supervisor_data,{invalid_period,0}}"},
      {"{#{period => 1.5}, []}", "{supervisor_data,{invalid_period,1.5}}"},
      {"{#{auto_shutdown => x}, []}", "{supervisor_data,{invalid_auto_shutdown,x}}"},
      {"{#{name => undefined}, []}", "{supervisor_data,{invalid_name,undefined}}"},
      {"{#{name => <<\"x\">>}, []}", "{supervisor_data,{invalid_name,<<\"x\">>}}"},
      {"{#{on_exceeded => give_up}, []}", "{supervisor_data,{invalid_on_exceeded,give_up}}"},
      {"{#{strategy => simple_one_for_one}, []}", "{bad_start_spec,[]}"},
      {"{#{strategy => simple_one_for_one}, foo}", "{bad_start_spec,foo}"},
      {"{#{strategy => simple_one_for_one}, [" + kv + "," + kv + "]}",
       "{bad_start_spec,[" + kv + "," + kv + "]}"},
      {"{#{}, foo}", "{bad_start_spec,foo}"},
      {"{#{}, [" + kv + "|foo]}", "{bad_start_spec,[" + kv + "|foo]}"},
      {"{#{}, [foo]}", "{start_spec,{invalid_child_spec,foo}}"},
      {"{#{}, [#{id => a}]}", "{start_spec,missing_start}"},
      {"{#{}, [" + kv + "," + kv + "]}", "{start_spec,{duplicate_child_name,a}}"},
      {"{#{}, [" + nested("{foo, []}") + "]}", "{start_spec,{supervisor_data,{invalid_type,foo}}}"},
      {"#{}", "{bad_start_spec,{coppice,start_link,[supervisor,#{}]}}"},
      {"{#{}}", "{bad_start_spec,{coppice,start_link,[supervisor,{#{}}]}}"},
  };
  for (const auto& row : rows) {
    const std::string& pair = row.first;
    CAPTURE(pair);
    const std::string given = refusal(nested(pair));
    CHECK((given == "taken" ? given : test::text(term(given))) == test::text(term(row.second)));
  }
  CHECK(refusal("#{id => n, type => supervisor, start => {coppice, start_link, [kv]}}") ==
        "{bad_start_spec,{coppice,start_link,[kv]}}");
  CHECK(refusal("#{id => n, name => 7, start => {coppice, start_link, [kv]}}") == "{invalid_name,7}");
}

TEST_CASE("two children whose ids are one map, with its keys in another order, have the same id") {
  const auto pair = [](std::initializer_list<std::array<std::string_view, 2>> ids) {
    runtime::message_writer out;
    out.tuple(2);
    out.map(0);
    out.list(static_cast<std::uint32_t>(ids.size()));
    for (const auto& keys : ids) {
      out.map(2);
      out.atom("id");
      out.map(2);
      for (const std::string_view key : keys) {
        out.atom(key);
        out.atom("x");
      }
      out.atom("start");
      out.raw(term("{coppice, start_link, [kv]}").bytes());
    }
    out.nil();
    return out.take();
  };
  CHECK(read_supervisor_spec(pair({{"a", "b"}, {"a", "c"}}), 1).has_value());
  const auto twice = read_supervisor_spec(pair({{"a", "b"}, {"b", "a"}}), 1);
  REQUIRE_FALSE(twice.has_value());
  CHECK(test::text(twice.error()).starts_with("{start_spec,{duplicate_child_name,#{"));
}

TEST_CASE("supervisors may be nested as deep as is said, and no deeper") {
  const auto tower = [](unsigned floors) {
    std::string pair = "{#{}, []}";
    for (unsigned i = 1; i < floors; ++i) pair = "{#{}, [" + nested(pair) + "]}";
    return nested(pair);
  };
  CHECK(refusal(tower(deepest_supervisor)) == "taken");
  const std::string why = refusal(tower(deepest_supervisor + 1));
  CHECK(why.find("{nested_too_deep,n}") != std::string::npos);
  const auto none_left = read_child_spec(term(tower(1)), {}, 0);
  REQUIRE_FALSE(none_left.has_value());
  CHECK(test::text(none_left.error()) == "{nested_too_deep,n}");
}
