/* SPDX-License-Identifier: MIT
 * All behaviours, and the tables that each of them needs or allows for an actor type. The host, its tools and
 * the test kit read this one list. It belongs to the version of these headers; none of it crosses the
 * boundary to a plugin. A new behaviour adds one line, and so does a new revision of a table, after the line
 * of the revision before it. [any]
 */
#ifndef COPPICE_BEHAVIOURS_H
#define COPPICE_BEHAVIOURS_H

#include <coppice/draft/event_handler.h>
#include <coppice/draft/pool.h>
#include <coppice/draft/raft.h>
#include <coppice/draft/router.h>
#include <coppice/draft/saga.h>
#include <coppice/draft/stage.h>
#include <coppice/draft/statem.h>
#include <coppice/draft/stream.h>
#include <coppice/draft/udp.h>
#include <coppice/lifecycle.h>
#include <coppice/plugin.h>
#include <coppice/server.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_TABLE_ALLOWED 0u
#define COPPICE_TABLE_NEEDED 1u /* needs this table or another listed revision of it */

/* How a behaviour uses one table. A type whose behaviour does not list a table that some other behaviour
 * lists is refused, since the table would never be called. */
typedef struct coppice_table_use {
  const char* name;      /* with its revision; NULL: the end of the list */
  uint32_t use;          /* COPPICE_TABLE_… */
  uint32_t least_size;   /* least size of the struct that `callbacks` points to */
  uint64_t never_called; /* bit N: this behaviour never calls the N-th function, which must be NULL */
} coppice_table_use;

typedef struct coppice_behaviour {
  const char* name;                /* NULL: the end of the list */
  const coppice_table_use* tables; /* the revisions of one table are in ascending order */
} coppice_behaviour;

/* The tables of each behaviour: those that it needs, and those that it may have. */
__attribute__((unused)) static const coppice_table_use coppice_server_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_NEEDED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {COPPICE_POOL_DRAFT_1, COPPICE_TABLE_ALLOWED, COPPICE_POOL_LEAST, 0},
    {NULL, 0, 0, 0}};

/* An actor that a listener makes for each connection. It answers calls and casts if it has the server
 * table. */
__attribute__((unused)) static const coppice_table_use coppice_tcp_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STREAM_LEAST, 0},
    {COPPICE_POOL_DRAFT_1, COPPICE_TABLE_ALLOWED, COPPICE_POOL_LEAST, 0},
    {NULL, 0, 0, 0}};

/* A message that `route` does not route is the actor's own; it answers such messages if it has the server
 * table. */
__attribute__((unused)) static const coppice_table_use coppice_router_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_ROUTER_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_ROUTER_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

/* A call, cast or message that is none of a saga's own is the actor's; it answers such messages if it has the
 * server table. */
__attribute__((unused)) static const coppice_table_use coppice_saga_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SAGA_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_SAGA_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

/* An actor with UDP sockets. It answers calls and casts if it has the server table. */
__attribute__((unused)) static const coppice_table_use coppice_udp_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_SERVER_1, COPPICE_TABLE_ALLOWED, COPPICE_SERVER_LEAST, 0},
    {COPPICE_UDP_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_UDP_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

/* A statem uses next_event where a server uses handle_continue. */
__attribute__((unused)) static const coppice_table_use coppice_statem_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, UINT64_C(1) << 2},
    {COPPICE_STATEM_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_STATEM_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

/* Stages: a callback that a role never uses must be NULL. Each answers calls and casts if it has the server
 * table. */
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

/* Its manager starts and ends it and calls `removed` instead of terminate, and there is no
 * handle_continue. */
__attribute__((unused)) static const coppice_table_use coppice_event_handler_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, UINT64_C(1) << 2 | UINT64_C(1) << 8},
    {COPPICE_EVENT_HANDLER_DRAFT_2, COPPICE_TABLE_NEEDED, COPPICE_EVENT_HANDLER_LEAST, 0},
    {COPPICE_STREAM_DRAFT_2, COPPICE_TABLE_ALLOWED, COPPICE_STREAM_LEAST, 0},
    {NULL, 0, 0, 0}};

/* Commands and queries reach it through the member of its group, so it has no server table. */
__attribute__((unused)) static const coppice_table_use coppice_raft_tables[] = {
    {COPPICE_LIFECYCLE_1, COPPICE_TABLE_NEEDED, COPPICE_LIFECYCLE_LEAST, 0},
    {COPPICE_RAFT_DRAFT_3, COPPICE_TABLE_NEEDED, COPPICE_RAFT_LEAST, 0},
    {NULL, 0, 0, 0}};

/* All behaviours that a plugin can name, by name. */
__attribute__((unused)) static const coppice_behaviour coppice_behaviours[] = {
    {"consumer", coppice_consumer_tables}, {"event_handler", coppice_event_handler_tables},
    {"producer", coppice_producer_tables}, {"producer_consumer", coppice_producer_consumer_tables},
    {"raft", coppice_raft_tables},         {"router", coppice_router_tables},
    {"saga", coppice_saga_tables},         {"server", coppice_server_tables},
    {"statem", coppice_statem_tables},     {"tcp", coppice_tcp_tables},
    {"udp", coppice_udp_tables},           {NULL, NULL}};

/* The entry of that name in a list. NULL: none. */
static inline const coppice_behaviour* coppice_find_behaviour(const coppice_behaviour* list,
                                                              const char* name) {
  for (; list->name != NULL; ++list)
    if (strcmp(list->name, name) == 0) return list;
  return NULL;
}

/* The table of that name among an actor type's tables. NULL: none. */
static inline const coppice_table* coppice_find_table(const coppice_actor_type* type, const char* name) {
  const coppice_table* each = type->tables;
  if (each == NULL) return NULL;
  for (; each->name != NULL; ++each)
    if (strcmp(each->name, name) == 0) return each;
  return NULL;
}

#ifdef __cplusplus
}
#endif
#endif
