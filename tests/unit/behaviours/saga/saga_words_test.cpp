// SPDX-License-Identifier: MIT
// Tests of a saga's messages to and from Erlang: which answers of participants count, the form of its own
// answers, the envelope of casts, and the options from the configuration.
#include "behaviours/saga/saga_words.hpp"

#include <doctest/doctest.h>

#include "behaviours/saga/saga_settings.hpp"
#include "behaviours/terms.hpp"

using namespace coppice;
using namespace coppice::test;
using saga::answer_kind;
using saga::commit_kind;
using saga::request_kind;

namespace {

saga::term encoded(std::string_view erlang) {
  return behaviours::term_from(term(erlang).bytes());
}

// An answer as "ok: V", "error: V" or "busy: V"; "nothing": the answer does not count.
std::string heard(std::string_view answer, request_kind to, commit_kind kind) {
  const auto read = behaviours::read_answer(term(answer).bytes(), to, kind);
  if (!read) return "nothing";
  const std::string word = read->what == answer_kind::ok     ? "ok"
                           : read->what == answer_kind::busy ? "busy"
                                                             : "error";
  if (read->value.encoded.empty()) return word;
  return word + ": " + text(runtime::message::copy_of(behaviours::bytes_of(read->value.encoded)));
}

} // namespace

TEST_CASE("a participant's answer counts only in the form that its request has") {
  constexpr auto compensate = commit_kind::compensate;
  constexpr auto two_phase = commit_kind::two_phase;
  struct {
    const char* answer;
    request_kind to;
    commit_kind kind;
    const char* means;
  } const cases[] = {
      {"{ok,7}", request_kind::perform, compensate, "ok: 7"},
      {"{error,no}", request_kind::perform, compensate, "error: no"},
      {"{busy,later}", request_kind::perform, compensate, "busy: later"},
      {"ok", request_kind::perform, compensate, "nothing"},
      {"prepared", request_kind::perform, compensate, "nothing"},
      {"{never,x}", request_kind::perform, compensate, "nothing"},
      {"{ok,1,2}", request_kind::perform, compensate, "nothing"},
      {"prepared", request_kind::perform, two_phase, "ok"},
      {"{prepared,7}", request_kind::perform, two_phase, "ok: 7"},
      {"{ok,7}", request_kind::perform, two_phase, "nothing"},
      {"ok", request_kind::reverse, compensate, "ok"},
      {"{never,x}", request_kind::reverse, compensate, "error: x"},
      {"{error,x}", request_kind::reverse, compensate, "nothing"},
      {"{ok,x}", request_kind::reverse, compensate, "nothing"},
      {"ok", request_kind::confirm, two_phase, "ok"},
      {"prepared", request_kind::confirm, two_phase, "nothing"},
      {"{never,x}", request_kind::confirm, two_phase, "nothing"},
      {"ok", request_kind::forget, compensate, "ok"},
      {"[]", request_kind::forget, compensate, "nothing"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.answer);
    CHECK(heard(one.answer, one.to, one.kind) == one.means);
  }
}

TEST_CASE("a saga's own answers are read back as what they say") {
  const saga::step_key key{"t", {3, {{{"a", "n@h"}, 1}}}};
  for (const auto kind : {commit_kind::compensate, commit_kind::two_phase})
    for (const auto to :
         {request_kind::perform, request_kind::reverse, request_kind::confirm, request_kind::forget})
      for (const auto what : {answer_kind::ok, answer_kind::error, answer_kind::busy}) {
        if (what == answer_kind::error && to != request_kind::perform && to != request_kind::reverse)
          continue;
        const auto said = behaviours::saga_answer({to, what, key, encoded("{x,1}")}, kind);
        const auto read = behaviours::read_answer(said.bytes(), to, kind);
        REQUIRE(read);
        CHECK(read->what == what);
        const bool has_value = what != answer_kind::ok || to == request_kind::perform;
        CHECK(read->value.encoded == (has_value ? encoded("{x,1}").encoded : std::string()));
      }
  CHECK(text(behaviours::saga_answer({request_kind::perform, answer_kind::ok, key, {}},
                                     commit_kind::two_phase)) == "prepared");
  CHECK(text(behaviours::saga_answer({request_kind::perform, answer_kind::ok, key, {}},
                                     commit_kind::compensate)) == "{ok,undefined}");
}

TEST_CASE("a cast names its sender, and what makes no sense is an error") {
  const saga::step_key key{"t", {3, {{{"a", "n@h"}, 1}}}};
  const auto made = behaviours::enveloped("b", saga::question{key});
  const auto read = behaviours::read_envelope(made.bytes());
  REQUIRE(read);
  REQUIRE(*read);
  CHECK((*read)->first == "b");
  CHECK((*read)->second == saga::message_body(saga::question{key}));
  CHECK_FALSE(behaviours::read_envelope(term("{saga,1}").bytes()));
  CHECK_FALSE(behaviours::read_envelope(term("other").bytes()));
  for (const char* wrong :
       {"{saga,1,2}", "{saga,<<>>,{saga_question,x}}", "{saga,<<\"b\">>,{saga_question,x}}"}) {
    CAPTURE(wrong);
    const auto refused = behaviours::read_envelope(term(wrong).bytes());
    REQUIRE(refused);
    CHECK_FALSE(*refused);
  }
}

TEST_CASE("options are read whole or not at all") {
  const auto read = behaviours::read_saga_settings(
      term("{two_phase,durable,1,2,3,4,5,6,7,8,9,10,11,[<<\"a@*\">>]}").bytes());
  REQUIRE(read);
  CHECK(read->durable);
  CHECK(read->core.commit == commit_kind::two_phase);
  CHECK(read->core.lifespan == 1);
  CHECK(read->core.max_steps == 11);
  CHECK(behaviours::takes_steps_of(*read, "a@10.0.0.1"));
  CHECK_FALSE(behaviours::takes_steps_of(*read, "b@10.0.0.1"));
  CHECK(behaviours::takes_steps_of(behaviours::saga_settings(), "b@10.0.0.1"));
  for (const char* wrong :
       {"{two_phase,durable,1,2,3,4,5,6,7,8,9,10,11}", "{what,durable,1,2,3,4,5,6,7,8,9,10,11,[]}",
        "{two_phase,durable,-1,2,3,4,5,6,7,8,9,10,11,[]}", "{two_phase,durable,1,2,3,4,5,6,7,8,9,10,11,[x]}",
        "[]"})
    CHECK_FALSE(behaviours::read_saga_settings(term(wrong).bytes()));
}
