// SPDX-License-Identifier: MIT
// Tests of messages and records as Erlang terms, and of the terms that are refused.
#include <coppice/etf/text.hpp>

#include "one_saga.hpp"

using namespace coppice;
using namespace coppice::saga;
using namespace coppice::saga::test;

namespace {

const step_key some_key{"t", {3, {{{"shop", "b"}, 1}, {{"orders", "a"}, 700}}}};

std::string shown(const std::string& encoded) {
  return etf::print(base::as_bytes(encoded));
}
base::result<message_body> read(const char* text) {
  return decode_message(etf::parse(text).value());
}

const begin_record some_begin{"t", "a", commit_kind::compensate, 16, 5, {}, {"orders", "a"}, 0};

} // namespace

TEST_CASE("each message is the term that an Erlang participant expects, and comes back the same") {
  using what = request_kind;
  const std::string key = "{<<\"t\">>,{3,[{{<<\"shop\">>,<<\"b\">>},1},{{<<\"orders\">>,<<\"a\">>},700}]}}";
  const struct {
    message_body body;
    std::string text;
  } cases[] = {
      {request{what::perform, commit_kind::compensate, some_key, number(1), 5}, "{saga_do," + key + ",1,5}"},
      {request{what::perform, commit_kind::two_phase, some_key, number(1), 5},
       "{saga_prepare," + key + ",1,5}"},
      {request{what::reverse, commit_kind::compensate, some_key, number(1), 0}, "{saga_undo," + key + ",1}"},
      {request{what::reverse, commit_kind::two_phase, some_key, {}, 0}, "{saga_abort," + key + "}"},
      {request{what::confirm, commit_kind::two_phase, some_key, {}, 0},
       "{saga_commit," + key + ",undefined}"},
      {request{what::forget, commit_kind::compensate, some_key, {}, 0}, "{saga_forget," + key + "}"},
      {reply{what::perform, answer_kind::busy, some_key, number(1)},
       "{saga_answer," + key + ",perform,busy,1}"},
      {question{some_key}, "{saga_question," + key + "}"},
      {interim_message{some_key, number(1)}, "{saga_interim," + key + ",1}"},
  };
  for (const auto& one : cases) {
    const std::string made = encode(one.body);
    CHECK(shown(made) == one.text);
    const auto again = decode_message(base::as_bytes(made));
    REQUIRE(again);
    CHECK(*again == one.body);
  }
}

TEST_CASE("what is no message is refused with an error") {
  for (const char* const text :
       {"{saga_do, {<<\"t\">>, {3, []}}, 1, 5}", "{saga_do, {<<>>, {3, [{{<<\"a\">>,<<\"b\">>},1}]}}, 1, 5}",
        "{saga_do, {<<\"t\">>, {3, [{{<<\"a\">>,<<\"b\">>},0}]}}, 1, 5}",
        "{saga_do, {<<\"t\">>, {3, [{{<<\"a\">>,<<\"b\">>},1}]}}, 1, -5}", "{saga_do, 1, 2}", "saga_do",
        "{saga_undone, {<<\"t\">>, {3, [{{<<\"a\">>,<<\"b\">>},1}]}}}"}) {
    CAPTURE(text);
    CHECK(!read(text));
  }
  const std::string good = encode(message_body(question{some_key}));
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(!decode_message(base::as_bytes(std::string_view(good).substr(0, size))));
}

TEST_CASE("a path that is too long is refused by the length of its list") {
  const auto of_hops = [](int hops) {
    std::string text = "{saga_forget, {<<\"t\">>, {3, [{{<<\"a\">>,<<\"b\">>},1}";
    for (int i = 1; i < hops; ++i) text += ",{{<<\"a\">>,<<\"b\">>},1}";
    return read((text + "]}}}").c_str());
  };
  CHECK(of_hops(255));
  const auto refused = of_hops(256);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.find("at most 255") != std::string::npos);
}

