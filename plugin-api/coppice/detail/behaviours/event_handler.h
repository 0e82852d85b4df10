/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "event_handler". Its manager starts and ends it and calls `removed` instead of
 * terminate, and there is no handle_continue. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_EVENT_HANDLER_H
#define COPPICE_DETAIL_BEHAVIOURS_EVENT_HANDLER_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/event_handler.h>
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_event_handler_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, UINT64_C(1) << 2 | UINT64_C(1) << 8},
    {COPPICE_EVENT_HANDLER_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_EVENT_HANDLER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
