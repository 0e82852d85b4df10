// SPDX-License-Identifier: MIT
// Tests of a plugin's requests without waiting. An answer that comes when its request is over reaches no
// callback, even if it lay in the mailbox before the request was cancelled, where no alias can stop it. Also
// tests requests that are awaited later, wherever their answer is by then.
#include "host/boundary/requests.hpp"

#include "runtime/messages/call_forms.hpp"
#include "runtime/remote_router.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

// Keeps the calls that it gets, and answers them all on the call `now`.
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
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    if (etf::cursor(m.bytes()).read_atom_is("end")) return runtime::stop(term("tired"));
    for (const runtime::message& one : std::exchange(asked_, {}))
      behaviours::gen::reply(self, one, term("late"));
    return runtime::carry_on();
  }

  std::vector<runtime::message> asked_;
};

// Other nodes, which are connected and never answer.
class silent_nodes final : public runtime::remote_router {
 public:
  void route(const destination&, runtime::signal_ptr) override {}
  bool route_ahead(const destination&, runtime::signal_ptr) override { return true; }
  bool connected(std::uint32_t) const override { return true; }
  bool takes_bare_calls(std::uint32_t) const override { return false; }
  bool busy(std::uint32_t) const override { return false; }
  bool rest(std::uint32_t, const runtime::pid&, std::uint64_t) override { return false; }
  void monitor_node(const runtime::pid&, std::uint32_t, bool) override {}
  std::vector<std::string> nodes(which) const override { return {}; }
  void connect(std::uint32_t, const runtime::reference&) override {}
  base::status disconnect(std::uint32_t, std::string) override { return {}; }
};

class asking : public stage {
 public:
  asking() { REQUIRE(host.system.spawn({.name = "oracle"}, std::make_unique<oracle>()).has_value()); }
};

coppice_bytes bytes_of(const runtime::message& m) {
  return {m.bytes().data(), m.size()};
}

std::uint64_t ask(coppice_actor* self, std::string_view whom, std::uint64_t tag,
                  std::int64_t deadline = COPPICE_FOREVER) {
  const auto to = term(whom);
  literal request("question");
  std::uint64_t id = 0;
  CHECK(calls.request(self, bytes_of(to), &request.raw, deadline, tag, &id) == COPPICE_OK);
  return id;
}

// Awaits the request. Returns the status, and the answer or the reason.
std::string awaited(coppice_actor* self, std::uint64_t id) {
  coppice_message got{};
  const std::int32_t status = host::await_interface()->await(self, id, &got);
  const std::string text = std::to_string(status) + " " + shown(&got);
  if (got.size != 0) messages.release(&got);
  return text;
}

// Sends `what` to the oracle after that time.
void tell_later(coppice_actor* self, std::string_view what, std::int64_t milliseconds) {
  self->process->start_timer(base::mono_now() + milliseconds * base::nanos_per_ms,
                             destination::named("oracle"), term(what));
}

// How many processes monitor the oracle, once everything that was sent to it has arrived.
std::size_t watchers_of_oracle(test_host& host) {
  CHECK(host.call(destination::named("oracle"), "now") == "answered");
  const auto oracle = host.system.info(*host.system.whereis("oracle"));
  return oracle ? oracle->monitored_by.size() : 99;
}

std::string status(std::int32_t of) {
  return std::to_string(of) + " nothing";
}

// Returns once earlier requests have been answered: the answers are in self's mailbox.
void have_it_answered(coppice_actor* self) {
  const auto to = term("oracle");
  literal now("now");
  coppice_message answered{};
  CHECK(calls.call(self, bytes_of(to), &now.raw, COPPICE_FOREVER, &answered) == COPPICE_OK);
  messages.release(&answered);
}

// {Tag, Ref} with the reference of the request `id`.
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
    // The notice that the timer of a deadline sends.
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
    const std::uint64_t id = ask(self, "nobody", 1); // its 'DOWN' comes at once
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

