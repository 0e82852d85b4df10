// SPDX-License-Identifier: MIT
// The interfaces of these headers that are drafts, by name: what a host gives besides those that are frozen.
// A draft's next number takes the place of the former here; one that becomes coppice.NAME/1 leaves. Draft
// tables of actor types stand in behaviours.h. Header-only.
#pragma once

#include <coppice/await.h>
#include <coppice/event.h>
#include <coppice/metric.h>
#include <coppice/order.h>
#include <coppice/post.h>
#include <coppice/router.h>
#include <coppice/stage.h>
#include <coppice/statem.h>
#include <coppice/stream.h>
#include <coppice/udp.h>

#include <string_view>

namespace coppice {

inline constexpr std::string_view draft_interfaces[] = {
    COPPICE_AWAIT_DRAFT_1,      COPPICE_UDP_HOST_DRAFT_1,    COPPICE_METRIC_DRAFT_1,
    COPPICE_ORDER_DRAFT_1,      COPPICE_POST_DRAFT_1,        COPPICE_ROUTER_HOST_DRAFT_1,
    COPPICE_STAGE_HOST_DRAFT_1, COPPICE_STATEM_HOST_DRAFT_1, COPPICE_STREAM_HOST_DRAFT_1,
    COPPICE_EVENT_HOST_DRAFT_1};

} // namespace coppice
