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

typedef struct coppice_timer_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] Nanoseconds of a clock that never jumps. */
  int64_t (*now)(void);
  /* [any] Nanoseconds since 1970, UTC; for people and certificates, not for measuring. */
  int64_t (*wall_clock)(void);
  /* [actor] To `destination`, or to the actor itself if that is empty. A deadline in the past fires at once.
   */
  int32_t (*start)(coppice_actor* self, int64_t deadline, coppice_bytes destination,
                   coppice_message* term_take, uint64_t* out_id);
  /* [actor] COPPICE_E_NOT_FOUND if the actor has no such timer, or it has fired; its message may then be in
   * the mailbox already. */
  int32_t (*cancel)(coppice_actor* self, uint64_t id);
  /* [actor] Nanoseconds left, 0 if it is due; COPPICE_E_NOT_FOUND if it has fired. */
  int32_t (*remaining)(coppice_actor* self, uint64_t id, int64_t* out_left);
} coppice_timer_api;

#ifdef __cplusplus
}
#endif
#endif
