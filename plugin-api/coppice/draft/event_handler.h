/* SPDX-License-Identifier: MIT
 * "coppice.event_handler/draft-2" (DRAFT): a handler of an event manager, as in OTP's gen_event. The
 * behaviour "event_handler" needs this table beside coppice.lifecycle/1. Each handler is its own actor,
 * started by its manager: a crash, a watchdog or a reload affects that handler alone. init is given the
 * arguments that the handler was added with; a handler that replaces another one is given {Args, Result}:
 * the arguments of the swap, and the term that the old handler's `removed` wrote. A NULL entry means the
 * default stated beside it. All functions are [actor]; messages and bytes are borrowed. */
#ifndef COPPICE_DRAFT_EVENT_HANDLER_H
#define COPPICE_DRAFT_EVENT_HANDLER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_EVENT_HANDLER_DRAFT_2 "coppice.event_handler/draft-2"

/* Statuses of handle_event, handle_call and handle_info, besides those of status.h. */
#define COPPICE_REMOVE_HANDLER 64 /* this handler leaves its manager, which does not start it again */
/* Another handler takes its place. The term given to set_reason, {Args, Handler, NextArgs}, holds the
 * argument for `removed`, the new handler ('PLUGIN:ACTOR' or {'PLUGIN:ACTOR', Id}) and its arguments. */
#define COPPICE_SWAP_HANDLER 65

typedef struct coppice_event_handler {
  uint32_t size;
  uint32_t reserved;

  /* An event of gen_event:notify or sync_notify. COPPICE_UNHANDLED: logged and dropped. Default: dropped. */
  int32_t (*handle_event)(coppice_actor* self, void* state, const coppice_message* event);
  /* A request of gen_event:call. Reply with coppice.call/1's reply, now or later. Default, and for
   * COPPICE_UNHANDLED: as handle_call of coppice.server/1. */
  int32_t (*handle_call)(coppice_actor* self, void* state, const coppice_message* request,
                         coppice_bytes from);
  /* Every other message, sent to the manager or to this actor. Default, and for COPPICE_UNHANDLED: logged and
   * dropped. */
  int32_t (*handle_info)(coppice_actor* self, void* state, const coppice_message* term);
  /* The end of a request: `status` and `answer` as in coppice.call/1's call. Default: dropped. */
  int32_t (*on_response)(coppice_actor* self, void* state, uint64_t id, uint64_t tag, int32_t status,
                         const coppice_message* answer);
  /* The handler leaves. `why` is the argument of delete_handler or of the swap; `stop`: the manager ends;
   * {stop, Reason}: the process that added the handler has ended; remove_handler: the handler returned
   * COPPICE_REMOVE_HANDLER; {error, {'EXIT', Reason}}: it failed. Writes one term, which delete_handler
   * returns and a new handler is given; if nothing is written: `ok`. Default: `ok`. */
  int32_t (*removed)(coppice_actor* self, void* state, const coppice_message* why, coppice_writer* result);
} coppice_event_handler;
#define COPPICE_EVENT_HANDLER_LEAST COPPICE_SIZE_THROUGH(coppice_event_handler, removed)

#ifdef __cplusplus
}
#endif
#endif
