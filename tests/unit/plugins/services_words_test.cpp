// SPDX-License-Identifier: MIT
// Tests of the requests that coppice/services.hpp makes to a node's own processes, and of how it reads their
// answers. e2e/node_services checks with a node that the processes answer so.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

struct row {
  const char *asked, *server, *request, *reply, *told;
};

} // namespace

TEST_CASE("the node's own processes are asked in their words, and each of their answers is told apart") {
  const row rows[] = {
      {"{join, room}", "pg", "{join_local, room, SELF}", "ok", "{ok, ok}"},
      {"{join, room}", "pg", "{join_local, room, SELF}", "{error, badarg}", "{error, -19, {error, badarg}}"},
      {"{leave, room}", "pg", "{leave_local, room, SELF}", "not_joined", "{error, -19, not_joined}"},
      {"{members, room}", "pg", "{get_members, room}", "[SELF]", "{ok, [SELF]}"},
      {"{claim, {a, 1}}", "global_name_server", "{register_name, {a, 1}, SELF}", "yes", "{ok, true}"},
      {"{claim, {a, 1}}", "global_name_server", "{register_name, {a, 1}, SELF}", "no", "{ok, false}"},
      {"{release, n}", "global_name_server", "{unregister_name, n}", "ok", "{ok, ok}"},
      {"{find, n}", "global_name_server", "{whereis_name, n}", "SELF", "{ok, SELF}"},
      {"{find, n}", "global_name_server", "{whereis_name, n}", "undefined", "{ok, undefined}"},
      {"{start, <<\"shop:game\">>, <<>>, #{}}", "crew",
       "{start_child, #{id => 'shop:game', restart => temporary, significant => false, shutdown => 5000, "
       "modules => "
       "[shop], type => worker, start => {coppice, start_link, ['shop:game', #{}]}}}",
       "{ok, SELF}", "{ok, SELF}"},
      {"{start, <<\"shop\">>, <<\"one\">>, 7}", "crew",
       "{start_child, #{id => one, restart => temporary, significant => false, shutdown => 5000, modules => "
       "[shop], "
       "type => worker, start => {coppice, start_link, [shop, 7]}}}",
       "{error, {already_started, SELF}}", "{error, -19, {already_started, SELF}}"},
      {"{extra, #{a => 1}}", "crew", "{start_child, [#{a => 1}]}", "{ok, undefined}", "{ok, undefined}"},
      {"{hire, <<\"ann\">>, 3}", "crew",
       "{start_child, #{id => ann, restart => permanent, significant => false, shutdown => 5000, modules => "
       "[caretaker], name => ann, type => worker, start => {coppice, start_link, ['caretaker:worker', "
       "#{level => "
       "3}]}}}",
       "{ok, SELF}", "{ok, SELF}"},
      {"{keep, <<\"ann\">>, 7, 250}", "crew",
       "{start_child, #{id => ann, restart => permanent, significant => false, shutdown => 5000, modules => "
       "[caretaker], mailbox => #{limit => 7, bytes => 0, on_full => exit}, backoff => #{first => 250, max "
       "=> "
       "2000, jitter => 0.0}, unhandled => reply_error, type => worker, start => {coppice, start_link, "
       "['caretaker:worker', #{level => 1}]}}}",
       "{error, {invalid_backoff, <<\"why\">>}}", "{error, -19, {invalid_backoff, <<\"why\">>}}"},
      {"hire_any", "crew",
       "{start_child, #{id => 'caretaker:worker', restart => permanent, significant => false, shutdown => "
       "5000, "
       "modules => [caretaker], type => worker, start => {coppice, start_link, ['caretaker:worker', #{}]}}}",
       "{ok, SELF}", "{ok, SELF}"},
      {"{rehire, <<\"ann\">>}", "crew", "{restart_child, ann}", "{error, running}", "{error, -19, running}"},
      {"{rehire, <<\"ann\">>}", "crew", "{restart_child, ann}", "{ok, SELF}", "{ok, SELF}"},
      {"{found, <<\"team\">>, <<\"one_for_all\">>}", "crew",
       "{start_child, #{id => team, restart => permanent, significant => false, type => supervisor, start => "
       "{coppice, "
       "start_link, [supervisor, {#{strategy => one_for_all, auto_shutdown => never, on_exceeded => "
       "escalate, name => "
       "team, intensity => 5, period => 5}, ["
       "#{id => first, restart => permanent, significant => false, shutdown => 5000, modules => [caretaker], "
       "name => "
       "first, type => worker, start => {coppice, start_link, ['caretaker:worker', #{level => 1}]}}, "
       "#{id => second, restart => permanent, significant => false, shutdown => 5000, modules => "
       "[caretaker], name => "
       "second, type => worker, start => {coppice, start_link, ['caretaker:worker', #{level => 2}]}}]}]}}}",
       "{error, {supervisor_data, {invalid_strategy, x}}}",
       "{error, -19, {supervisor_data, {invalid_strategy, x}}}"},
      {"{terminate, <<\"one\">>}", "crew", "{terminate_child, one}", "ok", "{ok, ok}"},
      {"{terminate_pid, SELF}", "crew", "{terminate_child, SELF}", "{error, not_found}",
       "{error, -19, not_found}"},
      {"{forget, <<\"one\">>}", "crew", "{delete_child, one}", "{error, running}", "{error, -19, running}"},
  };
  const plugin caretakers = fixture("caretaker");
  for (const row& each : rows) {
    CAPTURE(each.asked);
    CAPTURE(each.reply);
    actor one(caretakers);
    const auto term = [&one](std::string written) {
      for (std::size_t at; (at = written.find("SELF")) != written.npos;)
        written.replace(at, 4, text(one.pid()));
      return erl(written);
    };
    one.serve(each.server, [&](const value& asked) {
      CHECK(asked == term(each.request));
      return replies(term(each.reply));
    });
    CHECK(one.call(term(each.asked)) == term(each.told));
    CHECK(one.did.calls.size() == 1);
  }
}

