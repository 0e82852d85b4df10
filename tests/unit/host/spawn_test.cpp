// SPDX-License-Identifier: MIT
// Tests of an actor that starts another one: what happens when the new process does not finish its init in
// time or its name is not free, and that a failed start leaves nothing behind at its starter.
#include <algorithm>

#include "host/boundary/host.hpp"
#include "runtime/processes/process_record.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

// A process whose init waits for ever. It notes when it is destroyed.
class never_ready : public runtime::behaviour {
 public:
  explicit never_ready(diary& book) : book_(book) {}
  ~never_ready() override { book_.write("gone"); }
  runtime::outcome init(runtime::process& self) override {
    (void)self.await(self.make_ack());
    return runtime::carry_on();
  }
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "never_ready"; }

 private:
  diary& book_;
};

class nursery : public runtime::actor_factory {
 public:
  explicit nursery(diary& book) : book_(book), scripted_(book) {}
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override {
    if (spec.actor == "never_ready") return std::make_unique<never_ready>(book_);
    return scripted_.make(spec);
  }

 private:
  diary& book_;
  scripted_factory scripted_;
};

struct asked {
  std::string_view actor;
  std::uint32_t flags = 0;
  std::string_view name{};
  std::int64_t deadline = COPPICE_FOREVER;
};

// Spawns, releases the pid and the reference, and returns the status.
std::int32_t spawn(coppice_actor* self, const asked& what) {
  const coppice_spawn_options options{
      sizeof(coppice_spawn_options),
      what.flags,
      {reinterpret_cast<const std::uint8_t*>(what.actor.data()), what.actor.size()},
      {reinterpret_cast<const std::uint8_t*>(what.name.data()), what.name.size()},
      {nullptr, 0},
      what.deadline};
  coppice_message pid{};
  coppice_message reference{};
  const std::int32_t status = actors.spawn(self, &options, &pid, &reference);
  messages.release(&pid);
  messages.release(&reference);
  return status;
}

// The number of calls, monitors and aliases that the process has.
std::size_t still_awaited(const runtime::process& self) {
  const runtime::relations* mine = runtime::record_of(self).related();
  return mine == nullptr ? 0 : mine->calls.size() + mine->monitors.size() + mine->aliases.size();
}

} // namespace

TEST_CASE("a start that is past its deadline ends the new process and touches its starter in no way") {
  constexpr std::int64_t past = 1;
  for (const bool trapping : {false, true}) {
    CAPTURE(trapping);
    stage set;
    nursery factory(set.host.book);
    set.host.system.set_factory(&factory);
    play.call = [](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
      if (shown(m) == "alive") return answer(self, from, "yes");
      const asked what{"never_ready", COPPICE_SPAWN_LINK | COPPICE_SPAWN_MONITOR, {}, past};
      CHECK(spawn(self, what) == COPPICE_E_TIMEOUT);
      return answer(self, from, "timeout");
    };
    REQUIRE(set.start(full_type, trapping) == "ok");
    CHECK(set.call("go") == "timeout");
    CHECK(set.lines(2) == strings{"init #{}", "gone"});
    CHECK(set.call("alive") == "yes");
    CHECK(set.host.book.lines().empty());
  }
}

TEST_CASE("a start that failed leaves no wait and no monitor with its starter") {
  struct row {
    const char* actor;
    const char* name;
    std::int32_t status;
  };
  const row rows[] = {{"scribe", "scripted", COPPICE_E_EXISTS},
                      {"scribe", "fails", COPPICE_E_EXIT},
                      {"ignoring", "", COPPICE_E_EXIT},
                      {"never_ready", "", COPPICE_E_TIMEOUT}};
  for (const row& each : rows) {
    CAPTURE(each.actor);
    CAPTURE(each.name);
    stage set;
    nursery factory(set.host.book);
    set.host.system.set_factory(&factory);
    set.host.book.failures[""] = 1;
    play.call = [&](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
      if (shown(m) == "alive") return answer(self, from, "yes");
      const std::int64_t deadline = each.status == COPPICE_E_TIMEOUT ? 1 : COPPICE_FOREVER;
      CHECK(spawn(self, {each.actor, COPPICE_SPAWN_MONITOR, each.name, deadline}) == each.status);
      CHECK(still_awaited(*self->process) == 0);
      return answer(self, from, "done");
    };
    play.info = [](coppice_actor*, const coppice_message*) { return note("heard of it"); };
    REQUIRE(set.start() == "ok");
    CHECK(set.call("go") == "done");
    CHECK(set.call("alive") == "yes");
    CHECK(std::ranges::count(set.host.book.lines(), "heard of it") == 0);
  }
}

