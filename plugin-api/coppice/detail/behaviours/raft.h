/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "raft". Commands and queries reach it through the member of its group, so it
 * has no server table. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_RAFT_H
#define COPPICE_DETAIL_BEHAVIOURS_RAFT_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/draft/raft.h>
#include <coppice/lifecycle.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_raft_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_RAFT_DRAFT_3, COPPICE_TABLE_NEEDED, COPPICE_RAFT_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
