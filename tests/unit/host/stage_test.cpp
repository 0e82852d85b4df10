// SPDX-License-Identifier: MIT
// Tests of a plugin's stages whose callbacks are written here, in a running system: a pipeline of three at
// the pace of the slowest, the host's functions and where they are allowed, a full mailbox, and a producer's
// end.
#include "host/actors/stage.hpp"

#include <map>

#include "heard_log.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

const coppice_stage_api& stages = *host::stage::host_interface();

struct stage_script {
  std::function<std::int32_t(coppice_actor*)> init;
  std::function<std::int32_t(coppice_actor*, std::uint64_t)> demand;
  std::function<std::int32_t(coppice_actor*, const coppice_message*, coppice_bytes)> events;
  std::function<std::int32_t(coppice_actor*, std::uint32_t, std::string)> cancel;
  std::function<std::int32_t(coppice_actor*)> choose; // null: by hash
};
stage_script source_acts, through_acts, sink_acts;

template <stage_script& Acts>
const coppice_lifecycle lifecycle_of = [] {
  coppice_lifecycle table{};
  table.size = sizeof table;
  table.init = [](coppice_actor* self, void*, const coppice_message*) {
    return Acts.init ? Acts.init(self) : COPPICE_OK;
  };
  return table;
}();

template <stage_script& Acts>
const coppice_stage table_of = [] {
  coppice_stage table{};
  table.size = sizeof table;
  if (&Acts == &source_acts) {
    table.handle_demand = [](coppice_actor* self, void*, std::uint64_t count) {
      return Acts.demand(self, count);
    };
  } else {
    table.handle_events = [](coppice_actor* self, void*, const coppice_message* m, coppice_bytes from) {
      return Acts.events(self, m, from);
    };
  }
  table.choose = [](coppice_actor* self, void*, const coppice_message*, std::uint64_t*) {
    return Acts.choose ? Acts.choose(self) : COPPICE_STAGE_BY_HASH;
  };
  table.handle_cancel = [](coppice_actor* self, void*, std::uint32_t how, const coppice_message* reason,
                           coppice_bytes) {
    return Acts.cancel ? Acts.cancel(self, how, shown(reason)) : COPPICE_OK;
  };
  return table;
}();
template <stage_script& Acts>
const coppice_table tables_of[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle_of<Acts>}, {COPPICE_STAGE_DRAFT_2, &table_of<Acts>}, {nullptr, nullptr}};

const coppice_actor_type source_type = {sizeof(coppice_actor_type), 0,      "source", "producer",
                                        tables_of<source_acts>,     nullptr};
const coppice_actor_type through_type = {sizeof(coppice_actor_type), 0,      "through", "producer_consumer",
                                         tables_of<through_acts>,    nullptr};
const coppice_actor_type sink_type = {sizeof(coppice_actor_type), 0,      "sink", "consumer",
                                      tables_of<sink_acts>,       nullptr};

std::atomic<std::int64_t> counted = 0; // by the producer, and read by the consumer

// Emits the next `wanted` integers.
std::int32_t count_on(coppice_actor* self, std::uint64_t wanted) {
  runtime::message_writer out;
  out.list(static_cast<std::uint32_t>(wanted));
  for (std::uint64_t i = 0; i < wanted; ++i) out.integer(counted++);
  out.nil();
  const runtime::message list = out.take();
  coppice_message raw{list.bytes().data(), list.size(), nullptr};
  return stages.emit(self, &raw);
}

std::int32_t pass_on(coppice_actor* self, const coppice_message* events, coppice_bytes) {
  coppice_message same;
  const std::int32_t status = messages.retain(events, &same);
  return status == COPPICE_OK ? stages.emit(self, &same) : status;
}

std::string start_with(test::stage& set, const coppice_actor_type& type, std::string_view options) {
  auto plan = set.plan(type);
  plan.options = term(options);
  return set.start(std::move(plan));
}

void reset() {
  counted = 0;
  source_acts = through_acts = sink_acts = {};
  source_acts.demand = count_on;
  through_acts.events = pass_on;
}

} // namespace

