/* SPDX-License-Identifier: MIT
 * "coppice.work/1": for handlers that take long. A handler that computes for long yields. One that must
 * block its thread (files, a library that waits) does so in blocking_run, on a bounded pool of threads. */
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
   * The function makes no host calls but those marked [any] or [blocking]. COPPICE_OK: it has returned,
   * and the context belongs to the caller again. Any other status: the caller must not touch the context
   * any more, since the actor may have been killed while the function still runs; the host calls
   * abandon(context) once (NULL: not), possibly later and on another thread, when the function has
   * returned or will never run. */
  int32_t (*blocking_run)(coppice_actor* self, void (*function)(void* context), void* context_take,
                          void (*abandon)(void* context));
  /* [actor] Reports work done; a reduction is about a microsecond. Counts against the actor's turn. */
  void (*reductions)(coppice_actor* self, uint64_t count);
  /* [actor] 1 if the turn's budget is used up: a long loop should then yield. */
  int32_t (*should_yield)(coppice_actor* self);
  /* [actor] [parks] Puts the actor at the end of the run queue and returns at its next turn. */
  int32_t (*yield)(coppice_actor* self);
  /* [actor] [parks] Waits until the deadline (monotonic ns). Messages wait meanwhile; an actor that must
   * handle them uses a timer instead. */
  int32_t (*sleep_until)(coppice_actor* self, int64_t deadline);
} coppice_work_api;
#define COPPICE_WORK_API_LEAST COPPICE_SIZE_THROUGH(coppice_work_api, sleep_until)

#ifdef __cplusplus
}
#endif
#endif
