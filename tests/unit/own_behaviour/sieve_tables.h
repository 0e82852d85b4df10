// rooms: api-cpp
/* SPDX-License-Identifier: MIT
 * The tables of the behaviour "sieve", in the form of coppice/detail/behaviours/NAME.h for the others. [any]
 */
#ifndef COPPICE_SIEVE_TABLES_H
#define COPPICE_SIEVE_TABLES_H

#include <coppice/detail/behaviours/table_use.h>
#include <coppice/lifecycle.h>
#include <coppice/server.h>
#include "own_behaviour/sieve.h"

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((unused)) static const coppice_table_use coppice_sieve_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SIEVE_DRAFT_1, COPPICE_TABLE_NEEDED, COPPICE_SIEVE_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {NULL, 0, 0, 0}};

#ifdef __cplusplus
}
#endif
#endif