TEST_CASE("a service that is not there is noproc, and an answer of another shape is said") {
  const plugin caretakers = fixture("caretaker");
  actor one(caretakers);
  CHECK(one.call("{join, room}"_erl) == "{error, -6, undefined}"_erl);
  CHECK(one.call("{find, n}"_erl) == "{error, -6, undefined}"_erl);
  CHECK(one.call("{forget, <<\"one\">>}"_erl) == "{error, -6, undefined}"_erl);
  one.serve("crew", [](const value&) { return replies("what"_erl); });
  CHECK(one.call("{forget, <<\"one\">>}"_erl) == "{error, -15, what}"_erl);
}

TEST_CASE("an actor is started by its class, linked, monitored, or neither") {
  const plugin caretakers = fixture("caretaker");
  actor one(caretakers);
  for (const char* how : {"link", "monitor", "none"}) {
    CAPTURE(how);
    const bool monitored = std::string_view(how) == "monitor";
    const value told = one.call(erl("{raise, <<\"" + std::string(how) + "\">>, 3}")).reply();
    REQUIRE_FALSE(one.did.children.empty());
    const child made = one.did.children.back();
    CHECK(made.actor == "caretaker:worker");
    CHECK(made.args == "#{level => 3}"_erl);
    CHECK(made.linked == (std::string_view(how) == "link"));
    CHECK(made.monitored == monitored);
    CHECK(told == erl("{0, " + text(made.pid) + (monitored ? ", true}" : ", false}")));
  }
  one.call("raise_any"_erl);
  CHECK(one.did.children.back().args == "#{}"_erl);
  one.refuse_children([](const child&) { return "{tired, 1}"_erl; });
  CHECK(one.call("raise_any"_erl) == "{-8, {tired, 1}, false}"_erl);
}

TEST_CASE("a class that starts as a child and is not in COPPICE_PLUGIN keeps the plugin from being one") {
  CHECK_THROWS_WITH(
      fixture("caretaker_unlisted"),
      "init of plugin caretaker failed: its code starts actors of the class caretaker::worker, which "
      "COPPICE_PLUGIN does not list");
}

TEST_CASE("a supervisor that nothing would tell from its siblings is refused before it is asked for") {
  const plugin caretakers = fixture("caretaker");
  actor one(caretakers);
  one.call("anonymous"_erl);
  CHECK(
      text(one.reason()) ==
      "{exception,'std::invalid_argument',<<\"a supervisor that is to be a child needs an id or a name\">>}");
  CHECK(one.did.calls.empty());
}
