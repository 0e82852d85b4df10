/* SPDX-License-Identifier: MIT
 * "coppice.statem/draft-2" (DRAFT): callbacks of a state machine, as in OTP's gen_statem. The behaviour
 * "statem" needs this table beside coppice.lifecycle/1. The host keeps the state, which is a term, the
 * postponed and inserted events, and the time-outs; a reload does not touch them. The plugin's own state
 * is the data, and save_state writes only the data.
 *
 * "coppice.statem_host/draft-2" (DRAFT): the calls that make a transition. They are allowed in init,
 * handle_event and enter only. The host applies them once the callback has returned, as gen_statem applies
 * the actions that a callback returns: the last next_state or repeat_state counts, and for each time-out
 * the last call. An action that is not possible ends the actor with OTP's reason. Without a call the state
 * is kept.
 *
 * Events come in OTP's order: the enter callback, events inserted by next_event, postponed events once the
 * state has changed, time-outs of zero, messages from the mailbox. */
#ifndef COPPICE_DRAFT_STATEM_H
#define COPPICE_DRAFT_STATEM_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STATEM_DRAFT_2 "coppice.statem/draft-2"
#define COPPICE_STATEM_HOST_DRAFT_2 "coppice.statem_host/draft-2"

/* Types of events. A plugin gets no type that is newer than the headers it was built with. */
#define COPPICE_STATEM_EVENT_CALL 1u          /* of gen_statem:call and gen_server:call */
#define COPPICE_STATEM_EVENT_CAST 2u          /* of gen_statem:cast and gen_server:cast */
#define COPPICE_STATEM_EVENT_INFO 3u          /* every other message */
#define COPPICE_STATEM_EVENT_INTERNAL 4u      /* inserted by next_event */
#define COPPICE_STATEM_EVENT_TIMEOUT 5u       /* the event time-out: cancelled by any event */
#define COPPICE_STATEM_EVENT_STATE_TIMEOUT 6u /* cancelled by a change of the state */
#define COPPICE_STATEM_EVENT_NAMED_TIMEOUT 7u /* OTP's generic one, {timeout, Name} */
#define COPPICE_STATEM_EVENT_RESPONSE 8u      /* the end of a request of coppice.call/1 */

/* Borrowed until the callback returns. */
typedef struct coppice_statem_event {
  uint32_t size;
  uint32_t type;           /* COPPICE_EVENT_…; 0 in enter */
  coppice_bytes state;     /* the present state */
  coppice_bytes old_state; /* in enter: the state before; equal to `state` after init and repeat_state */
  coppice_bytes name;      /* of a named time-out, any term */
  coppice_bytes from;      /* of a call: for reply, now or later (then keep a copy) */
  coppice_message content; /* the request, the message, or the content of the time-out; in enter none */
  uint64_t id;             /* of a response, as in on_response of coppice.server/1 */
  uint64_t tag;            /* of a response; `content` is its answer, or none */
  int32_t status;          /* of a response */
  uint32_t reserved;
} coppice_statem_event;
#define COPPICE_STATEM_EVENT_LEAST COPPICE_SIZE_THROUGH(coppice_statem_event, reserved)

/* [actor] Both. `data` is what create made. init of coppice.lifecycle/1 must call next_state, which sets the
 * first state. */
typedef struct coppice_statem {
  uint32_t size;
  uint32_t reserved;

  /* Must not be NULL. COPPICE_OK: the host calls made the transition. COPPICE_STOP: the replies are sent and
   * the actor ends; any other action ends it with OTP's {bad_reply_action_from_state_function, Action}.
   * COPPICE_UNHANDLED: the state is kept; a call or cast is treated as an unhandled one of coppice.server/1,
   * any other event is logged and dropped. An error: the actor ends, and nothing is sent. */
  int32_t (*handle_event)(coppice_actor* self, void* data, const coppice_statem_event* event);
  /* Runs after init, after each change of the state and after each repeat_state. It may not change the state,
   * postpone or insert events. Statuses: as of handle_event. Default: there are no enter calls. */
  int32_t (*enter)(coppice_actor* self, void* data, const coppice_statem_event* event);
} coppice_statem;
#define COPPICE_STATEM_LEAST COPPICE_SIZE_THROUGH(coppice_statem, enter)

#define COPPICE_STATEM_INFINITY INT64_MAX
/* The longest time-out in nanoseconds: OTP's 2^43 ms. It also bounds an absolute time. A longer time-out ends
 * the actor with badarg. */
#define COPPICE_STATEM_LONGEST (INT64_C(8796093022208) * 1000000)

typedef struct coppice_statem_timeout {
  uint32_t size;
  uint32_t type;      /* one of the three COPPICE_EVENT_…TIMEOUT */
  coppice_bytes name; /* of a named time-out, any term; copied */
  int64_t time;       /* ns from now, 0: once no event waits; or, if absolute, of coppice.timer/1's clock;
                       * COPPICE_STATEM_INFINITY: cancels it */
  uint32_t absolute;  /* 0 or 1 */
  uint32_t reserved;
} coppice_statem_timeout;
#define COPPICE_STATEM_TIMEOUT_LEAST COPPICE_SIZE_THROUGH(coppice_statem_timeout, reserved)

/* All [actor]. COPPICE_E_CONTEXT: no callback that may make a transition is running. */
typedef struct coppice_statem_api {
  uint32_t size;
  uint32_t reserved;

  /* Sets the next state. If it is equal to the present one, the call has no effect. */
  int32_t (*next_state)(coppice_actor* self, coppice_message* state_take);
  /* As next_state, for an atom; `name` is UTF-8 that ends with a zero byte. */
  int32_t (*next_state_atom)(coppice_actor* self, const char* name);
  /* Keeps the state and calls enter again. Postponed events stay postponed. */
  int32_t (*repeat_state)(coppice_actor* self);
  /* Cancels an earlier next_state or repeat_state of this callback. */
  int32_t (*keep_state)(coppice_actor* self);
  /* Delivers this event again once the state has changed. */
  int32_t (*postpone)(coppice_actor* self);
  /* Inserts an event before all that wait. `about` is the From of a COPPICE_STATEM_EVENT_CALL or the name of
   * a COPPICE_STATEM_EVENT_NAMED_TIMEOUT, else empty. COPPICE_STATEM_EVENT_RESPONSE cannot be inserted. */
  int32_t (*next_event)(coppice_actor* self, uint32_t type, coppice_bytes about,
                        coppice_message* content_take);
  /* Sets the time-out; replaces one of the same type and name. */
  int32_t (*set_timeout)(coppice_actor* self, const coppice_statem_timeout* what,
                         coppice_message* content_take);
  /* Gives a running time-out another content and keeps its time. If there is no such time-out, sets one of
   * zero. `time` and `absolute` are ignored. */
  int32_t (*update_timeout)(coppice_actor* self, const coppice_statem_timeout* what,
                            coppice_message* content_take);
  int32_t (*cancel_timeout)(coppice_actor* self, const coppice_statem_timeout* what);
  /* Answers a call as part of the transition. coppice.call/1's reply answers at once. */
  int32_t (*reply)(coppice_actor* self, coppice_bytes from, coppice_message* answer_take);
} coppice_statem_api;
#define COPPICE_STATEM_API_LEAST COPPICE_SIZE_THROUGH(coppice_statem_api, reply)

#ifdef __cplusplus
}
#endif
#endif
