// SPDX-License-Identifier: MIT
// Calls within a node, which travel without gen's envelope. A process that asks for bare calls receives the
// request alone, and its reply goes alone; a process that asks for the whole message receives it with the
// envelope. Both get all that a call promises.
#include <future>

#include "runtime/actor.hpp"
#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime::testing {
namespace {

using came = answer_to_call::kind;
constexpr base::nanos long_enough = 20 * base::nanos_per_second;

// Answers N with N + 1, and does not answer anything else.
class adder : public behaviour {
 public:
  outcome init(process&) override { return carry_on(); }
  outcome receive(process&, message) override { return carry_on(); }
  outcome receive_call(process& self, const call_id& call, message request) override {
    if (const std::int64_t value = value_of(request); value >= 0) self.reply(call, number(value + 1));
    return carry_on();
  }
  void describe(description& out) const override { out.behaviour = "adder"; }
};

// Skips what precedes the request in {'$gen_call', {Pid, [alias|Ref]}, …}. Returns the alias. None: the term
// has another form.
std::optional<reference> past_envelope(etf::cursor& in, node_names& names) {
  std::uint32_t length = 0;
  if (!in.read_tuple_of(3) || !in.read_atom_is("$gen_call") || !in.read_tuple_of(2) || !read_pid(in, names) ||
      !in.read_list(length) || length != 1 || !in.read_atom_is("alias"))
    return std::nullopt;
  return read_reference(in, names);
}

} // namespace

TEST_CASE("a call of this node is answered by the reply alone, on one worker and between two") {
  for (const unsigned workers : {1U, 2U}) {
    node here(workers);
    const pid server = here.host.spawn({.worker = 0}, std::make_unique<adder>()).value();
    const actor client(here.host, {.worker = static_cast<int>(workers) - 1});
    CHECK(client.run([&](process& self) {
      for (std::int64_t i = 0; i < 2000; ++i) {
        const answer_to_call got = self.call(server, number(i), self.now() + long_enough);
        if (got.what != came::reply || value_of(got.term) != i + 1) return false;
      }
      return true;
    }));
  }
}

TEST_CASE("who does not ask for bare calls receives the whole, and its whole answer is told apart") {
  node here(2);
  const pid server = here.host
                         .spawn({.worker = 0}, script([](process& self, message m) {
                                  etf::cursor in(m.bytes());
                                  const auto alias = past_envelope(in, self.host().nodes());
                                  std::int64_t value = -1;
                                  if (!alias || !in.read_integer(value) || !in.at_end()) return carry_on();
                                  self.answer(*alias, number(value * 2));
                                  return carry_on();
                                }))
                         .value();
  const actor client(here.host, {.worker = 1});
  const answer_to_call got =
      client.run([&](process& self) { return self.call(server, number(21), self.now() + long_enough); });
  CHECK(got.what == came::enveloped);
  CHECK(value_of(got.term) == 42);
}

TEST_CASE("a call ends with the callee, at once for one that is gone, and at its deadline") {
  node here(2);
  const actor server(here.host, {.worker = 0});
  const actor client(here.host, {.worker = 1});
  const auto late =
      client.run([&](process& self) { return self.call(server.id(), atom("x"), self.now() + 1); });
  CHECK(late.what == came::timeout);
  std::promise<answer_to_call> ended;
  client.start([&](process& self) { ended.set_value(self.call(server.id(), atom("y"))); });
  REQUIRE(eventually([&] { return client.parked(); }));
  server.stop(atom("crash"));
  const answer_to_call why = ended.get_future().get();
  CHECK(why.what == came::down);
  CHECK(is_atom(why.term, "crash"));
  const auto gone = client.run([&](process& self) { return self.call(server.id(), atom("z")); });
  CHECK(gone.what == came::down);
  CHECK(is_atom(gone.term, "noproc"));
}

TEST_CASE("a reply that comes after its caller gave up is nobody's") {
  node here;
  std::promise<call_id> asked;
  class slow : public adder {
   public:
    explicit slow(std::promise<call_id>& told) : told_(told) {}
    outcome receive(process& self, message m) override {
      self.reply(saved_, std::move(m));
      return carry_on();
    }
    outcome receive_call(process&, const call_id& call, message) override {
      saved_ = call;
      told_.set_value(call);
      return carry_on();
    }

   private:
    std::promise<call_id>& told_;
    call_id saved_;
  };
  const pid server = here.host.spawn({}, std::make_unique<slow>(asked)).value();
  const actor client(here.host, {});
  CHECK(client.run([&](process& self) {
    return self.call(server, atom("question"), self.now() + 1).what == came::timeout;
  }));
  CHECK(asked.get_future().get().who == client.id());
  here.host.send(server, atom("late"));
  CHECK(eventually([&] { return here.host.counters().dead_letters == 1; }));
  CHECK(client.waiting() == 0);
}

TEST_CASE("a request whose caller gave up keeps its envelope for who asks for the whole message") {
  node here(1);
  const actor server(here.host, {});
  const actor client(here.host, {});
  std::promise<reference> made;
  server.start([&](process& self) {
    const reference door = self.make_ack();
    made.set_value(door);
    CHECK(self.await(door));
  });
  const reference door = made.get_future().get();
  // The only worker runs the server, which waits for the answer to `door`, after the client's turn.
  CHECK(client.run([&](process& self) {
    const answer_to_call got = self.call(server.id(), number(7), self.now() + 1);
    self.send(destination::alias(door), atom("open"));
    return got.what == came::timeout;
  }));
  const message request = server.next();
  etf::cursor in(request.bytes());
  const auto alias = past_envelope(in, here.host.nodes());
  REQUIRE(alias);
  CHECK(alias->owner() == client.id());
  std::int64_t value = 0;
  CHECK(in.read_integer(value));
  CHECK(value == 7);
}

TEST_CASE("the envelope is written as OTP writes it") {
  node here;
  const actor who(here.host, {});
  const call_id call{who.id(), 77};
  message whole = whole_call(here.host.nodes(), call, atom("hello"));
  etf::cursor in(whole.bytes());
  const auto alias = past_envelope(in, here.host.nodes());
  REQUIRE(alias);
  CHECK(alias->owner() == who.id());
  CHECK(alias->number() == 77);
  CHECK(in.read_atom_is("hello"));
  CHECK(in.at_end());
  const message answer = whole_answer(here.host.nodes(), call, number(5));
  etf::cursor at(answer.bytes());
  std::uint32_t length = 0;
  CHECK(at.read_tuple_of(2));
  CHECK(at.read_list(length));
  CHECK(at.read_atom_is("alias"));
  CHECK(read_reference(at, here.host.nodes()) == alias);
  CHECK(value_of(message::copy_of(at.rest())) == 5);
}

} // namespace coppice::runtime::testing
