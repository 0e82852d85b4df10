// SPDX-License-Identifier: MIT
// Requests of a plugin's that do not wait: what arrives when nobody asks any more is for nobody. An answer
// that came before its request was given up lies in the mailbox already, where no alias can stop it.
#include "host/requests.hpp"

#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

// Keeps what it is asked, and answers when it is told `now`.
class oracle : public behaviours::native_server {
 public:
  oracle() : native_server("oracle") {}

 protected:
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override {
    if (!etf::cursor(request.bytes()).read_atom_is("now")) {
      asked_.push_back(from);
      return no_reply();
    }
    for (const runtime::message& one : std::exchange(asked_, {}))
      behaviours::gen::reply(self, one, term("answer"));
    return reply(term("answered"));
  }

 private:
  std::vector<runtime::message> asked_;
};

class asking : public stage {
 public:
  asking() { REQUIRE(host.system.spawn({.name = "oracle"}, std::make_unique<oracle>()).has_value()); }
};

coppice_bytes bytes_of(const runtime::message& m) {
  return {m.bytes().data(), m.size()};
}

std::uint64_t ask(coppice_actor* self, std::string_view whom, std::uint64_t tag) {
  const auto to = term(whom);
  literal request("question");
  std::uint64_t id = 0;
  CHECK(calls.request(self, bytes_of(to), &request.raw, COPPICE_FOREVER, tag, &id) == COPPICE_OK);
  return id;
}

// Once this returns, what was asked before has been answered: the answers lie in self's mailbox.
void have_it_answered(coppice_actor* self) {
  const auto to = term("oracle");
  literal now("now");
  coppice_message answered{};
  CHECK(calls.call(self, bytes_of(to), &now.raw, COPPICE_FOREVER, &answered) == COPPICE_OK);
  messages.release(&answered);
}

// {Tag, Ref} with the reference of a request.
runtime::message about(coppice_actor* self, std::string_view tag, std::uint64_t id) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom(tag);
  runtime::write(out, self->extra->requests.at(id).ref, self->process->host().nodes());
  return out.take();
}

} // namespace

TEST_CASE("an answer that came before its request was cancelled is dropped") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t id = ask(self, "oracle", 1);
    ask(self, "oracle", 2);
    have_it_answered(self);
    CHECK(calls.cancel(self, id) == COPPICE_OK);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(3) == strings{"init #{}", "response 2 0 answer", "info last"});
}

TEST_CASE("an answer that comes right behind its request's deadline is dropped") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    // As the timer of a deadline sends it.
    const auto deadline = about(self, "$coppice_deadline", ask(self, "oracle", 1));
    self->process->notify(self->process->self(), deadline);
    have_it_answered(self);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(3) ==
        strings{"init #{}", "response 1 " + std::to_string(COPPICE_E_TIMEOUT) + " nothing", "info last"});
}

TEST_CASE("the callee's end that came before its request was cancelled is dropped") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t id = ask(self, "nobody", 1); // whose 'DOWN' is there at once
    have_it_answered(self);
    CHECK(calls.cancel(self, id) == COPPICE_OK);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(2) == strings{"init #{}", "info last"});
}

TEST_CASE("what looks like an answer and is none of a request's reaches its callback") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    ask(self, "oracle", 1);
    have_it_answered(self);
    coppice_message alias{};
    CHECK(actors.alias(self, 0, &alias) == COPPICE_OK);
    runtime::message_writer out;
    out.tuple(2);
    out.list(1);
    out.atom("alias");
    out.raw({alias.data, alias.size});
    out.atom("own");
    self->process->send(self->process->self(), out.take());
    messages.release(&alias);
    return answer(self, from, "done");
  };
  play.info = [](coppice_actor*, const coppice_message* m) {
    const std::string text = shown(m);
    return note(text.starts_with("{[alias|") ? "own" : text);
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("{[alias|#Ref<a@b.300.1.2.3>], foreign}");
  set.send("{'$coppice_deadline', mine}");
  CHECK(set.lines(5) ==
        strings{"init #{}", "response 1 0 answer", "own", "own", "{'$coppice_deadline',mine}"});
}
