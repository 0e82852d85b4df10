/* SPDX-License-Identifier: MIT
 * "coppice.event_host/draft-1" (DRAFT): named events, for every actor. A producer registers a name and
 * publishes payloads; whoever has subscribed, here or on another node, gets all of them in their order, as
 * plain messages, so at handle_info. Name is the atom that it subscribed to, or {Name, Node} of another node:
 *
 *   {event, Name, Seq, Time, Payload}     Seq: 1, 2, …, of this node's life; Time: ns since 1970, UTC
 *   {event_gap, Name, First, Last}        of these numbers nothing comes; First 0: nor of another life
 *   {event_end, Name, Reason}             the last one: `unregistered`, `removed`, `overloaded`, why the
 * producer ended, `noconnection`, or of another node `no_such_event`
 *
 * and its producer, if it asked for it, {event_subscribers, Name, Count} when the first one subscribes and
 * when the last one leaves. What is published costs its producer as much for one subscriber as for many.
 *
 * Events that the configuration declares (`events:`) outlive their producers; others end with them. The
 * numbers go on either way. A producer and its subscriptions go on over a reload; what it registers again in
 * after_restore is as it was. From Erlang: gen_server calls to `coppice_events`, see the manual. */
#ifndef COPPICE_EVENT_H
#define COPPICE_EVENT_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_EVENT_HOST_DRAFT_1 "coppice.event_host/draft-1"

/* Flags of an event. */
#define COPPICE_EVENT_OPEN 1u   /* whoever knows its name may publish, by coppice_events */
#define COPPICE_EVENT_NOTIFY 2u /* its producer hears of subscribers */

/* What becomes of events for which a subscriber's mailbox has no room. */
#define COPPICE_EVENT_DROP_OLD \
  0u /* when there is room again it gets what is still kept, and is told of the rest */
#define COPPICE_EVENT_DROP_NEW 1u /* it is told what it lost, and gets what comes then */
#define COPPICE_EVENT_UNSUBSCRIBE 2u
#define COPPICE_EVENT_PARK 3u /* publish waits for subscribers of this node */

typedef struct coppice_event_options {
  uint32_t size;
  uint32_t flags;
  uint32_t buffer; /* the last events, which a new subscriber gets first: up to 1,000,000 */
  uint32_t queue;  /* as many more are kept while a subscriber has not had them: up to 1,000,000; 0: 1000 */
  uint64_t bytes;  /* of a payload, up to 64 MiB; 0: 1 MiB */
  uint32_t slow;   /* COPPICE_EVENT_DROP_OLD … */
  uint32_t reserved;
} coppice_event_options;
#define COPPICE_EVENT_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_event_options, reserved)

/* With what a subscription begins. */
#define COPPICE_EVENT_BUFFERED 0u /* what is kept */
#define COPPICE_EVENT_NOW 1u      /* the next one */
#define COPPICE_EVENT_AFTER 2u    /* what came after `seq`; a gap if that is not all there any more */

/* Flags of a subscription. */
#define COPPICE_EVENT_LINK 1u /* the end is an exit signal with {event_end, Name, Reason}, not a message */

typedef struct coppice_subscribe_options {
  uint32_t size;
  uint32_t flags;
  uint32_t begin;
  uint32_t creation; /* with AFTER: of the life that `seq` is of, as out_begin said; 0: of this one */
  uint64_t seq;
} coppice_subscribe_options;
#define COPPICE_SUBSCRIBE_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_subscribe_options, seq)

/* Where a subscription stands; all 0 of another node's event to which nobody here had subscribed. */
typedef struct coppice_event_begin {
  uint64_t first; /* the number of the first one that comes */
  uint64_t last;  /* published until now */
  uint32_t creation;
  uint32_t buffer;
} coppice_event_begin;

/* All [actor]. Names are texts of 1 to 255 characters in UTF-8, not terms. */
typedef struct coppice_event_host_api {
  uint32_t size;
  uint32_t reserved;

  /* `*out_token` is what publishes, by whoever has it; never 0. Of an event that is declared the options are
   * the configuration's (NULL will do). Again by the same actor: the same token. COPPICE_E_EXISTS: another
   * process has it; COPPICE_E_REFUSED: it is another's by the configuration; COPPICE_E_INVALID: no name, one
   * that begins with "coppice.", or such options; COPPICE_E_MEMORY: too many events. */
  int32_t (*register_event)(coppice_actor* self, coppice_bytes name, const coppice_event_options* options,
                            uint64_t* out_token);
  /* The event ends, unless it is declared; the token is nobody's. COPPICE_E_NOT_FOUND. */
  int32_t (*unregister_event)(coppice_actor* self, uint64_t token);
  /* `payload`: a term, copied. `out_seq` may be NULL. COPPICE_E_NOT_FOUND: no such token (any more);
   * COPPICE_E_INVALID: larger than the event's `bytes`; COPPICE_E_FULL: with PARK, no room in a second. Waits
   * with PARK alone. */
  int32_t (*publish)(coppice_actor* self, uint64_t token, coppice_bytes payload, uint64_t* out_seq);
  /* `node` empty: here. `options` NULL: with what is kept; `out_begin` may be NULL. COPPICE_E_NOT_FOUND:
   * there is no such event here; COPPICE_E_EXISTS: it has subscribed; COPPICE_E_INVALID: no name, or such
   * options; COPPICE_E_MEMORY: 1,000,000 have. Of another node what is wrong comes as the event's end. */
  int32_t (*subscribe)(coppice_actor* self, coppice_bytes name, coppice_bytes node,
                       const coppice_subscribe_options* options, coppice_event_begin* out_begin);
  /* Those on their way may still come. COPPICE_E_NOT_FOUND: it has not subscribed. */
  int32_t (*unsubscribe)(coppice_actor* self, coppice_bytes name, coppice_bytes node);
} coppice_event_host_api;
#define COPPICE_EVENT_HOST_API_LEAST COPPICE_SIZE_THROUGH(coppice_event_host_api, unsubscribe)

#ifdef __cplusplus
}
#endif
#endif
