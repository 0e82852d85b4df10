/* SPDX-License-Identifier: MIT
 * "coppice.saga/draft-2" (DRAFT): callbacks of a saga, an actor whose transactions consist of steps done by
 * other processes and end in one way: committed, compensated or aborted. The behaviour "saga" needs this
 * table beside coppice.lifecycle/1; coppice.server/1 is allowed. A saga is coordinator of the transactions
 * started at it, and participant in the steps of others. The host keeps transactions and answers, on the disk
 * if the configuration says `log: durable`; a reload does not touch them.
 *
 * "coppice.saga_host/draft-2" (DRAFT): the calls by which callbacks are answered.
 *
 * Every callback but handle_interim is answered once, by one of the host's calls: in the callback, or later
 * from any other callback of the actor. To answer later, keep a coppice_step with the same `size` and
 * `token`; for interim also `key`. Until then the transaction waits for this answer.
 *
 * handle_do, handle_prepare, handle_undo, handle_abort and handle_commit run at least once: after a crash the
 * host may call them again for the same key. If the configuration names a worker for the saga, these five are
 * called in actors of the worker's type, one call in each, which end with the answer. */
#ifndef COPPICE_DRAFT_SAGA_H
#define COPPICE_DRAFT_SAGA_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_SAGA_DRAFT_2 "coppice.saga/draft-2"
#define COPPICE_SAGA_HOST_DRAFT_2 "coppice.saga_host/draft-2"

/* The step that a callback is about. Borrowed until the callback returns. */
typedef struct coppice_step {
  uint32_t size;
  uint32_t attempt; /* of handle_do and handle_prepare: above 1, an earlier attempt may have had its effect */
  uint64_t token;   /* names the callback in its answer */
  coppice_bytes tx; /* the transaction's id, 1 to 255 bytes */
  coppice_bytes key; /* a term, {Tx, Step}: the same for every attempt of the step */
} coppice_step;
#define COPPICE_STEP_LEAST COPPICE_SIZE_THROUGH(coppice_step, key)

/* [actor] All of them. `state` is what create made; all other arguments are borrowed until the callback
 * returns. COPPICE_OK: answered, or answered later. COPPICE_UNHANDLED: the answer of a callback that is NULL.
 * COPPICE_STOP and errors end the actor, as in coppice.server/1. When the actor runs again, the callback is
 * repeated after a while, each time later; after three ends what is not decided is undone. Values that were
 * given out without a term are the atom undefined. */
typedef struct coppice_saga {
  uint32_t size;
  uint32_t reserved;

  /* A transaction is started here. Answers: steps, done (without any step), failed (the transaction is
   * cancelled). Default: failed, unsupported. */
  int32_t (*handle_start)(coppice_actor* self, void* state, const coppice_step* tx,
                          const coppice_message* value);
  /* A step is done, or prepared. Answers: done (no steps after those under way; the result is the final
   * value), steps (after all others; none of them: go on), failed (cancel). Without further steps the last
   * result is the final value. Default: go on. */
  int32_t (*handle_result)(coppice_actor* self, void* state, const coppice_step* step,
                           const coppice_message* result);
  /* A step has failed and has no effect. Answers: retry, steps (in place of the failed one), failed (cancel).
   * Default: cancel with the step's reason. */
  int32_t (*handle_failed)(coppice_actor* self, void* state, const coppice_step* step,
                           const coppice_message* reason);
  /* A participant tells of its progress. Not answered. Default: nothing. */
  int32_t (*handle_interim)(coppice_actor* self, void* state, const coppice_step* step,
                            const coppice_message* value);

  /* As a participant in `commit: compensate`. Answers: done (with the result), failed (for good, without any
   * effect), steps (these steps do it). Default: failed, unsupported. */
  int32_t (*handle_do)(coppice_actor* self, void* state, const coppice_step* step,
                       const coppice_message* value);
  /* Takes back what handle_do did. Answers: done, failed (call it again later), never (it cannot be undone:
   * the transaction waits for an operator). Default: done, for steps that leave nothing behind. */
  int32_t (*handle_undo)(coppice_actor* self, void* state, const coppice_step* step,
                         const coppice_message* value);

  /* As a participant in `commit: two_phase`. Answers of handle_prepare: done (from now on both commit and
   * abort are possible), failed, steps. Default: failed, unsupported. */
  int32_t (*handle_prepare)(coppice_actor* self, void* state, const coppice_step* step,
                            const coppice_message* value);
  /* Answers: done, failed (call it again later). Default: done. */
  int32_t (*handle_commit)(coppice_actor* self, void* state, const coppice_step* step,
                           const coppice_message* final);
  /* Answers: as of handle_undo. It is only called after handle_prepare, and also if that one's outcome is
   * unknown. Default: done. */
  int32_t (*handle_abort)(coppice_actor* self, void* state, const coppice_step* step);
} coppice_saga;
#define COPPICE_SAGA_LEAST COPPICE_SIZE_THROUGH(coppice_saga, handle_abort)

/* A step to be done by another process. */
typedef struct coppice_next_step {
  uint32_t size;
  uint32_t beside;             /* 1: begins together with the step before it. 0: after it */
  coppice_bytes to;            /* UTF-8: NAME, or NAME@ALIVE@HOST for a process on another node */
  coppice_message* value_take; /* NULL: the atom undefined */
  int64_t retry_first;         /* ns until it is tried again, doubled each time. 0: as configured */
  int64_t retry_max;           /* ns. 0: as configured */
} coppice_next_step;
#define COPPICE_NEXT_STEP_LEAST COPPICE_SIZE_THROUGH(coppice_next_step, retry_max)

/* All [actor]. COPPICE_E_CONTEXT: the actor is no saga, or has not finished its init. COPPICE_E_USED: the
 * token is unknown: the callback was answered before, by the actor or by a decision that made the answer
 * needless. COPPICE_E_INVALID: the callback has no such answer. COPPICE_E_TERM: the value is no term. Values
 * and reasons may be NULL: the atom undefined. One above `limits.value` is replaced by the reason
 * `limit`; if it is the result of handle_do or handle_prepare, the host undoes the step before it counts as
 * failed.
 */
typedef struct coppice_saga_api {
  uint32_t size;
  uint32_t reserved;

  int32_t (*done)(coppice_actor* self, const coppice_step* step, coppice_message* value_take);
  int32_t (*failed)(coppice_actor* self, const coppice_step* step, coppice_message* reason_take);
  int32_t (*never)(coppice_actor* self, const coppice_step* step, coppice_message* reason_take);
  int32_t (*retry)(coppice_actor* self, const coppice_step* step);
  /* Adds a step to the answer that `steps` gives. COPPICE_E_INVALID: also a name without form. */
  int32_t (*add_step)(coppice_actor* self, const coppice_step* step, const coppice_next_step* next);
  /* Answers with the steps that were added. */
  int32_t (*steps)(coppice_actor* self, const coppice_step* step);
  /* Tells the coordinator, or for a transaction that was started here its subscribers, of progress. Sent
   * once, without an answer, and dropped if the step is over. Uses `key`. */
  int32_t (*interim)(coppice_actor* self, const coppice_step* step, coppice_message* value_take);
} coppice_saga_api;
#define COPPICE_SAGA_API_LEAST COPPICE_SIZE_THROUGH(coppice_saga_api, interim)

#ifdef __cplusplus
}
#endif
#endif
