/* SPDX-License-Identifier: MIT
 * How a behaviour is described to the host, its tools and the test kit: the tables that it needs or allows
 * for an actor type, and the name of the host's functions for its callbacks. [any] */
#ifndef COPPICE_DETAIL_BEHAVIOURS_TABLE_USE_H
#define COPPICE_DETAIL_BEHAVIOURS_TABLE_USE_H

#include <coppice/plugin.h>
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
  const char* host_interface;      /* the interface that the host has for its callbacks; NULL: none */
} coppice_behaviour;

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
