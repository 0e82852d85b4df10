/* SPDX-License-Identifier: MIT
 * "coppice.stage/draft-1" (DRAFT): a stage of a pipeline, as Elixir's GenStage has it, and compatible with
 * it. The behaviours "producer", "producer_consumer" and "consumer" need this table beside
 * coppice.lifecycle/1; coppice.server/1 is allowed. The host keeps subscriptions, demand, and the events that
 * wait: over a reload they stay where they are, and a plugin's state is its own alone.
 *
 * "coppice.stage_host/draft-1" (DRAFT): what a stage does of its own.
 *
 * Events are delivered at most once: those that a stage had in hand when it ended are lost. A party, `from`,
 * is {Pid, Tag} of the other side of a subscription: kept as a copy, it is good until that ends. */
#ifndef COPPICE_STAGE_H
#define COPPICE_STAGE_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STAGE_DRAFT_1 "coppice.stage/draft-1"
#define COPPICE_STAGE_HOST_DRAFT_1 "coppice.stage_host/draft-1"

/* What the other side of a subscription is. */
#define COPPICE_STAGE_PRODUCER 1u
#define COPPICE_STAGE_CONSUMER 2u

/* How a subscription ended. */
#define COPPICE_STAGE_CANCEL 1u /* the other side cancelled or confirmed a cancel, or it was overloaded */
#define COPPICE_STAGE_DOWN 2u   /* it has ended, or its node is lost */

/* Statuses of handle_subscribe and choose, besides COPPICE_OK. */
#define COPPICE_STAGE_MANUAL 1001  /* nothing is asked of this producer but by ask() */
#define COPPICE_STAGE_NONE 1002    /* the event goes nowhere, and what was asked for is still */
#define COPPICE_STAGE_BY_HASH 1003 /* erlang:phash2(Event, Partitions) */

/* Modes of set_demand. */
#define COPPICE_STAGE_FORWARD 1u
#define COPPICE_STAGE_ACCUMULATE 2u

/* [actor] All of them. `state` is what create made; all else is borrowed until the callback returns. Events
 * are emitted by emit(). COPPICE_STOP and errors end the stage, as in coppice.server/1. */
typedef struct coppice_stage {
  uint32_t size;
  uint32_t reserved;

  /* Needed of a producer, and of nobody else: `count` events, at least 1, are wanted that it has not emitted.
   * It may emit less now and the rest whenever it has them; what it emits beyond is buffered. */
  int32_t (*handle_demand)(coppice_actor* self, void* state, uint64_t count);
  /* Needed of the two others: a list that is not empty. What was asked for is asked for again when it
   * returns. */
  int32_t (*handle_events)(coppice_actor* self, void* state, const coppice_message* events,
                           coppice_bytes from);
  /* A subscription begins. `options`: a keyword list, as the consumer gave it. COPPICE_OK: demand is the
   * host's to ask for; COPPICE_STAGE_MANUAL, for a producer alone: it is the stage's. Default: COPPICE_OK. */
  int32_t (*handle_subscribe)(coppice_actor* self, void* state, uint32_t peer, const coppice_message* options,
                              coppice_bytes from);
  /* It ended. Then a consumer ends with the reason if its `cancel` option says so. Default: nothing. */
  int32_t (*handle_cancel)(coppice_actor* self, void* state, uint32_t how, const coppice_message* reason,
                           coppice_bytes from);
  /* With a partition dispatcher: `*partition` is the number of the event's, in the order in which they are
   * named, from 0; or COPPICE_STAGE_NONE, COPPICE_STAGE_BY_HASH. With `callback`: the number that a consumer
   * subscribed with. Nothing may be emitted. Default: by hash. */
  int32_t (*choose)(coppice_actor* self, void* state, const coppice_message* event, uint64_t* partition);
  /* The buffer was full, and so many events were dropped. COPPICE_OK: it is logged; COPPICE_STAGE_NONE: it is
   * not. Nothing may be emitted. Default: COPPICE_OK. */
  int32_t (*format_discarded)(coppice_actor* self, void* state, uint64_t count);
} coppice_stage;
#define COPPICE_STAGE_LEAST COPPICE_SIZE_THROUGH(coppice_stage, format_discarded)

/* All [actor]. COPPICE_E_CONTEXT: the actor is no stage, or not where this may be called. */
typedef struct coppice_stage_host_api {
  uint32_t size;
  uint32_t reserved;

  /* To whoever has asked for them, else into the buffer. A proper list. From every callback but init, choose,
   * format_discarded and terminate; a consumer's are dropped and logged. COPPICE_E_TERM: no such list. */
  int32_t (*emit)(coppice_actor* self, coppice_message* events_take);
  /* Asks a producer for `count` more events, at most 2^53; 0 is nothing. */
  int32_t (*ask)(coppice_actor* self, coppice_bytes from, uint64_t count);
  /* Ends a subscription, either side. handle_cancel follows, when the other side has confirmed it. */
  int32_t (*cancel)(coppice_actor* self, coppice_bytes from, coppice_message* reason_take);
  /* Subscribes this stage to a producer: a pid, a name, {Name, Node}. `options`: a keyword list (max_demand,
   * min_demand, cancel, partition, and whatever else the producer is to know). Done after this callback: then
   * handle_subscribe has the tag. */
  int32_t (*subscribe)(coppice_actor* self, coppice_bytes to, coppice_message* options_take);
  /* The same, in place of a subscription `from`, which the producer ends with `reason`. */
  int32_t (*resubscribe)(coppice_actor* self, coppice_bytes from, coppice_message* reason_take,
                         coppice_bytes to, coppice_message* options_take);
  /* Of a producer: whether demand reaches it. Done after this callback. */
  int32_t (*set_demand)(coppice_actor* self, uint32_t mode);
  /* A message to itself, for handle_info, once all that is buffered now has left. */
  int32_t (*info)(coppice_actor* self, coppice_message* message_take);
  /* In init alone: the options that `stage:` has, as GenStage's init has them, a keyword list of
   * `dispatcher`, `demand`, `buffer_size`, `buffer_bytes`, `buffer_keep`, `backlog_bytes`, `demand_step`,
   * `subscribe_to`. What it does not say is as `stage:` says. COPPICE_E_INVALID: they are wrong, the error
   * object says how. */
  int32_t (*configure)(coppice_actor* self, coppice_message* options_take);
} coppice_stage_host_api;
#define COPPICE_STAGE_HOST_API_LEAST COPPICE_SIZE_THROUGH(coppice_stage_host_api, configure)

#ifdef __cplusplus
}
#endif
#endif
