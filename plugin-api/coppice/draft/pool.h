/* SPDX-License-Identifier: MIT
 * "coppice.pool/draft-1" (DRAFT): decisions of an actor type in a pool of its actors. A server's type may
 * have this table beside its others. A pool whose workers are of that type then asks the table which
 * worker gets a request, and what happens to a request for which the pool has no room. Both entries may be
 * NULL; the pool's configuration then decides.
 *
 * The callbacks have no actor and no state. They run in the pool's process, on which all its callers wait,
 * so they must only compute, from the request and the pool's figures, and return at once. A reload of the
 * plugin replaces them. */
#ifndef COPPICE_DRAFT_POOL_H
#define COPPICE_DRAFT_POOL_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_POOL_DRAFT_1 "coppice.pool/draft-1"

#define COPPICE_POOL_CALL 1u
#define COPPICE_POOL_CAST 2u
#define COPPICE_POOL_INFO 3u /* every other message */

#define COPPICE_POOL_ANY UINT32_MAX /* not a worker's number */

/* A request and the pool that it came to. Borrowed until the callback returns. */
typedef struct coppice_pool_request {
  uint32_t size;
  uint32_t kind;         /* COPPICE_POOL_… */
  coppice_bytes content; /* the request, or the message */
  uint32_t workers;      /* number of workers, which are numbered from 0 */
  uint32_t in_flight;    /* requests that each worker may hold */
  uint64_t queued;       /* requests that wait in the pool */

  /* Requests that a worker holds or that wait for that worker alone. UINT64_MAX: the worker does not run, or
   * there is no such worker. */
  uint64_t (*load)(const struct coppice_pool_request* self, uint32_t worker);
  /* In on_overload of a call: answers the caller with this term, which is copied; the last call counts.
   * COPPICE_E_TERM: not a term; COPPICE_E_CONTEXT: no caller waits for an answer. */
  int32_t (*answer)(const struct coppice_pool_request* self, coppice_bytes term);
} coppice_pool_request;
#define COPPICE_POOL_REQUEST_LEAST COPPICE_SIZE_THROUGH(coppice_pool_request, answer)

/* [any] */
typedef struct coppice_pool {
  uint32_t size;
  uint32_t reserved;

  /* Replaces `dispatch`. COPPICE_OK and a number below `workers` in *out_worker give the request to that
   * worker, now or as soon as it has room. COPPICE_POOL_ANY, the initial value of *out_worker, leaves the
   * choice to `dispatch`. So does every other number or status, which is counted. If the pool becomes
   * smaller, a request that waits for a removed worker may go to any worker. A request that is tried again
   * after its worker ended waits for that worker's replacement. Pools that broadcast do not call this. */
  int32_t (*choose)(const coppice_pool_request* what, uint32_t* out_worker);
  /* The request found the queue full, or waited in it for too long. COPPICE_OK: the caller gets the term
   * given to answer(); without that term the request is dropped. Every other status: `queue: { on_full }`
   * decides. */
  int32_t (*on_overload)(const coppice_pool_request* what);
} coppice_pool;
#define COPPICE_POOL_LEAST COPPICE_SIZE_THROUGH(coppice_pool, on_overload)

#ifdef __cplusplus
}
#endif
#endif