TEST_CASE("a context is kept with its request until its end is told of, and shown to that callback alone") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const auto& contexts = *host::context_interface();
    const std::uint64_t first = ask(self, "oracle", 1);
    const std::uint64_t second = ask(self, "nobody", 2);
    ask(self, "oracle", 3);
    for (const char* each : {"{caller, 1}", "{caller, 2}"}) { // the later context counts
      literal kept(each);
      CHECK(contexts.keep(self, first, &kept.raw) == COPPICE_OK);
    }
    literal other("other");
    CHECK(contexts.keep(self, second, &other.raw) == COPPICE_OK);
    literal late("late");
    CHECK(contexts.keep(self, 12345, &late.raw) == COPPICE_E_NOT_FOUND);
    coppice_message none{};
    CHECK(contexts.keep(self, second, &none) == COPPICE_E_TERM);
    CHECK(context(self).empty());
    have_it_answered(self);
    return answer(self, from, "done");
  };
  play.info = [](coppice_actor* self, const coppice_message* m) {
    return note("info " + shown(m) + context(self));
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  auto lines = set.lines(5);
  std::ranges::sort(lines);
  CHECK(lines == strings{"info last", "init #{}", "response 1 0 answer with {caller,2}",
                         "response 2 " + std::to_string(COPPICE_E_NOPROC) + " nothing with other",
                         "response 3 0 answer"});
}

TEST_CASE(
    "an answer that is awaited is had where it lies in the mailbox, and on_response hears nothing of it") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t first = ask(self, "oracle", 1);
    const std::uint64_t second = ask(self, "oracle", 2);
    const std::uint64_t third = ask(self, "nobody", 3);
    have_it_answered(self);
    CHECK(awaited(self, second) == "0 answer");
    CHECK(awaited(self, second) == status(COPPICE_E_NOT_FOUND));
    CHECK(awaited(self, third) == status(COPPICE_E_NOPROC));
    CHECK(first != second);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(3) == strings{"init #{}", "response 1 0 answer", "info last"});
}

TEST_CASE("an answer that came while its actor was suspended is had by who awaits it") {
  asking set;
  std::uint64_t id = 0;
  play.call = [&id](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    id = ask(self, "oracle", 1);
    return answer(self, from, "asked");
  };
  play.info = [&id](coppice_actor* self, const coppice_message*) { return note(awaited(self, id)); };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "asked");
  CHECK(set.host.system_request(destination::named("scripted"), "suspend") == "ok");
  set.send("first");
  CHECK(set.host.call(destination::named("oracle"), "now") == "answered");
  set.send("second"); // it comes after the answer
  CHECK(set.host.system_request(destination::named("scripted"), "resume") == "ok");
  CHECK(set.lines(3) == strings{"init #{}", "0 answer", status(COPPICE_E_NOT_FOUND)});
  play.info = {};
}

TEST_CASE("an answer that comes later is waited for, while other messages wait in their order") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t id = ask(self, "oracle", 1);
    self->process->send(self->process->self(), term("before"));
    tell_later(self, "speak", 20);
    CHECK(awaited(self, id) == "0 late");
    CHECK(self->extra->requests.empty());
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(3) == strings{"init #{}", "info before", "info last"});
  CHECK(watchers_of_oracle(set.host) == 0); // the oracle is not monitored any more
}

TEST_CASE("a request is awaited until its own deadline, and a later answer to it is dropped") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const base::nanos began = base::mono_now();
    const std::uint64_t id = ask(self, "oracle", 1, began + 30 * base::nanos_per_ms);
    CHECK(awaited(self, id) == status(COPPICE_E_TIMEOUT));
    CHECK(base::mono_now() - began >= 30 * base::nanos_per_ms);
    // The deadline of this request has passed when it is awaited, whether or not its timer has fired.
    const std::uint64_t over = ask(self, "oracle", 2, base::mono_now());
    CHECK(awaited(self, over) == status(COPPICE_E_TIMEOUT));
    have_it_answered(self);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(2) == strings{"init #{}", "info last"});
}

TEST_CASE("a deadline that came before the answer counts for who awaits it, too") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t id = ask(self, "oracle", 1);
    const auto deadline = about(self, "$coppice_deadline", id);
    self->process->notify(self->process->self(), deadline);
    have_it_answered(self);
    CHECK(awaited(self, id) == status(COPPICE_E_TIMEOUT));
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(2) == strings{"init #{}", "info last"});
}

