// SPDX-License-Identifier: MIT
// Tests of the flags and options of "coppice.actor/1" and of cast: which are refused, and what the others
// do.
#include <array>

#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

// Runs `does` in the actor's own turn, in a call.
template <class Does>
void in_turn(stage& set, Does does) {
  play.call = [does](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    does(self);
    return answer(self, from, "done");
  };
  CHECK(set.call("go") == "done");
}

struct kept_term {
  explicit kept_term(std::string_view text) : held(term(text)) {}
  operator coppice_bytes() const { return {held.bytes().data(), held.size()}; }
  runtime::message held;
};

// A message with an owner, so that the test can see whether it was consumed.
coppice_message owned(std::string_view text) {
  const literal from(text);
  coppice_message made{};
  CHECK(messages.retain(&from.raw, &made) == COPPICE_OK);
  return made;
}

// The functions that send, each with the given flags and receiver. Each checks that the message was
// consumed.
using sender = std::int32_t (*)(coppice_actor* self, coppice_bytes to, std::uint32_t flags);
struct named_sender {
  const char* name;
  sender sends;
};
constexpr std::array senders{
    named_sender{"send",
                 [](coppice_actor* self, coppice_bytes to, std::uint32_t flags) {
                   coppice_message m = owned("m");
                   const std::int32_t status = actors.send(self, to, &m, flags);
                   CHECK(m.owner == nullptr);
                   return status;
                 }},
    named_sender{"cast",
                 [](coppice_actor* self, coppice_bytes to, std::uint32_t flags) {
                   coppice_message m = owned("c");
                   const std::int32_t status = calls.cast(self, to, &m, flags);
                   CHECK(m.owner == nullptr);
                   return status;
                 }},
    named_sender{"exit",
                 [](coppice_actor* self, coppice_bytes to, std::uint32_t flags) {
                   return actors.exit(self, to, kept_term("normal"), flags);
                 }},
    named_sender{"link", [](coppice_actor* self, coppice_bytes to,
                            std::uint32_t flags) { return actors.link(self, to, flags); }},
    named_sender{"monitor",
                 [](coppice_actor* self, coppice_bytes to, std::uint32_t flags) {
                   coppice_message reference{};
                   const std::int32_t status = actors.monitor(self, to, flags, nullptr, &reference);
                   CHECK((reference.size != 0) == (status == COPPICE_OK));
                   messages.release(&reference);
                   return status;
                 }},
};

} // namespace

TEST_CASE("a flag that is not known is refused, nothing is done, and what was given is consumed") {
  stage set;
  REQUIRE(set.start() == "ok");
  in_turn(set, [](coppice_actor* self) {
    const coppice_bytes me = actors.self_borrowed(self);
    for (const auto& each : senders) {
      CAPTURE(each.name);
      for (const std::uint32_t flags : {COPPICE_ONCE, COPPICE_ONCE | COPPICE_PRIORITY, 16U, 1U << 31})
        CHECK(each.sends(self, me, flags) == COPPICE_E_UNSUPPORTED);
    }
    coppice_message made{};
    for (const std::uint32_t flags : {COPPICE_NO_CONNECT, COPPICE_NO_WAIT, 16U})
      CHECK(actors.alias(self, flags, &made) == COPPICE_E_UNSUPPORTED);
    coppice_spawn_options here{};
    here.size = sizeof here;
    here.flags = 4;
    CHECK(actors.spawn(self, &here, &made, nullptr) == COPPICE_E_UNSUPPORTED);
    coppice_remote_spawn elsewhere{};
    elsewhere.size = sizeof elsewhere;
    elsewhere.flags = 4;
    CHECK(actors.spawn_at(self, &elsewhere, &made, nullptr) == COPPICE_E_UNSUPPORTED);
    CHECK(made.size == 0);
  });
  set.send("last");
  CHECK(set.lines(2) == strings{"init #{}", "info last"});
}

TEST_CASE("to a node that is not connected nothing goes that may not connect") {
  stage set;
  REQUIRE(set.start() == "ok");
  const auto there = set.host.run([](runtime::process& self) {
    runtime::message_writer out;
    const std::uint32_t node = *self.host().nodes().intern("far@away");
    runtime::write(out, runtime::pid{node, 9, 1, 1}, self.host().nodes());
    return out.take();
  });
  in_turn(set, [&](coppice_actor* self) {
    for (const auto& each : senders) {
      CAPTURE(each.name);
      CHECK(each.sends(self, {there.bytes().data(), there.size()}, COPPICE_NO_CONNECT) == COPPICE_E_NODEDOWN);
    }
    CHECK(self->process->host().info(self->process->self())->links.empty());
  });
}

TEST_CASE("here every flag that a function takes lets it do what it is for") {
  stage set;
  REQUIRE(set.start(bare_type) == "ok");
  REQUIRE(set.start() == "ok");
  in_turn(set, [](coppice_actor* self) {
    coppice_message other{};
    REQUIRE(actors.whereis(self, coppice_text("bare"), &other) == COPPICE_OK);
    for (const auto& each : senders) {
      CAPTURE(each.name);
      if (std::string_view(each.name) == "cast") continue; // a cast makes this callee end
      const bool waits = std::string_view(each.name) == "send";
      for (std::uint32_t flags = 0; flags < 8; ++flags) {
        const bool takes = waits || (flags & COPPICE_NO_WAIT) == 0;
        CHECK(each.sends(self, {other.data, other.size}, flags) ==
              (takes ? COPPICE_OK : COPPICE_E_UNSUPPORTED));
      }
    }
    messages.release(&other);
    const coppice_bytes me = actors.self_borrowed(self);
    for (std::uint32_t flags = 0; flags < 8; ++flags) CHECK(senders[1].sends(self, me, flags) == COPPICE_OK);
  });
  const strings lines = set.lines(9);
  CHECK(std::ranges::count(lines, "cast c") == 8);
}

