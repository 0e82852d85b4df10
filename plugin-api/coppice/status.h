/* SPDX-License-Identifier: MIT
 * The int32_t that callbacks and host calls return. From zero up it says what happens next; below zero it
 * is an error. Numbers from -63 to 63 are defined here and mean the same in every behaviour. 64 to 127 and
 * -127 to -64 belong to the header of the behaviour whose callback returned them. No other number has a
 * meaning. New numbers are appended, and old ones never change. An actor that returns a number unknown to
 * its behaviour stops with the reason {bad_return_value, N}. */
#ifndef COPPICE_STATUS_H
#define COPPICE_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Callbacks, and host calls that succeeded. */
#define COPPICE_OK 0
/* Callbacks only: */
#define COPPICE_CONTINUE 1  /* go on, and call handle_continue before the next message */
#define COPPICE_STOP 2      /* stop with the reason given to set_reason, else with `normal` */
#define COPPICE_UNHANDLED 3 /* not handled: the default stated beside the callback happens */
#define COPPICE_HIBERNATE 4 /* go on, and expect a long idle time: free memory */
#define COPPICE_IGNORE 5    /* init only: there is nothing to run; not a failure */
/* Statuses of a behaviour's own header are within these bounds, or within their negatives. */
#define COPPICE_BEHAVIOUR_FIRST 64
#define COPPICE_BEHAVIOUR_LAST 127

/* Errors. A callback that returns one stops its actor with the reason given to set_reason, else with {NAME,
 * Text} if a text was given to set_error, else with NAME. NAME is the lower-case word beside the number. */
#define COPPICE_E_INVALID (-1)     /* badarg: an argument can never be right */
#define COPPICE_E_MEMORY (-2)      /* system_limit: no memory, or a bound of the node was reached */
#define COPPICE_E_UNSUPPORTED (-3) /* notsup: this host does not offer it */
#define COPPICE_E_EXITING (-4)     /* exiting: this actor has been killed; return at once */
#define COPPICE_E_TIMEOUT (-5)     /* timeout: the deadline passed first */
#define COPPICE_E_NOPROC (-6)      /* noproc: no such process */
#define COPPICE_E_NODEDOWN (-7)    /* nodedown: the node is not connected, or was lost */
#define COPPICE_E_EXIT (-8)        /* exit: the other process ended; its reason is in the answer */
#define COPPICE_E_SELF (-9)        /* calling_self: an actor that calls itself would wait for ever */
#define COPPICE_E_USED (-10)       /* used: the call in hand has been answered, or the handle was consumed */
#define COPPICE_E_FULL (-11)       /* full: the receiver's mailbox is at its bound */
#define COPPICE_E_EXISTS (-12)     /* exists: the name is taken */
#define COPPICE_E_NOT_FOUND (-13)  /* not_found: nothing by that name or id */
#define COPPICE_E_CONTEXT (-14)    /* bad_context: not allowed in this callback or thread */
#define COPPICE_E_TERM (-15)       /* bad_term: the bytes are not one whole term */
#define COPPICE_E_VERSION (-16)    /* bad_version: restore_state does not know the saved version */
#define COPPICE_E_EXCEPTION (-17)  /* exception: a C++ exception was caught at the boundary */
#define COPPICE_E_INTERNAL (-18)   /* internal: the callee broke a rule of its own */
#define COPPICE_E_REFUSED (-19)    /* refused: a policy or the other side said no */
#define COPPICE_E_UNKNOWN_OUTCOME (-20) /* unknown_outcome: the action may or may not have happened */

/* The word of an error. "": not an error of these headers. [any] */
static inline const char* coppice_status_word(int32_t status) {
  static const char* const words[] = {
      "badarg",   "system_limit", "notsup",    "exiting",  "timeout", "noproc",         "nodedown",
      "exit",     "calling_self", "used",      "full",     "exists",  "not_found",      "bad_context",
      "bad_term", "bad_version",  "exception", "internal", "refused", "unknown_outcome"};
  const int64_t index = -1 - (int64_t)status;
  return index >= 0 && index < (int64_t)(sizeof words / sizeof words[0]) ? words[index] : "";
}

#ifdef __cplusplus
}
#endif
#endif
