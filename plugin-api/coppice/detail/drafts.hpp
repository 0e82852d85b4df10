// SPDX-License-Identifier: MIT
// Names of the draft interfaces for actors of any behaviour, which a host offers beside the frozen ones. A
// new number of a draft replaces the old one here; a draft that becomes coppice.NAME/1 is removed. Draft
// tables of actor types, and the interfaces for the callbacks of one behaviour, are in behaviours.h.
// Header-only.
#pragma once

#include <coppice/draft/await.h>
#include <coppice/draft/channel.h>
#include <coppice/draft/context.h>
#include <coppice/draft/metric.h>
#include <coppice/draft/order.h>
#include <coppice/draft/post.h>
#include <coppice/draft/stream.h>
#include <coppice/draft/udp.h>
#include <coppice/etf/needs_cpp20.hpp>

#include <string_view>

namespace coppice {

inline constexpr std::string_view draft_interfaces[] = {
    COPPICE_AWAIT_DRAFT_1, COPPICE_UDP_HOST_DRAFT_2,    COPPICE_METRIC_DRAFT_1,  COPPICE_ORDER_DRAFT_1,
    COPPICE_POST_DRAFT_1,  COPPICE_STREAM_HOST_DRAFT_2, COPPICE_CHANNEL_DRAFT_2, COPPICE_CONTEXT_DRAFT_1};

} // namespace coppice