TEST_CASE("an alias takes what has priority first, and one that is for once takes one message") {
  stage set;
  REQUIRE(set.start() == "ok");
  in_turn(set, [](coppice_actor* self) {
    coppice_message alias{};
    REQUIRE(actors.alias(self, COPPICE_PRIORITY | COPPICE_ONCE, &alias) == COPPICE_OK);
    literal ordinary("a");
    literal urgent("b");
    literal late("c");
    const coppice_bytes to{alias.data, alias.size};
    CHECK(actors.send(self, actors.self_borrowed(self), &ordinary.raw, 0) == COPPICE_OK);
    CHECK(actors.send(self, to, &urgent.raw, COPPICE_PRIORITY) == COPPICE_OK);
    CHECK(actors.send(self, to, &late.raw, COPPICE_PRIORITY) == COPPICE_OK);
    messages.release(&alias);
  });
  set.send("last");
  CHECK(set.lines(4) == strings{"init #{}", "info b", "info a", "info last"});
}

TEST_CASE("a monitor's options are those of its first release or more, and what is not known is refused") {
  struct grown {
    coppice_monitor_options known;
    std::uint64_t more;
  };
  const kept_term tag("gone");
  const coppice_bytes none{nullptr, 0};
  const coppice_bytes junk = coppice_text("\x83");
  constexpr std::uint32_t size = sizeof(coppice_monitor_options);
  struct row {
    coppice_monitor_options options;
    std::int32_t status;
  };
  const row rows[] = {
      {{size, COPPICE_ALIAS_NONE, none}, COPPICE_OK},
      {{size, COPPICE_ALIAS_EXPLICIT, none}, COPPICE_OK},
      {{size, COPPICE_ALIAS_DEMONITOR, none}, COPPICE_OK},
      {{size, COPPICE_ALIAS_REPLY, tag}, COPPICE_OK},
      {{sizeof(grown), COPPICE_ALIAS_REPLY, none}, COPPICE_OK},
      {{COPPICE_MONITOR_OPTIONS_LEAST - 1, COPPICE_ALIAS_NONE, none}, COPPICE_E_INVALID},
      {{0, COPPICE_ALIAS_NONE, none}, COPPICE_E_INVALID},
      {{size, 4, none}, COPPICE_E_UNSUPPORTED},
      {{size, COPPICE_ALIAS_NONE, junk}, COPPICE_E_TERM},
  };
  stage set;
  REQUIRE(set.start() == "ok");
  in_turn(set, [&](coppice_actor* self) {
    for (const row& each : rows) {
      CAPTURE(each.options.alias);
      CAPTURE(each.options.size);
      const grown given{each.options, ~0ULL};
      coppice_message reference{};
      CHECK(actors.monitor(self, actors.self_borrowed(self), 0, &given.known, &reference) == each.status);
      CHECK((reference.size != 0) == (each.status == COPPICE_OK));
      messages.release(&reference);
    }
  });
}

TEST_CASE("a monitor's reference is the alias it was asked to be, and its end has its tag") {
  stage set;
  REQUIRE(set.start(bare_type) == "ok");
  REQUIRE(set.start() == "ok");
  in_turn(set, [](coppice_actor* self) {
    const kept_term tag("{gone, for_good}");
    const kept_term bare("bare");
    const coppice_monitor_options reply{sizeof reply, COPPICE_ALIAS_REPLY, tag};
    const coppice_monitor_options lasting{sizeof lasting, COPPICE_ALIAS_EXPLICIT, tag};
    for (const auto* options : {&reply, &lasting}) {
      coppice_message reference{};
      REQUIRE(actors.monitor(self, bare, 0, options, &reference) == COPPICE_OK);
      const coppice_bytes to{reference.data, reference.size};
      for (const char* each : {"first", "second"}) {
        literal m(each);
        CHECK(actors.send(self, to, &m.raw, 0) == COPPICE_OK);
      }
      messages.release(&reference);
    }
  });
  CHECK(set.lines(4) == strings{"init #{}", "info first", "info first", "info second"});
  set.host.system.exit(*set.host.system.whereis("bare"), term("kill"));
  const strings end = set.lines(1);
  REQUIRE(end.size() == 1);
  CHECK(end[0].starts_with("info {{gone,for_good},#Ref"));
  CHECK(end[0].ends_with(",process,{bare,test@localhost},killed}"));
  set.send("last");
  CHECK(set.lines(1) == strings{"info last"}); // the other monitor ended with the answer
}

TEST_CASE("options of a spawn are those of its first release or more") {
  stage set;
  REQUIRE(set.start() == "ok");
  in_turn(set, [](coppice_actor* self) {
    coppice_message made{};
    coppice_spawn_options here{};
    here.size = COPPICE_SPAWN_OPTIONS_LEAST - 1;
    CHECK(actors.spawn(self, &here, &made, nullptr) == COPPICE_E_INVALID);
    CHECK(actors.spawn(self, nullptr, &made, nullptr) == COPPICE_E_INVALID);
    here.size = COPPICE_SPAWN_OPTIONS_LEAST;
    here.actor = coppice_text("test:scribe");
    CHECK(actors.spawn(self, &here, &made, nullptr) == COPPICE_E_UNSUPPORTED); // the host has no factory
    coppice_remote_spawn elsewhere{};
    elsewhere.size = COPPICE_REMOTE_SPAWN_LEAST - 1;
    CHECK(actors.spawn_at(self, &elsewhere, &made, nullptr) == COPPICE_E_INVALID);
    CHECK(actors.spawn_at(self, nullptr, &made, nullptr) == COPPICE_E_INVALID);
  });
}
