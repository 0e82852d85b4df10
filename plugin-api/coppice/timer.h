/* SPDX-License-Identifier: MIT
 * "coppice.timer/1": clocks and timers. A timer sends its term as a plain message when its deadline has
 * passed, so it arrives at handle_info; it belongs to the actor that started it, ends with it, and goes on
 * through a reload. Deadlines are absolute monotonic nanoseconds. Ids are never used twice by an actor. */
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
  int64_t deadline; /* monotonic ns; one in the past fires at once */
  /* Nanoseconds, at least 1,000,000: fires again at deadline + N * period, N = 1, 2, …, until it is
   * cancelled. Its times do not drift. Those that the node was too late for, and those that find the
   * receiver's mailbox at its bound, are left out. 0: once. */
  int64_t period;
  coppice_bytes destination; /* empty: the actor itself */
} coppice_timer_options;
#define COPPICE_TIMER_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_timer_options, destination)

typedef struct coppice_timer_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] Nanoseconds of a clock that never jumps. */
  int64_t (*now)(void);
  /* [any] Nanoseconds since 1970, UTC; for people and certificates, not for measuring. */
  int64_t (*wall_clock)(void);
  /* [actor] */
  int32_t (*start)(coppice_actor* self, const coppice_timer_options* options, coppice_message* term_take,
                   uint64_t* out_id);
  /* [actor] COPPICE_E_NOT_FOUND if the actor has no such timer, or it has fired; its message may then be in
   * the mailbox already. */
  int32_t (*cancel)(coppice_actor* self, uint64_t id);
  /* [actor] Nanoseconds left until it fires next, 0 if it is due; COPPICE_E_NOT_FOUND if it has fired. */
  int32_t (*remaining)(coppice_actor* self, uint64_t id, int64_t* out_left);
} coppice_timer_api;
#define COPPICE_TIMER_API_LEAST COPPICE_SIZE_THROUGH(coppice_timer_api, remaining)

#ifdef __cplusplus
}
#endif
#endif
