// SPDX-License-Identifier: MIT
// Tests of the bundled transfer, driven without a node: what a desk plans, and that accounts do each key
// once, undo and settle what they did, and find it in their file again.
#include <doctest/doctest.h>
#include <coppice/testing/erlang.hpp>
#include <coppice/testing/saga.hpp>

#include <cstdio>

#include "places.hpp"
#include "temporary_folder.hpp"

using namespace coppice::testing;
using kind = saga_answer::kind;

namespace {

plugin transfer_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/transfer.so");
}
settings accounts_in(const std::string& file) {
  settings how;
  how.actor = "accounts";
  how.args = erl("#{open => #{ann => 10, bob => 0}, file => <<\"" + file + "\">>}");
  return how;
}
const value take4 = erl("{take, <<\"ann\">>, 4}");
const value give4 = erl("{give, <<\"bob\">>, 4}");

value balance(actor& of, const char* account) {
  return of.call(erl(std::string("{balance, <<\"") + account + "\">>}")).reply();
}

} // namespace

TEST_CASE("a desk takes the money first and then gives it") {
  const plugin from = transfer_plugin();
  actor desk(from, {.actor = "desk"});
  saga_in_test steps(desk);
  const saga_answer& plan =
      steps.start(erl("{move, {<<\"a\">>, <<\"ann\">>}, {<<\"b@n@h\">>, <<\"bob\">>}, 4}"));
  REQUIRE(plan.what == kind::steps);
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].to == "a");
  CHECK(plan.steps[0].what == take4);
  CHECK(plan.steps[1].to == "b@n@h");
  CHECK(plan.steps[1].what == give4);
  CHECK(steps.start(erl("what")).what == kind::failed);
  // An account whose name is not valid fails its transfer alone.
  for (const char* const wrong : {"<<>>", "<<\"a@b\">>", "<<\"@n@h\">>"})
    CHECK(steps.start(erl(std::string("{move, {<<\"a\">>, <<\"ann\">>}, {") + wrong + ", <<\"bob\">>}, 4}"))
              .what == kind::failed);
  CHECK(desk.did.complaints.empty());
}

TEST_CASE("accounts do a key once and undo it once, also after their end, with what was written") {
  const plugin from = transfer_plugin();
  coppice::test::temporary_folder folder;
  const std::string file = folder.path() + "/accounts";
  {
    actor bank(from, accounts_in(file));
    REQUIRE(bank.status() == COPPICE_OK);
    saga_in_test steps(bank);
    CHECK(steps.perform(take4).term == 6);
    CHECK(steps.perform(take4, {.attempt = 2}).term == 6);
    CHECK(steps.perform(give4, {.step = 2}).term == 4);
    CHECK(steps.perform(erl("{take, <<\"ann\">>, 7}"), {.step = 3}).term == atom("not_enough"));
    CHECK(steps.perform(erl("{give, <<\"nobody\">>, 7}"), {.step = 3}).term == atom("no_account"));
    CHECK(steps.perform(erl("what"), {.step = 3}).what == kind::failed);
    CHECK(bank.call(atom("sum")) == 10);
    CHECK(bank.did.complaints.empty());
  }
  if (FILE* torn = std::fopen(file.c_str(), "ab")) { // a crash within a write
    std::fwrite("\0\0\0\11x", 1, 5, torn);
    std::fclose(torn);
  }
  actor bank(from, accounts_in(file));
  REQUIRE(bank.status() == COPPICE_OK);
  saga_in_test steps(bank);
  CHECK(steps.perform(take4, {.attempt = 3}).term == 6);
  CHECK(steps.undo(give4, {.step = 2}).what == kind::done);
  CHECK(steps.undo(give4, {.step = 2}).what == kind::done);
  CHECK(steps.undo(take4).what == kind::done);
  CHECK(steps.undo(take4, {.step = 9}).what == kind::done);
  CHECK(balance(bank, "ann") == erl("{ok, 10}"));
  CHECK(balance(bank, "bob") == erl("{ok, 0}"));
  CHECK(balance(bank, "eve") == atom("none"));
}

TEST_CASE("an undo waits for money that was spent meanwhile") {
  const plugin from = transfer_plugin();
  actor bank(from, accounts_in(""));
  saga_in_test steps(bank);
  steps.perform(give4);
  steps.perform(erl("{take, <<\"bob\">>, 3}"), {.step = 2});
  CHECK(steps.undo(give4).what == kind::failed);
  steps.undo(erl("{take, <<\"bob\">>, 3}"), {.step = 2});
  CHECK(steps.undo(give4).what == kind::done);
  CHECK(bank.call(atom("sum")) == 10);
}

TEST_CASE("in two phases money is put aside, then moved or given back, also over a reload") {
  const plugin from = transfer_plugin();
  actor bank(from, accounts_in(""));
  saga_in_test first(bank);
  CHECK(first.prepare(take4).what == kind::done);
  CHECK(first.prepare(take4).what == kind::done);
  CHECK(first.prepare(give4, {.step = 2}).what == kind::done);
  CHECK(first.prepare(erl("{take, <<\"ann\">>, 7}"), {.step = 3}).what == kind::failed);
  CHECK(balance(bank, "ann") == erl("{ok, 6}"));
  CHECK(balance(bank, "bob") == erl("{ok, 0}"));
  CHECK(bank.call(atom("sum")) == 10);
  actor next = actor::restored(from, bank.save(), accounts_in(""));
  saga_in_test steps(next);
  for (int i = 0; i < 2; ++i) {
    CHECK(steps.commit().what == kind::done);
    CHECK(steps.commit(atom("x"), {.step = 2}).what == kind::done);
  }
  CHECK(balance(next, "bob") == erl("{ok, 4}"));
  steps.prepare(take4, {.step = 5});
  CHECK(steps.abort({.step = 5}).what == kind::done);
  CHECK(steps.abort({.step = 5}).what == kind::done);
  CHECK(balance(next, "ann") == erl("{ok, 6}"));
  CHECK(next.call(atom("sum")) == 10);
}
