/* SPDX-License-Identifier: MIT
 * "coppice.event_handler/draft-1" (DRAFT): a handler of an event manager, as OTP's gen_event has it. The
 * behaviour "event_handler" needs this table beside coppice.lifecycle/1. Each handler is an actor of its own,
 * started by its manager: its crash, its watchdog and its reload are its alone. init is given what it was
 * added with; one that takes another's place {Args, Result}, what the swap says and what the former one's
 * `removed` wrote. A NULL entry means the default stated beside it. All are [actor]; messages and bytes are
 * borrowed. */
#ifndef COPPICE_EVENT_HANDLER_H
#define COPPICE_EVENT_HANDLER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_EVENT_HANDLER_DRAFT_1 "coppice.event_handler/draft-1"

/* What handle_event, handle_call and handle_info may return besides. */
#define COPPICE_REMOVE_HANDLER 16 /* this handler leaves its manager, which begins it no more */
/* Another one takes its place: the term given to set_reason, {Args, Handler, NextArgs}, says with what
 * `removed` is called, which one ('PLUGIN:ACTOR' or {'PLUGIN:ACTOR', Id}) and what that is given. */
#define COPPICE_SWAP_HANDLER 17

typedef struct coppice_event_handler {
  uint32_t size;
  uint32_t reserved;

  /* Of gen_event:notify and sync_notify. COPPICE_UNHANDLED: logged and dropped. Default: dropped. */
  int32_t (*handle_event)(coppice_actor* self, void* state, const coppice_message* event);
  /* Of gen_event:call; reply with coppice.call/1's reply, now or later. Default, and for COPPICE_UNHANDLED:
   * as with servers. */
  int32_t (*handle_call)(coppice_actor* self, void* state, const coppice_message* request,
                         coppice_bytes from);
  /* Every other message, to the manager or to this actor. Default, and for COPPICE_UNHANDLED: logged and
   * dropped. */
  int32_t (*handle_info)(coppice_actor* self, void* state, const coppice_message* term);
  /* The end of a request: `status` and `answer` as call has them. Default: dropped. */
  int32_t (*on_response)(coppice_actor* self, void* state, uint64_t id, uint64_t tag, int32_t status,
                         const coppice_message* answer);
  /* It leaves. `why`: what delete_handler or the swap gave; `stop`: the manager ends; {stop, Reason}: who
   * added it has ended; remove_handler: it said so; {error, {'EXIT', Reason}}: it failed. Writes one term,
   * which delete_handler returns and the next handler is given; nothing: `ok`. Default: `ok`. */
  int32_t (*removed)(coppice_actor* self, void* state, const coppice_message* why, coppice_writer* result);
} coppice_event_handler;
#define COPPICE_EVENT_HANDLER_LEAST COPPICE_SIZE_THROUGH(coppice_event_handler, removed)

#ifdef __cplusplus
}
#endif
#endif
