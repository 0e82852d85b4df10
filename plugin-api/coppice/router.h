/* SPDX-License-Identifier: MIT
 * "coppice.router/draft-1" (DRAFT): an actor that passes what comes to it on to others. The behaviour
 * "router" needs this table beside coppice.lifecycle/1. Every call, cast and message is shown to `route`,
 * which says by "coppice.router_host/draft-1" (DRAFT) where it goes; what it says nothing about is the
 * actor's own, and comes to its coppice.server/1.
 *
 * A call's answer goes to who asked, through the host: so the host knows when a callee ends, is too late or
 * was never there, and what then becomes of the call is up to `router: { on_failed }`. Casts and messages are
 * known to have failed only where there is nobody of that name or pid here, or his mailbox is full. Exit
 * signals, 'DOWN' messages and answers to the actor's own requests are always its own. */
#ifndef COPPICE_ROUTER_H
#define COPPICE_ROUTER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_ROUTER_DRAFT_1 "coppice.router/draft-1"
#define COPPICE_ROUTER_HOST_DRAFT_1 "coppice.router_host/draft-1"

#define COPPICE_ROUTED_CALL 1u
#define COPPICE_ROUTED_CAST 2u
#define COPPICE_ROUTED_INFO 3u /* every other message */

/* Borrowed, all of it, until the callback returns. */
typedef struct coppice_routed {
  uint32_t size;
  uint32_t kind;           /* COPPICE_ROUTED_… */
  coppice_message content; /* the request, or the message */
  coppice_bytes from;      /* of a call: who asks, for reply of coppice.call/1 */
  coppice_bytes route;     /* in failed: the text of the route, empty where `to` was called */
  coppice_bytes reason; /* in failed: a term. noproc, nodedown, timeout, overloaded; why the callee ended */
} coppice_routed;
#define COPPICE_ROUTED_LEAST COPPICE_SIZE_THROUGH(coppice_routed, reason)

/* [actor] Both. COPPICE_OK: it goes where the last host call said; without any it is the actor's own. Every
 * other status is as with handle_info of coppice.server/1, and nothing goes anywhere. */
typedef struct coppice_router {
  uint32_t size;
  uint32_t reserved;

  /* Needed. */
  int32_t (*route)(coppice_actor* self, void* state, const coppice_routed* what);
  /* With `on_failed: callback`: it did not get there, or was not answered. It may go to another route, at
   * most eight times in all; without a host call the caller gets the error that he gets by `on_failed:
   * reply`. Default: just that. */
  int32_t (*failed)(coppice_actor* self, void* state, const coppice_routed* what);
} coppice_router;
#define COPPICE_ROUTER_LEAST COPPICE_SIZE_THROUGH(coppice_router, failed)

/* All [actor]. COPPICE_E_CONTEXT: neither route nor failed runs. */
typedef struct coppice_router_host_api {
  uint32_t size;
  uint32_t reserved;

  /* To a route of `router: { routes }`. COPPICE_E_INVALID: there is none of this name, and nothing is said.
   */
  int32_t (*to_route)(coppice_actor* self, coppice_bytes name);
  /* To a pid, a name, {Name, Node} or an alias. COPPICE_E_INVALID: it is none of them. */
  int32_t (*to)(coppice_actor* self, coppice_bytes destination);
  /* Nowhere: a call is not answered. It is counted. */
  int32_t (*discard)(coppice_actor* self);
} coppice_router_host_api;
#define COPPICE_ROUTER_HOST_API_LEAST COPPICE_SIZE_THROUGH(coppice_router_host_api, discard)

#ifdef __cplusplus
}
#endif
#endif
