/* SPDX-License-Identifier: MIT
 * "coppice.statem/draft-1" (DRAFT): a state machine, as OTP's gen_statem has it. The behaviour "statem" needs
 * this table beside coppice.lifecycle/1. The host keeps the state, a term, and with it the events that are
 * postponed or inserted and the time-outs; the plugin's own state is the data, and save_state is about that
 * alone: over a reload the rest stays where it is.
 *
 * "coppice.statem_host/draft-1" (DRAFT): what a callback makes its transition of. Each call adds to the
 * transition, in init, handle_event and enter alone; all are judged once the callback has returned, as
 * gen_statem judges the actions it is returned: the last next_state or repeat_state counts, of each time-out
 * the last call, and what cannot be done ends the actor with OTP's reason. Without a call the state is kept.
 *
 * The order of events is OTP's: the enter callback, events inserted by next_event, those postponed once the
 * state has changed, time-outs of zero, what waits in the mailbox. */
#ifndef COPPICE_STATEM_H
#define COPPICE_STATEM_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STATEM_DRAFT_1 "coppice.statem/draft-1"
#define COPPICE_STATEM_HOST_DRAFT_1 "coppice.statem_host/draft-1"

/* What an event is. A plugin is given no type that it was not built for. */
#define COPPICE_EVENT_CALL 1u          /* of gen_statem:call and gen_server:call */
#define COPPICE_EVENT_CAST 2u          /* of gen_statem:cast and gen_server:cast */
#define COPPICE_EVENT_INFO 3u          /* every other message */
#define COPPICE_EVENT_INTERNAL 4u      /* inserted by next_event */
#define COPPICE_EVENT_TIMEOUT 5u       /* the event time-out: cancelled by any event */
#define COPPICE_EVENT_STATE_TIMEOUT 6u /* cancelled by a change of the state */
#define COPPICE_EVENT_NAMED_TIMEOUT 7u /* OTP's generic one, {timeout, Name} */
#define COPPICE_EVENT_RESPONSE 8u      /* the end of a request of coppice.call/1 */

/* Borrowed, all of it, until the callback returns. */
typedef struct coppice_statem_event {
  uint32_t size;
  uint32_t type;       /* COPPICE_EVENT_…; in enter 0 */
  coppice_bytes state; /* as it is now */
  coppice_bytes
      old_state;      /* in enter: before; the same as `state` for the first one and after repeat_state */
  coppice_bytes name; /* of a named time-out, any term */
  coppice_bytes from; /* of a call: for reply, now or later with a copy of it */
  coppice_message content; /* the request, the message, what the time-out was set with; in enter none */
  uint64_t id;             /* of a response, as in on_response of coppice.server/1 */
  uint64_t tag;            /* likewise; `content` is the answer, none if there is none */
  int32_t status;          /* likewise */
  uint32_t reserved;
} coppice_statem_event;
#define COPPICE_STATEM_EVENT_LEAST COPPICE_SIZE_THROUGH(coppice_statem_event, reserved)

/* [actor] Both. `data` is what create made. init of coppice.lifecycle/1 has to call next_state: that is the
 * first state. */
typedef struct coppice_statem {
  uint32_t size;
  uint32_t reserved;

  /* Needed. COPPICE_OK: the transition is what the host calls said. COPPICE_STOP: the actor ends, after the
   * replies among them were sent; another action beside it is OTP's {bad_reply_action_from_state_function,
   * Action}. COPPICE_UNHANDLED: the state is kept, and a call or cast is treated as handle_call's of
   * coppice.server/1; everything else is logged and dropped. An error: it ends, and nothing is sent. */
  int32_t (*handle_event)(coppice_actor* self, void* data, const coppice_statem_event* event);
  /* After each change of the state and each repeat_state, and first of all after init; it may not change the
   * state, postpone or insert events. Statuses as above. Default: there are no such calls. */
  int32_t (*enter)(coppice_actor* self, void* data, const coppice_statem_event* event);
} coppice_statem;
#define COPPICE_STATEM_LEAST COPPICE_SIZE_THROUGH(coppice_statem, enter)

#define COPPICE_STATEM_INFINITY INT64_MAX
/* The longest time-out, in nanoseconds: 2^43 ms, OTP's; an absolute one is no later on its clock.
 * A longer one ends the actor with badarg. */
#define COPPICE_STATEM_LONGEST (INT64_C(8796093022208) * 1000000)

typedef struct coppice_statem_timeout {
  uint32_t size;
  uint32_t type;      /* one of the three COPPICE_EVENT_…TIMEOUT */
  coppice_bytes name; /* of a named one, any term; copied */
  int64_t time;       /* ns from now, 0: once no event waits; or, if absolute, of coppice.timer/1's clock;
                       * COPPICE_STATEM_INFINITY: cancels it */
  uint32_t absolute;  /* 0 or 1 */
  uint32_t reserved;
} coppice_statem_timeout;
#define COPPICE_STATEM_TIMEOUT_LEAST COPPICE_SIZE_THROUGH(coppice_statem_timeout, reserved)

/* All [actor]. COPPICE_E_CONTEXT: no callback of a statem runs that makes a transition. */
typedef struct coppice_statem_host_api {
  uint32_t size;
  uint32_t reserved;

  /* The state from now on; equal to the one there is: it is kept, as if this had not been called. */
  int32_t (*next_state)(coppice_actor* self, coppice_message* state_take);
  /* The same for an atom, of UTF-8 that ends with a zero. */
  int32_t (*next_state_atom)(coppice_actor* self, const char* name);
  /* The state is kept, and enter is called again. What is postponed stays so. */
  int32_t (*repeat_state)(coppice_actor* self);
  /* Takes both back. */
  int32_t (*keep_state)(coppice_actor* self);
  /* This event comes again once the state has changed. */
  int32_t (*postpone)(coppice_actor* self);
  /* An event that comes before all that wait. `about`: the From of a COPPICE_EVENT_CALL, the name of a
   * COPPICE_EVENT_NAMED_TIMEOUT; else nothing. COPPICE_EVENT_RESPONSE is none that can be inserted. */
  int32_t (*next_event)(coppice_actor* self, uint32_t type, coppice_bytes about,
                        coppice_message* content_take);
  /* Sets the time-out, in place of one of that type, and name, that is set. */
  int32_t (*set_timeout)(coppice_actor* self, const coppice_statem_timeout* what,
                         coppice_message* content_take);
  /* Gives the one that is set another content and lets its time be; of none it is one of zero. `time` and
   * `absolute` are not looked at. */
  int32_t (*update_timeout)(coppice_actor* self, const coppice_statem_timeout* what,
                            coppice_message* content_take);
  int32_t (*cancel_timeout)(coppice_actor* self, const coppice_statem_timeout* what);
  /* Answers a call with the transition. coppice.call/1's reply does so at once. */
  int32_t (*reply)(coppice_actor* self, coppice_bytes from, coppice_message* answer_take);
} coppice_statem_host_api;
#define COPPICE_STATEM_HOST_API_LEAST COPPICE_SIZE_THROUGH(coppice_statem_host_api, reply)

#ifdef __cplusplus
}
#endif
#endif
