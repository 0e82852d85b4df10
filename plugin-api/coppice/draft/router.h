/* SPDX-License-Identifier: MIT
 * "coppice.router/draft-2" (DRAFT): an actor that forwards messages. The behaviour "router" needs this
 * table beside coppice.lifecycle/1. The host shows every call, cast and message to `route`, which uses
 * "coppice.router_host/draft-2" (DRAFT) to say where it goes. A message about which `route` says nothing
 * is the actor's own and comes to its coppice.server/1.
 *
 * The answer to a call goes to the caller through the host. So the host knows when a callee ends, is too
 * late or never existed, and `router: { on_failed }` decides what then happens to the call. A cast or
 * message is known to have failed only if no process of this node has that name or pid, or if its mailbox
 * is full. Exit signals, 'DOWN' messages and answers to the actor's own requests are always the actor's
 * own. */
#ifndef COPPICE_DRAFT_ROUTER_H
#define COPPICE_DRAFT_ROUTER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_ROUTER_DRAFT_2 "coppice.router/draft-2"
#define COPPICE_ROUTER_HOST_DRAFT_2 "coppice.router_host/draft-2"

#define COPPICE_ROUTED_CALL 1u
#define COPPICE_ROUTED_CAST 2u
#define COPPICE_ROUTED_INFO 3u /* every other message */

/* Borrowed until the callback returns. */
typedef struct coppice_routed {
  uint32_t size;
  uint32_t kind;           /* COPPICE_ROUTED_… */
  coppice_message content; /* the request, or the message */
  coppice_bytes from;      /* of a call: the caller, for reply of coppice.call/1 */
  coppice_bytes route;     /* in failed: the route's name; empty: the destination was given to `to` */
  coppice_bytes reason;    /* in failed: a term: noproc, nodedown, timeout, overloaded, or an exit reason */
} coppice_routed;
#define COPPICE_ROUTED_LEAST COPPICE_SIZE_THROUGH(coppice_routed, reason)

/* [actor] Both. COPPICE_OK: the message goes where the last host call said; without a host call it is the
 * actor's own. Every other status is treated as one of handle_info in coppice.server/1, and nothing is
 * forwarded. */
typedef struct coppice_router {
  uint32_t size;
  uint32_t reserved;

  /* Must not be NULL. */
  int32_t (*route)(coppice_actor* self, void* state, const coppice_routed* what);
  /* Runs with `on_failed: callback` if the message could not be delivered or the call was not answered. A
   * host call sends it to another destination, at most eight times in all. Without a host call the caller
   * gets the error that `on_failed: reply` gives. Default: that error. */
  int32_t (*failed)(coppice_actor* self, void* state, const coppice_routed* what);
} coppice_router;
#define COPPICE_ROUTER_LEAST COPPICE_SIZE_THROUGH(coppice_router, failed)

/* All [actor]. COPPICE_E_CONTEXT: neither route nor failed is running. */
typedef struct coppice_router_api {
  uint32_t size;
  uint32_t reserved;

  /* To a route of `router: { routes }`. COPPICE_E_INVALID: there is no route of this name; earlier decisions
   * stay. */
  int32_t (*to_route)(coppice_actor* self, coppice_bytes name);
  /* To a pid, a name, {Name, Node} or an alias. COPPICE_E_INVALID: the term is none of these. */
  int32_t (*to)(coppice_actor* self, coppice_bytes destination);
  /* To no destination: the message is dropped and counted; a call gets no answer. */
  int32_t (*discard)(coppice_actor* self);
} coppice_router_api;
#define COPPICE_ROUTER_API_LEAST COPPICE_SIZE_THROUGH(coppice_router_api, discard)

#ifdef __cplusplus
}
#endif
#endif
