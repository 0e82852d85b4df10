// SPDX-License-Identifier: MIT
// Tests of what is reported about a plugin's draft, by the number that this host has of it.
#include "manifest/drafts.hpp"

#include <doctest/doctest.h>
#include <algorithm>

#include <coppice/draft/await.h>
#include <coppice/draft/channel.h>
#include <coppice/draft/context.h>
#include <coppice/draft/event_handler.h>
#include <coppice/draft/metric.h>
#include <coppice/draft/order.h>
#include <coppice/draft/post.h>
#include <coppice/draft/router.h>
#include <coppice/draft/saga.h>
#include <coppice/draft/stage.h>
#include <coppice/draft/statem.h>
#include <coppice/draft/stream.h>

using namespace coppice;

namespace {

using names = std::vector<std::string>;

names said(const names& used, const names& known) {
  names all;
  for (const auto& one : manifest::judge_drafts(used, known)) {
    CHECK(one.warning);
    CHECK(one.kind == manifest::objection::unknown_draft);
    all.push_back(one.sentence());
  }
  return all;
}

} // namespace

TEST_CASE("a draft of another number is warned about with the side that is to be renewed") {
  const names known{"coppice.metric/draft-9", "coppice.order/draft-1"};
  CHECK(said({}, known) == names{});
  CHECK(said({"coppice.metric/draft-9", "coppice.order/draft-1"}, known) == names{});
  CHECK(said({"coppice.metric/draft-2"}, known) ==
        names{"uses coppice.metric/draft-2, this host has draft-9 (rebuild it with this host's headers)"});
  CHECK(
      said({"coppice.metric/draft-10"}, known) ==
      names{"uses coppice.metric/draft-10, this host has draft-9 (use a newer host, or rebuild it with this "
            "host's headers)"});
  CHECK(said({"coppice.metrics/draft-9"}, known) ==
        names{"uses coppice.metrics/draft-9, which this host does not have (rebuild it without, or use the "
              "host it was built for)"});
}

TEST_CASE("a draft that has another name today is found under it") {
  CHECK(said({"coppice.event_host/draft-1"}, {"coppice.channel/draft-2", "coppice.metric/draft-1"}) ==
        names{"uses coppice.event_host/draft-1, this host has coppice.channel/draft-2 (rebuild it with this "
              "host's "
              "headers)"});
}

TEST_CASE("a plugin that can do with several numbers of a draft needs one of them") {
  CHECK(said({"coppice.metric/draft-1", "coppice.metric/draft-2"}, {"coppice.metric/draft-2"}) == names{});
  CHECK(said({"coppice.metric/draft-1", "coppice.metric/draft-2"}, {"coppice.metric/draft-3"}).size() == 2);
}

TEST_CASE(
    "this host's drafts are those of its headers, and the draft tables and interfaces of its behaviours") {
  names interfaces{COPPICE_AWAIT_DRAFT_1,   COPPICE_METRIC_DRAFT_1,      COPPICE_ORDER_DRAFT_1,
                   COPPICE_POST_DRAFT_1,    COPPICE_STREAM_HOST_DRAFT_2, COPPICE_UDP_HOST_DRAFT_2,
                   COPPICE_CHANNEL_DRAFT_2, COPPICE_CONTEXT_DRAFT_1};
  names all{COPPICE_AWAIT_DRAFT_1,       COPPICE_EVENT_HANDLER_DRAFT_2, COPPICE_METRIC_DRAFT_1,
            COPPICE_ORDER_DRAFT_1,       COPPICE_POST_DRAFT_1,          COPPICE_ROUTER_DRAFT_2,
            COPPICE_ROUTER_HOST_DRAFT_2, COPPICE_STAGE_DRAFT_2,         COPPICE_STAGE_HOST_DRAFT_2,
            COPPICE_STATEM_DRAFT_2,      COPPICE_STATEM_HOST_DRAFT_2,   COPPICE_STREAM_DRAFT_2,
            COPPICE_STREAM_HOST_DRAFT_2, COPPICE_UDP_DRAFT_2,           COPPICE_UDP_HOST_DRAFT_2,
            COPPICE_CHANNEL_DRAFT_2,     COPPICE_POOL_DRAFT_1,          COPPICE_RAFT_DRAFT_3,
            COPPICE_SAGA_DRAFT_2,        COPPICE_SAGA_HOST_DRAFT_2,     COPPICE_CONTEXT_DRAFT_1};
  std::ranges::sort(interfaces);
  std::ranges::sort(all);
  CHECK(manifest::known_drafts() == all);
  const coppice_table_use tables[] = {{"coppice.lifecycle/1", COPPICE_TABLE_NEEDED, 0, 0},
                                      {"coppice.brook/draft-4", COPPICE_TABLE_ALLOWED, 0, 0},
                                      {nullptr, 0, 0, 0}};
  const coppice_behaviour list[] = {{"brook", tables, "coppice.brook_host/draft-3"},
                                    {nullptr, nullptr, nullptr}};
  names both{"coppice.brook/draft-4", "coppice.brook_host/draft-3"};
  both.insert(both.end(), interfaces.begin(), interfaces.end());
  std::ranges::sort(both);
  CHECK(manifest::known_drafts(list) == both);
}
