/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "tcp": an actor that a listener makes for each connection. It answers calls and
 * casts if it has the server table. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_TCP_H
#define COPPICE_DETAIL_BEHAVIOURS_TCP_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/pool.h>
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>
#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_tcp_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STREAM_LEAST, 0},
    {COPPICE_POOL_DRAFT_1, COPPICE_TABLE_ALLOWED, COPPICE_POOL_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