TEST_CASE("records and their keys come back the same, and what is cut is refused") {
  const std::vector<step_spec> steps{to("b", 1), {{"x", "y"}, {}, true, 5, 6}};
  const record all[] = {
      begin_record{"t", "a", commit_kind::two_phase, 16, 5, number(1), {"orders", "a"}, 2},
      plan_record{plan_record::verdict::replace, false, 3, 2, number(1), {}, steps},
      decision_record{true, number(1)},
      skip_record{},
      skip_record{true},
      entry_record{some_key,
                   commit_kind::two_phase,
                   entry_state::done,
                   2,
                   7,
                   true,
                   true,
                   false,
                   number(1),
                   number(2),
                   {"orders", "a"},
                   3},
      ended_record{"t", "a", {outcome_kind::aborted, number(1)}, 9},
      reversed_record{},
  };
  for (const record& one : all) {
    const std::string made = encode(one);
    const auto again = decode_record(base::as_bytes(made));
    REQUIRE(again);
    CHECK(*again == one);
    for (std::size_t size = 0; size < made.size(); ++size)
      CHECK(!decode_record(base::as_bytes(std::string_view(made).substr(0, size))));
  }
  const record_key key{700, record_kind::plan, 5};
  const std::string made = encode(key);
  CHECK(*decode_record_key(base::as_bytes(made)) == key);
  CHECK(!decode_record_key(base::as_bytes(std::string_view(made).substr(1))));
  CHECK(!decode_record_key(base::as_bytes(std::string(13, '\0'))));
}

TEST_CASE("that all steps are reversed is a record of its name alone") {
  CHECK(encode(record(reversed_record{})) == std::string("h\1w\17reversed_record"));
}

TEST_CASE("a record whose bytes were not made by a saga of a name is refused") {
  CHECK(!decode_record(base::as_bytes(encode(record(begin_record{"t", "a", {}, 16, 5, {}, {}, 0})))));
}

TEST_CASE("records that no crash leaves behind are refused") {
  const step_key key = some_key;
  const entry_record leads{key,
                           commit_kind::compensate,
                           entry_state::coordinating,
                           1,
                           0,
                           true,
                           false,
                           false,
                           {},
                           {},
                           {"orders", "a"},
                           0};
  entry_record leads_to_nothing = leads;
  leads_to_nothing.leads = false;
  entry_record decided_in_one_phase = leads_to_nothing;
  decided_in_one_phase.state = entry_state::done;
  decided_in_one_phase.heuristic = true;
  const std::vector<std::vector<kept_record>> cases = {
      {{{1, record_kind::entry, 0}, leads}},
      {{{1, record_kind::entry, 0}, leads_to_nothing}},
      {{{1, record_kind::entry, 0}, decided_in_one_phase}},
      {{{1, record_kind::decision, 0}, some_begin}},
      {{{1, record_kind::begin, 0}, some_begin}, {{1, record_kind::reversed, 0}, reversed_record{}}},
      {{{~std::uint64_t{0}, record_kind::begin, 0}, some_begin}},
      {{{1, record_kind::begin, 0}, some_begin}, {{2, record_kind::begin, 0}, some_begin}},
      {{{1, record_kind::begin, 0}, some_begin},
       {{1, record_kind::plan, 3}, plan_record{plan_record::verdict::go_on, true, 1, 1, {}, {}, {}}}},
  };
  options how;
  how.self = {"orders", "a"};
  effects out;
  for (const auto& kept : cases) CHECK(!core::start(how, kept, 0, out));
  CHECK(!core::start(options{}, {}, 0, out));
}

TEST_CASE("what a crash leaves of a transaction that is over is erased") {
  options how;
  how.self = {"orders", "a"};
  effects out;
  const std::vector<kept_record> kept = {
      {{1, record_kind::ended, 0}, ended_record{"t", "a", {outcome_kind::committed, {}}, 9}},
      {{1, record_kind::begin, 0}, some_begin},
      {{2, record_kind::decision, 0}, decision_record{}},
  };
  const auto made = core::start(how, kept, 0, out);
  REQUIRE(made);
  REQUIRE(out.writes.size() == 1);
  CHECK(out.writes[0].changes.size() == 2);
  CHECK((*made)->outcome_of("t").what == outcome_kind::committed);
}