TEST_CASE(
    "a spawn's options may have grown, but not be smaller than they were, nor ask for what is unknown") {
  stage set;
  nursery factory(set.host.book);
  set.host.system.set_factory(&factory);
  struct row {
    std::uint32_t size;
    std::uint32_t flags;
    std::int32_t status;
  };
  struct grown {
    coppice_spawn_options known;
    std::uint64_t more;
  };
  const row rows[] = {{sizeof(grown), 0, COPPICE_OK},
                      {COPPICE_SPAWN_OPTIONS_LEAST, COPPICE_SPAWN_LINK, COPPICE_OK},
                      {COPPICE_SPAWN_OPTIONS_LEAST - 1, 0, COPPICE_E_INVALID},
                      {sizeof(grown), 4, COPPICE_E_UNSUPPORTED}};
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    for (const row& each : rows) {
      const grown options{{each.size, each.flags, coppice_text("scribe"), {}, {}, COPPICE_FOREVER}, 1};
      coppice_message pid{};
      // CAPTURE belongs to a thread, and a spawn may continue on another thread: so it comes after the
      // spawn.
      const std::int32_t status = actors.spawn(self, &options.known, &pid, nullptr);
      CAPTURE(each.size);
      CHECK(status == each.status);
      CHECK((pid.size != 0) == (each.status == COPPICE_OK));
      messages.release(&pid);
    }
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
}

TEST_CASE("what is to be made elsewhere may have grown, but not be smaller, nor ask for what is unknown") {
  stage set;
  struct row {
    std::uint32_t size;
    std::uint32_t flags;
    std::int32_t status;
  };
  struct grown {
    coppice_remote_spawn known;
    std::uint64_t more;
  };
  // This node knows no other node, so a request that is not refused ends with nodedown.
  const row rows[] = {{sizeof(grown), 0, COPPICE_E_NODEDOWN},
                      {COPPICE_REMOTE_SPAWN_LEAST, COPPICE_SPAWN_LINK, COPPICE_E_NODEDOWN},
                      {COPPICE_REMOTE_SPAWN_LEAST - 1, 0, COPPICE_E_INVALID},
                      {sizeof(grown), 4, COPPICE_E_UNSUPPORTED}};
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    for (const row& each : rows) {
      CAPTURE(each.size);
      grown what{};
      what.known.size = each.size;
      what.known.flags = each.flags;
      what.known.node = coppice_text("a@b");
      what.known.module = coppice_text("m");
      what.known.function = coppice_text("f");
      coppice_message pid{};
      CHECK(actors.spawn_at(self, &what.known, &pid, nullptr) == each.status);
    }
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
}

TEST_CASE("a request that a full mailbox refuses is refused at once") {
  stage set;
  runtime::spawn_options options;
  options.name = "full";
  options.mailbox = {.messages = 1, .policy = runtime::on_full::drop_new};
  REQUIRE(
      set.host.system.spawn(std::move(options), std::make_unique<never_ready>(set.host.book)).has_value());
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const auto to = term("full");
    const coppice_bytes whom{to.bytes().data(), to.size()};
    literal first("first");
    CHECK(actors.send(self, whom, &first.raw, 0) == COPPICE_OK);
    literal request("x");
    std::uint64_t id = 0;
    CHECK(calls.request(self, whom, &request.raw, COPPICE_FOREVER, 7, &id) == COPPICE_E_FULL);
    CHECK(calls.cancel(self, id) == COPPICE_E_NOT_FOUND);
    CHECK(still_awaited(*self->process) == 0);
    return answer(self, from, "asked");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "asked");
}
