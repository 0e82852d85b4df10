/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "statem". It uses next_event where a server uses handle_continue. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_STATEM_H
#define COPPICE_DETAIL_BEHAVIOURS_STATEM_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/statem.h>
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_statem_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, UINT64_C(1) << 2},
    {COPPICE_STATEM_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STATEM_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