TEST_CASE("events go through a pipeline in order, each once, and no faster than its end takes them") {
  test::stage set;
  reset();
  std::atomic<std::int64_t> seen = 0, disorder = 0, most_ahead = 0;
  sink_acts.events = [&](coppice_actor*, const coppice_message* events, coppice_bytes) {
    const auto list = behaviours::event_list::of(runtime::message::copy_of({events->data, events->size}));
    list->each([&](const runtime::message& each) {
      std::int64_t value = -1;
      etf::cursor(each.bytes()).read_integer(value);
      if (value != seen++) ++disorder;
    });
    most_ahead = std::max(most_ahead.load(), counted - seen);
    if (seen < 100'000) return COPPICE_OK;
    note("enough");
    return COPPICE_STOP;
  };
  REQUIRE(set.start(source_type) == "ok");
  REQUIRE(start_with(set, through_type, "[{subscribe_to,[{source,[{max_demand,100}]}]}]") == "ok");
  REQUIRE(start_with(set, sink_type, "[{subscribe_to,[{through,[{max_demand,50}]}]}]") == "ok");
  CHECK(set.lines(1) == strings{"enough"});
  CHECK(disorder == 0);
  CHECK(most_ahead <= 300);
}

TEST_CASE("a stage answers GenStage's calls, and leaves others to the author") {
  test::stage set;
  reset();
  REQUIRE(start_with(set, source_type, "[{demand,accumulate}]") == "ok");
  const auto source = runtime::destination::named("source");
  CHECK(set.host.call(source, "'$demand'") == "accumulate");
  CHECK(set.host.call(source, "'$estimate_buffered_count'") == "0");
  CHECK(set.host.call(source, "{'$info', hello}") == "ok");
  CHECK(set.host.call(source, "{'$subscribe', nil, source, []}") == "{error,not_a_consumer}");
}

TEST_CASE("configuration and code may say the options; what is wrong with them ends the start") {
  test::stage set;
  reset();
  CHECK(start_with(set, source_type, "[{buffer_keep,x}]").find("buffer_keep is to be last or first, not x") !=
        std::string::npos);
  source_acts.init = [](coppice_actor* self) {
    literal wrong("[{subscribe_to,[]}]");
    CHECK(stages.configure(self, &wrong.raw) == COPPICE_E_INVALID);
    literal right("[{demand,accumulate}]");
    CHECK(stages.configure(self, &right.raw) == COPPICE_OK);
    literal early("[1]");
    CHECK(stages.emit(self, &early.raw) == COPPICE_E_CONTEXT);
    return COPPICE_OK;
  };
  REQUIRE(set.start(source_type) == "ok");
  CHECK(set.host.call(runtime::destination::named("source"), "'$demand'") == "accumulate");
}

TEST_CASE(
    "a producer's end is a consumer's, with the reason, after its handle_cancel; not if it is temporary") {
  test::stage set;
  reset();
  source_acts.demand = [](coppice_actor* self, std::uint64_t) {
    const auto reason = term("{out, of_numbers}");
    actors.set_reason(self, {reason.bytes().data(), reason.size()});
    return COPPICE_STOP;
  };
  sink_acts.cancel = through_acts.cancel = [](coppice_actor*, std::uint32_t how, std::string reason) {
    return note((how == COPPICE_STAGE_DOWN ? "down " : "cancelled ") + reason);
  };
  REQUIRE(start_with(set, source_type, "[{demand,accumulate}]") == "ok");
  REQUIRE(start_with(set, through_type, "[{subscribe_to,[{source,[{cancel,temporary}]}]}]") == "ok");
  REQUIRE(start_with(set, sink_type, "[{subscribe_to,[{through,[]}]}]") == "ok");
  set.host.system.send(runtime::destination::named("source"), term("{'$gen_cast',{'$demand',forward}}"));
  CHECK(set.lines(1) == strings{"down {out,of_numbers}"});
  CHECK(set.host.system.whereis("through").has_value());
  CHECK(set.host.system.whereis("sink").has_value());
}

TEST_CASE("a choose that fails loses its event alone, and its error is not the reason of a later end") {
  const auto fail_with = [](coppice_actor* self, std::string_view text) {
    const auto reason = term(text);
    CHECK(actors.set_reason(self, {reason.bytes().data(), reason.size()}) == COPPICE_OK);
  };
  for (const std::string own : {"", "{out,of_numbers}"}) {
    CAPTURE(own);
    test::stage set;
    heard_log log;
    reset();
    source_acts.choose = [&](coppice_actor* self) {
      fail_with(self, "{no, partition}");
      return COPPICE_E_EXCEPTION;
    };
    source_acts.demand = [&](coppice_actor* self, std::uint64_t) {
      if (!own.empty()) fail_with(self, own);
      CHECK(count_on(self, 50) == COPPICE_OK);
      return COPPICE_STOP;
    };
    sink_acts.cancel = [](coppice_actor*, std::uint32_t, std::string reason) {
      return note("down " + reason);
    };
    REQUIRE(start_with(set, source_type, "[{demand,accumulate},{dispatcher,{partition,[{partitions,2}]}}]") ==
            "ok");
    REQUIRE(start_with(set, sink_type, "[{subscribe_to,[{source,[{partition,0}]}]}]") == "ok");
    set.host.system.send(runtime::destination::named("source"), term("{'$gen_cast',{'$demand',forward}}"));
    CHECK(set.lines(1) == strings{"down " + (own.empty() ? "normal" : own)});
    const auto lines = log.count("choose of source failed: {no,partition}: an event goes nowhere");
    CHECK(lines >= 1);
    CHECK(lines < 10); // at most one a second
  }
}

TEST_CASE("the host's functions are for stages alone") {
  test::stage other;
  play.info = [](coppice_actor* self, const coppice_message*) {
    literal list("[1]"), options("[]"), message("m");
    const auto party = term("{source, tag}");
    const coppice_bytes from{party.bytes().data(), party.size()};
    CHECK(stages.emit(self, &list.raw) == COPPICE_E_CONTEXT);
    CHECK(stages.ask(self, from, 1) == COPPICE_E_CONTEXT);
    CHECK(stages.subscribe(self, from, &options.raw) == COPPICE_E_CONTEXT);
    CHECK(stages.set_demand(self, COPPICE_STAGE_FORWARD) == COPPICE_E_CONTEXT);
    CHECK(stages.info(self, &message.raw) == COPPICE_E_CONTEXT);
    return note("seen");
  };
  REQUIRE(other.start() == "ok");
  other.send("go");
  CHECK(other.lines(2)[1] == "seen");
}
