/* SPDX-License-Identifier: MIT
 * The tables of the behaviours "producer", "producer_consumer" and "consumer", the roles of a stage: a
 * callback that a role never uses must be NULL. Each answers calls and casts if it has the server table.
 * [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_STAGE_H
#define COPPICE_DETAIL_BEHAVIOURS_STAGE_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/stage.h>
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>
#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STAGE_HANDLE_DEMAND_ (UINT64_C(1) << 0)
#define COPPICE_STAGE_HANDLE_EVENTS_ (UINT64_C(1) << 1)
#define COPPICE_STAGE_EMITS_ (UINT64_C(1) << 4 | UINT64_C(1) << 5) /* choose, format_discarded */

__attribute__((unused)) static const coppice_table_use coppice_producer_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_STAGE_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STAGE_LEAST, COPPICE_STAGE_HANDLE_EVENTS_},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

__attribute__((unused)) static const coppice_table_use coppice_producer_consumer_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_STAGE_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STAGE_LEAST, COPPICE_STAGE_HANDLE_DEMAND_},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

__attribute__((unused)) static const coppice_table_use coppice_consumer_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_STAGE_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STAGE_LEAST,
     COPPICE_STAGE_HANDLE_DEMAND_ | COPPICE_STAGE_EMITS_},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
