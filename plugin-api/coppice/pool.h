/* SPDX-License-Identifier: MIT
 * "coppice.pool/draft-1" (DRAFT): what an actor type has to say in a pool of its actors. A server's type may
 * have this table beside its others; a pool whose workers are of that type then asks it which of them gets a
 * request, and what becomes of one that the pool has no room for. Both entries may be NULL, and then the
 * pool's configuration decides.
 *
 * The callbacks have no actor and no state: they run in the pool, which all its callers wait for, so they
 * only compute, at once, from the request and from what the pool has. A reload of the plugin has them new. */
#ifndef COPPICE_POOL_H
#define COPPICE_POOL_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_POOL_DRAFT_1 "coppice.pool/draft-1"

#define COPPICE_POOL_CALL 1u
#define COPPICE_POOL_CAST 2u
#define COPPICE_POOL_INFO 3u /* every other message */

#define COPPICE_POOL_ANY UINT32_MAX /* no worker's number */

/* A request and the pool it came to. Borrowed, all of it, until the callback returns. */
typedef struct coppice_pool_request {
  uint32_t size;
  uint32_t kind;         /* COPPICE_POOL_… */
  coppice_bytes content; /* the request, or the message */
  uint32_t workers;      /* how many there are, numbered from 0 */
  uint32_t in_flight;    /* requests that each may hold */
  uint64_t queued;       /* requests that wait in the pool */

  /* Requests that a worker holds, and that wait for it alone. UINT64_MAX: it does not run, or there is none
   * of this number. */
  uint64_t (*load)(const struct coppice_pool_request* self, uint32_t worker);
  /* In on_overload of a call: its caller gets this term, which is copied; the last one counts.
   * COPPICE_E_TERM: it is none; COPPICE_E_CONTEXT: nobody waits for an answer. */
  int32_t (*answer)(const struct coppice_pool_request* self, coppice_bytes term);
} coppice_pool_request;
#define COPPICE_POOL_REQUEST_LEAST COPPICE_SIZE_THROUGH(coppice_pool_request, answer)

/* [any] */
typedef struct coppice_pool {
  uint32_t size;
  uint32_t reserved;

  /* Instead of `dispatch`: COPPICE_OK and a number below `workers` in *out_worker gives the request to that
   * worker, now or as soon as it has room; with COPPICE_POOL_ANY, which is there before, `dispatch` decides.
   * So it does for every other number and status; they are counted. Of a smaller pool afterwards, a request
   * that waits for a worker that has gone is anybody's; one that is tried again after its worker ended waits
   * for the worker that replaces it. Pools that broadcast do not ask. */
  int32_t (*choose)(const coppice_pool_request* what, uint32_t* out_worker);
  /* The request found the queue full, or has waited there for too long. COPPICE_OK: its caller gets what
   * answer() was given; without, it is dropped. Every other status: as `queue: { on_full }` says. */
  int32_t (*on_overload)(const coppice_pool_request* what);
} coppice_pool;
#define COPPICE_POOL_LEAST COPPICE_SIZE_THROUGH(coppice_pool, on_overload)

#ifdef __cplusplus
}
#endif
#endif