TEST_CASE("an answer of another node that found the mailbox full counts before a deadline that has passed") {
  silent_nodes others;
  asking set;
  set.host.system.set_router(&others);
  const std::uint32_t far = *set.host.system.nodes().intern("far@away");
  play.call = [far](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    runtime::process& process = *self->process;
    runtime::system& host = process.host();
    const std::uint64_t id = ask(self, "{oracle, 'far@away'}", 1, base::mono_now());
    const runtime::reference ref = self->extra->requests.at(id).ref;
    const auto comes = [&](const destination& to, runtime::message m) {
      auto what = runtime::make_signal(runtime::signal_kind::message, {far, 7, 1, 1}, std::move(m));
      what->flags = runtime::signal::remote;
      CHECK(host.deliver(to, std::move(what)) == runtime::send_status::ok);
    };
    for (const char* one : {"first", "second"}) process.send(process.self(), term(one));
    comes(process.self(), term("outside"));
    comes(destination::alias(ref),
          runtime::whole_answer(host.nodes(), runtime::call_id::of(ref), term("answer")));
    CHECK(awaited(self, id) == "0 answer");
    return answer(self, from, "done");
  };
  auto does = host::make_actor(set.plan());
  REQUIRE(set.host.system.spawn({.name = "scripted", .mailbox = {.messages = 2}}, std::move(does)));
  CHECK(set.call("go") == "done");
  CHECK(set.lines(4) == strings{"init #{}", "info first", "info second", "info outside"});
}

TEST_CASE("who awaits hears of the callee's end, with its reason, before and while it waits") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t first = ask(self, "oracle", 1);
    const std::uint64_t second = ask(self, "oracle", 2);
    tell_later(self, "'end'", 20);
    CHECK(awaited(self, first) == std::to_string(COPPICE_E_EXIT) + " tired");
    CHECK(awaited(self, second) == std::to_string(COPPICE_E_EXIT) + " tired");
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
}

TEST_CASE("what is no open request is not found, and without a place for the answer nothing is awaited") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    CHECK(awaited(self, 0) == status(COPPICE_E_NOT_FOUND));
    CHECK(awaited(self, 12345) == status(COPPICE_E_NOT_FOUND));
    const std::uint64_t id = ask(self, "oracle", 1);
    CHECK(host::await_interface()->await(self, id, nullptr) == COPPICE_E_INVALID);
    CHECK(calls.cancel(self, id) == COPPICE_OK);
    CHECK(awaited(self, id) == status(COPPICE_E_NOT_FOUND));
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  coppice_message none{};
  CHECK(host::await_interface()->await(nullptr, 1, &none) == COPPICE_E_INVALID);
}

TEST_CASE("an answer that was made up is not awaited: a 'DOWN' in a plain message, or another's alias") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const std::uint64_t id = ask(self, "oracle", 1);
    runtime::message_writer out;
    out.tuple(5);
    out.atom("DOWN");
    runtime::write(out, self->extra->requests.at(id).ref, self->process->host().nodes());
    out.atom("process");
    out.atom("oracle");
    out.atom("invented");
    self->process->send(self->process->self(), out.take());
    tell_later(self, "speak", 20);
    CHECK(awaited(self, id) == "0 late");
    return answer(self, from, "done");
  };
  play.info = [](coppice_actor*, const coppice_message* m) {
    return note(shown(m).starts_with("{'DOWN',") ? "invented" : shown(m));
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(3) == strings{"init #{}", "invented", "last"});
}

TEST_CASE("an actor that is killed while it awaits ends, and its request with it") {
  asking set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes) {
    const std::uint64_t id = ask(self, "oracle", 1);
    note("awaits");
    CHECK(awaited(self, id) == status(COPPICE_E_EXITING));
    return COPPICE_E_EXITING;
  };
  REQUIRE(set.start() == "ok");
  set.send("unread");
  set.host.run([](runtime::process& self) {
    const auto to = destination::named("scripted");
    return self.send(to, behaviours::gen::call_message(self, self.make_ack(), term("go").bytes()));
  });
  CHECK(set.lines(3).back() == "awaits");
  const auto pid = *set.host.system.whereis("scripted");
  const bool waits = set.host.run([&](runtime::process& self) {
    const base::nanos end = base::mono_now() + 10 * base::nanos_per_second;
    for (;;) { // until it is parked
      const auto now = self.waited_for_by(pid, end);
      if (!now || now->what == runtime::waited_for::kind::answer) return now.has_value();
    }
  });
  CHECK(waits);
  set.host.system.exit(pid, term("kill"));
  CHECK(set.lines(1) == strings{"destroy"});
  CHECK(watchers_of_oracle(set.host) == 0);
}
