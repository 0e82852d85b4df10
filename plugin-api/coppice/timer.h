/* SPDX-License-Identifier: MIT
 * "coppice.timer/1": clocks and timers. A timer sends its term as a plain message once its deadline has
 * passed, so the term arrives at handle_info. A timer belongs to the actor that started it, ends with that
 * actor, and continues through a reload. Deadlines are absolute, in monotonic nanoseconds. An actor never
 * gets the same id twice. */
#ifndef COPPICE_TIMER_H
#define COPPICE_TIMER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_TIMER_1 "coppice.timer/1"

typedef struct coppice_timer_options {
  uint32_t size;
  uint32_t reserved;
  int64_t deadline; /* monotonic ns; a time in the past fires at once */
  /* Nanoseconds, at least 1,000,000: the timer fires again at deadline + N * period, N = 1, 2, …, until it is
   * cancelled, without drift. A firing is skipped if the node was too late for it, or if the receiver's
   * mailbox is at its bound. 0: once. */
  int64_t period;
  coppice_bytes destination; /* empty: the actor itself */
} coppice_timer_options;
#define COPPICE_TIMER_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_timer_options, destination)

typedef struct coppice_timer_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] Nanoseconds of a clock that never jumps. */
  int64_t (*now)(void);
  /* [any] Nanoseconds since 1970, UTC; for display and certificates, not for measuring. */
  int64_t (*wall_clock)(void);
  /* [actor] */
  int32_t (*start)(coppice_actor* self, const coppice_timer_options* options, coppice_message* term_take,
                   uint64_t* out_id);
  /* [actor] COPPICE_E_NOT_FOUND: the actor has no such timer, or it has fired; its message may then be in the
   * mailbox already. */
  int32_t (*cancel)(coppice_actor* self, uint64_t id);
  /* [actor] Nanoseconds until it fires next; 0: it is due. COPPICE_E_NOT_FOUND: no such timer, or it has
   * fired. */
  int32_t (*remaining)(coppice_actor* self, uint64_t id, int64_t* out_left);
} coppice_timer_api;
#define COPPICE_TIMER_API_LEAST COPPICE_SIZE_THROUGH(coppice_timer_api, remaining)

#ifdef __cplusplus
}
#endif
#endif
