// SPDX-License-Identifier: MIT
// Names of the draft interfaces in these headers, which a host offers beside the frozen ones. A new number of
// a draft replaces the old one here; a draft that becomes coppice.NAME/1 is removed. Draft tables of actor
// types are in behaviours.h. Header-only.
#pragma once

#include <coppice/await.h>
#include <coppice/event.h>
#include <coppice/metric.h>
#include <coppice/order.h>
#include <coppice/post.h>
#include <coppice/router.h>
#include <coppice/saga.h>
#include <coppice/stage.h>
#include <coppice/statem.h>
#include <coppice/stream.h>
#include <coppice/udp.h>

#include <string_view>

namespace coppice {

inline constexpr std::string_view draft_interfaces[] = {
    COPPICE_AWAIT_DRAFT_1,       COPPICE_UDP_HOST_DRAFT_1,   COPPICE_METRIC_DRAFT_1,
    COPPICE_ORDER_DRAFT_1,       COPPICE_POST_DRAFT_1,       COPPICE_ROUTER_HOST_DRAFT_1,
    COPPICE_SAGA_HOST_DRAFT_1,   COPPICE_STAGE_HOST_DRAFT_1, COPPICE_STATEM_HOST_DRAFT_1,
    COPPICE_STREAM_HOST_DRAFT_1, COPPICE_EVENT_HOST_DRAFT_1};

} // namespace coppice
