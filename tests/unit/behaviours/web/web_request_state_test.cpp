// SPDX-License-Identifier: MIT
// Tests of the state table of a web request, and of the counts that a request is part of in each state.
#include <doctest/doctest.h>

#include "behaviours/web/web_request_state.hpp"
#include "walked_table.hpp"

namespace coppice::behaviours {
namespace {

TEST_CASE("a web request: every state with every event") {
  test::walk<web_request_progress>({
      // queues, is_sent, awaits_client, hears_client, begins_file, begins_events, begins_stream, ends
      "arrived   queued !     !        !     file !      !         ended",
      "queued    !      asked .        .     !    !      !         ended",
      "asked     !      !     awaiting .     !    events streaming ended",
      "awaiting  !      !     .        asked !    events streaming ended",
      "file      !      !     !        !     !    !      !         ended",
      "events    !      !     !        !     !    !      !         ended",
      "streaming !      !     !        !     !    !      !         ended",
      "ended     !      !     !        !     !    !      !         !",
  });
  CHECK(test::reaches_all<web_request_progress>());
}

TEST_CASE("where a web request counts in each state") {
  // arrived, queued, asked, awaiting, file, events, streaming, ended
  CHECK(test::where(&web_request_progress::is_in_flight) == "-yyy----");
  CHECK(test::where(&web_request_progress::is_counted) == "-----yy-");
}

} // namespace
} // namespace coppice::behaviours
