/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "saga". A call, cast or message that is none of a saga's own is the actor's; it
 * answers such messages if it has the server table. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_SAGA_H
#define COPPICE_DETAIL_BEHAVIOURS_SAGA_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/saga.h>
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>
#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_saga_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SAGA_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_SAGA_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
