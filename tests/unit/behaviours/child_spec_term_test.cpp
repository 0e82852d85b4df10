// SPDX-License-Identifier: MIT
// Child specifications from Erlang: what is taken, and OTP's word for everything that is not. The answers
// to faulty ones are those of OTP 25's supervisor:start_child.
#include "behaviours/child_spec_term.hpp"

#include <doctest/doctest.h>

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
