/* SPDX-License-Identifier: MIT
 * "coppice.channel/draft-2" (DRAFT): named events, for every actor. A producer registers a name and
 * publishes payloads. Each subscriber, on this node or another, gets all of them in order as plain messages
 * at handle_info. In these messages Name is the atom that it subscribed to, or {Name, Node} for an event of
 * another node:
 *
 *   {event, Name, Seq, Time, Payload}     Seq: 1, 2, … since this node started; Time: ns since 1970, UTC
 *   {event_gap, Name, First, Last}        these numbers were lost; First 0: also those of an earlier life
 *   {event_end, Name, Reason}             the last message: `unregistered`, `removed`, `overloaded`, the
 *                                         producer's exit reason, `noconnection`, or `no_such_event` of
 *                                         another node
 *
 * A producer that asked for it gets {event_subscribers, Name, Count} when the first subscriber comes and when
 * the last one leaves. Publishing costs the producer as much for one subscriber as for many.
 *
 * Events that the configuration declares (`events:`) outlive their producers; all others end with them.
 * The sequence numbers continue in both cases. A reload keeps a producer's events and subscriptions;
 * registering an event again in after_restore gives the same token. From Erlang: gen_server calls to
 * `coppice_events`, see the manual. */
#ifndef COPPICE_DRAFT_CHANNEL_H
#define COPPICE_DRAFT_CHANNEL_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_CHANNEL_DRAFT_2 "coppice.channel/draft-2"

/* Flags of an event. */
#define COPPICE_CHANNEL_OPEN 1u   /* any process that knows the name may publish, by coppice_events */
#define COPPICE_CHANNEL_NOTIFY 2u /* the producer is told of subscribers */

/* What happens to events when a subscriber's mailbox is full. */
#define COPPICE_CHANNEL_DROP_OLD \
  0u /* once there is room, it gets the events still kept and an event_gap for the others */
#define COPPICE_CHANNEL_DROP_NEW 1u /* it gets an event_gap for the lost events, then later events */
#define COPPICE_CHANNEL_UNSUBSCRIBE 2u
#define COPPICE_CHANNEL_PARK 3u /* publish waits for subscribers of this node */

typedef struct coppice_channel_options {
  uint32_t size;
  uint32_t flags;
  uint32_t buffer; /* how many of the last events a new subscriber gets first: up to 1,000,000 */
  uint32_t queue;  /* how many more are kept for slow subscribers: up to 1,000,000; 0: 1000 */
  uint64_t bytes;  /* bytes of one payload, up to 64 MiB; 0: 1 MiB */
  uint32_t slow;   /* COPPICE_CHANNEL_DROP_OLD … */
  uint32_t reserved;
} coppice_channel_options;
#define COPPICE_CHANNEL_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_channel_options, reserved)

/* Where a subscription begins. */
#define COPPICE_CHANNEL_BUFFERED 0u /* with the events that are kept */
#define COPPICE_CHANNEL_NOW 1u      /* with the next event */
#define COPPICE_CHANNEL_AFTER 2u    /* after `seq`; an event_gap comes first if some are no longer kept */

/* Flags of a subscription. */
#define COPPICE_CHANNEL_LINK                                                    \
  1u /* the end is an exit signal with {event_end, Name, Reason}, not a message \
      */

typedef struct coppice_channel_subscribe_options {
  uint32_t size;
  uint32_t flags;
  uint32_t begin;
  uint32_t creation; /* with AFTER: the node's life that `seq` is from, see out_begin; 0: the present */
  uint64_t seq;
} coppice_channel_subscribe_options;
#define COPPICE_CHANNEL_SUBSCRIBE_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_channel_subscribe_options, seq)

/* Where a subscription stands. All 0 for an event of another node that had no subscriber on this node. */
typedef struct coppice_channel_begin {
  uint64_t first; /* the number of the first event that comes */
  uint64_t last;  /* the number of the last event published */
  uint32_t creation;
  uint32_t buffer;
} coppice_channel_begin;

/* All [actor]. Names are texts of 1 to 255 characters in UTF-8, not terms. */
typedef struct coppice_channel_api {
  uint32_t size;
  uint32_t reserved;

  /* `*out_token`, never 0, is what publish takes; any actor that has it may publish. The options of a
   * declared event come from the configuration (NULL will do). A second call by the same actor gives the same
   * token. COPPICE_E_EXISTS: another process has registered the event; COPPICE_E_REFUSED: the configuration
   * gives it to another actor; COPPICE_E_INVALID: the name is not valid or begins with "coppice.", or the
   * options are not valid; COPPICE_E_MEMORY: too many events. */
  int32_t (*register_event)(coppice_actor* self, coppice_bytes name, const coppice_channel_options* options,
                            uint64_t* out_token);
  /* Ends the event, unless it is declared, and makes the token invalid. COPPICE_E_NOT_FOUND: no such
   * token. */
  int32_t (*unregister_event)(coppice_actor* self, uint64_t token);
  /* `payload` is a term, which is copied. `out_seq` may be NULL. Waits only with PARK. COPPICE_E_NOT_FOUND:
   * the token does not exist or is no longer valid; COPPICE_E_INVALID: the payload is larger than the event's
   * `bytes`; COPPICE_E_FULL: with PARK, no room within a second. */
  int32_t (*publish)(coppice_actor* self, uint64_t token, coppice_bytes payload, uint64_t* out_seq);
  /* `node` empty: this node. `options` NULL: begins with the events that are kept. `out_begin` may be NULL.
   * COPPICE_E_NOT_FOUND: this node has no such event; COPPICE_E_EXISTS: the actor has subscribed already;
   * COPPICE_E_INVALID: the name or the options are not valid; COPPICE_E_MEMORY: the event has 1,000,000
   * subscribers. Errors of another node arrive as an event_end message. */
  int32_t (*subscribe)(coppice_actor* self, coppice_bytes name, coppice_bytes node,
                       const coppice_channel_subscribe_options* options, coppice_channel_begin* out_begin);
  /* Events on their way may still arrive. COPPICE_E_NOT_FOUND: the actor has not subscribed. */
  int32_t (*unsubscribe)(coppice_actor* self, coppice_bytes name, coppice_bytes node);
} coppice_channel_api;
#define COPPICE_CHANNEL_API_LEAST COPPICE_SIZE_THROUGH(coppice_channel_api, unsubscribe)

#ifdef __cplusplus
}
#endif
#endif
