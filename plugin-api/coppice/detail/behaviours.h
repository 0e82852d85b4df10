/* SPDX-License-Identifier: MIT
 * All behaviours that a plugin can name. The host, its tools and the test kit read this one list. It belongs
 * to the version of these headers; none of it crosses the boundary to a plugin. A new behaviour adds two
 * lines: its header, which says what tables it has, and its entry. A new revision of a table adds a line to
 * that header, after the line of the revision before it. [any]
 */
#ifndef COPPICE_BEHAVIOURS_H
#define COPPICE_BEHAVIOURS_H

#include <coppice/detail/behaviours/event_handler.h>
#include <coppice/detail/behaviours/raft.h>
#include <coppice/detail/behaviours/router.h>
#include <coppice/detail/behaviours/saga.h>
#include <coppice/detail/behaviours/server.h>
#include <coppice/detail/behaviours/stage.h>
#include <coppice/detail/behaviours/statem.h>
#include <coppice/detail/behaviours/tcp.h>
#include <coppice/detail/behaviours/udp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* By name. */
__attribute__((unused)) static const coppice_behaviour coppice_behaviours[] = {
    {"consumer", coppice_consumer_tables, COPPICE_STAGE_HOST_DRAFT_2},
    {"event_handler", coppice_event_handler_tables, NULL},
    {"producer", coppice_producer_tables, COPPICE_STAGE_HOST_DRAFT_2},
    {"producer_consumer", coppice_producer_consumer_tables, COPPICE_STAGE_HOST_DRAFT_2},
    {"raft", coppice_raft_tables, NULL},
    {"router", coppice_router_tables, COPPICE_ROUTER_HOST_DRAFT_2},
    {"saga", coppice_saga_tables, COPPICE_SAGA_HOST_DRAFT_2},
    {"server", coppice_server_tables, NULL},
    {"statem", coppice_statem_tables, COPPICE_STATEM_HOST_DRAFT_2},
    {"tcp", coppice_tcp_tables, NULL},
    {"udp", coppice_udp_tables, NULL},
    {NULL, NULL, NULL}};

#ifdef __cplusplus
}
#endif
#endif
