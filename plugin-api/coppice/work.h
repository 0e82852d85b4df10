/* SPDX-License-Identifier: MIT
 * "coppice.work/1": being a good neighbour on a worker thread. A handler that computes for long yields; one
 * that must block its thread (files, a library that waits) does so in blocking_run, on a bounded pool. */
#ifndef COPPICE_WORK_H
#define COPPICE_WORK_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_WORK_1 "coppice.work/1"

typedef struct coppice_work_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] [parks] Runs function(context) on a thread of the pool; the actor's stack is parked meanwhile.
   * The function makes no host call but those marked [any] or [blocking]. COPPICE_OK: it has returned, and
   * the context is the caller's again. Else abandon(context) is called once, possibly later and on another
   * thread, when the function has returned or will never run (NULL: nothing is called), and the caller does
   * not touch the context any more: the actor may have been killed while the function still runs. */
  int32_t (*blocking_run)(coppice_actor* self, void (*function)(void* context), void* context_take,
                          void (*abandon)(void* context));
  /* [actor] Says that so much work was done; one is about a microsecond. Counts against the turn. */
  void (*reductions)(coppice_actor* self, uint64_t count);
  /* [actor] 1 if the turn's budget is used up: a loop should then yield. */
  int32_t (*should_yield)(coppice_actor* self);
  /* [actor] [parks] Goes to the back of the queue and returns when it is this actor's turn again. */
  int32_t (*yield)(coppice_actor* self);
  /* [actor] [parks] Until the deadline (monotonic ns). Messages wait; to go on serving, use a timer. */
  int32_t (*sleep_until)(coppice_actor* self, int64_t deadline);
} coppice_work_api;
#define COPPICE_WORK_API_LEAST COPPICE_SIZE_THROUGH(coppice_work_api, sleep_until)

#ifdef __cplusplus
}
#endif
#endif
