/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "router". A message that `route` does not route is the actor's own; it answers
 * such messages if it has the server table. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_ROUTER_H
#define COPPICE_DETAIL_BEHAVIOURS_ROUTER_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/router.h>
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>
#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_router_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_ROUTER_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_ROUTER_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
