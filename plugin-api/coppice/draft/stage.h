/* SPDX-License-Identifier: MIT
 * "coppice.stage/draft-2" (DRAFT): callbacks of a stage of a pipeline, as in Elixir's GenStage and
 * compatible with it. The behaviours "producer", "producer_consumer" and "consumer" need this table beside
 * coppice.lifecycle/1; coppice.server/1 is allowed. The host keeps the subscriptions, the demand and the
 * events that wait; a reload does not touch them. The plugin keeps only its own state.
 *
 * "coppice.stage_host/draft-2" (DRAFT): the calls that a stage makes.
 *
 * Events are delivered at most once: events that a stage was handling when it ended are lost. A `from` is
 * {Pid, Tag} of the other side of a subscription: a copy of it is valid until the subscription ends. */
#ifndef COPPICE_DRAFT_STAGE_H
#define COPPICE_DRAFT_STAGE_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STAGE_DRAFT_2 "coppice.stage/draft-2"
#define COPPICE_STAGE_HOST_DRAFT_2 "coppice.stage_host/draft-2"

/* The other side of a subscription. */
#define COPPICE_STAGE_PRODUCER 1u
#define COPPICE_STAGE_CONSUMER 2u

/* How a subscription ended: `how` of handle_cancel. */
#define COPPICE_STAGE_CANCEL 1u /* the other side cancelled it or confirmed a cancel, or was overloaded */
#define COPPICE_STAGE_DOWN 2u   /* the other side has ended, or its node is lost */

/* Statuses of handle_subscribe and choose, besides COPPICE_OK. */
#define COPPICE_STAGE_MANUAL 64  /* the host asks this producer for no events; the stage calls ask() */
#define COPPICE_STAGE_NONE 65    /* the event goes to no consumer; no demand is used up */
#define COPPICE_STAGE_BY_HASH 66 /* the partition is erlang:phash2(Event, Partitions) */

/* Modes of set_demand. */
#define COPPICE_STAGE_FORWARD 1u
#define COPPICE_STAGE_ACCUMULATE 2u

/* [actor] All of them. `state` is what create made; all other arguments are borrowed until the callback
 * returns. Events are emitted by emit(). COPPICE_STOP and errors end the stage, as in coppice.server/1. */
typedef struct coppice_stage {
  uint32_t size;
  uint32_t reserved;

  /* A producer must have it; the others must not. `count`, at least 1, is how many more events are wanted.
   * The producer may emit fewer now and the others later; events beyond the demand are buffered. */
  int32_t (*handle_demand)(coppice_actor* self, void* state, uint64_t count);
  /* A producer_consumer and a consumer must have it. `events` is a list that is not empty. When it returns,
   * the host asks for more, as max_demand and min_demand say. */
  int32_t (*handle_events)(coppice_actor* self, void* state, const coppice_message* events,
                           coppice_bytes from);
  /* A subscription begins. `options` is a keyword list from the consumer. COPPICE_OK: the host asks for
   * events; COPPICE_STAGE_MANUAL, only if `peer` is a producer: the stage asks. Default: COPPICE_OK. */
  int32_t (*handle_subscribe)(coppice_actor* self, void* state, uint32_t peer, const coppice_message* options,
                              coppice_bytes from);
  /* A subscription ended. A consumer then ends with `reason` if the `cancel` option says so. Default:
   * nothing. */
  int32_t (*handle_cancel)(coppice_actor* self, void* state, uint32_t how, const coppice_message* reason,
                           coppice_bytes from);
  /* With a partition dispatcher: sets *partition to the number of the event's partition, from 0 in the order
   * in which partitions are named, or returns COPPICE_STAGE_NONE or COPPICE_STAGE_BY_HASH. With `callback`:
   * the number that a consumer subscribed with. Must not emit. Default: by hash. */
  int32_t (*choose)(coppice_actor* self, void* state, const coppice_message* event, uint64_t* partition);
  /* The buffer was full, and `count` events were dropped. COPPICE_OK: the host logs it; COPPICE_STAGE_NONE:
   * it does not. Must not emit. Default: COPPICE_OK. */
  int32_t (*format_discarded)(coppice_actor* self, void* state, uint64_t count);
} coppice_stage;
#define COPPICE_STAGE_LEAST COPPICE_SIZE_THROUGH(coppice_stage, format_discarded)

/* All [actor]. COPPICE_E_CONTEXT: the actor is not a stage, or this callback may not make the call. */
typedef struct coppice_stage_api {
  uint32_t size;
  uint32_t reserved;

  /* Emits a proper list of events to the consumers that have demand; the others go into the buffer. Allowed
   * in every callback but init, choose, format_discarded and terminate. A consumer's events are dropped and
   * logged. COPPICE_E_TERM: not a proper list. */
  int32_t (*emit)(coppice_actor* self, coppice_message* events_take);
  /* Asks a producer for `count` more events, at most 2^53. 0: no effect. */
  int32_t (*ask)(coppice_actor* self, coppice_bytes from, uint64_t count);
  /* Ends a subscription, from either side. handle_cancel follows once the other side has confirmed it. */
  int32_t (*cancel)(coppice_actor* self, coppice_bytes from, coppice_message* reason_take);
  /* Subscribes this stage to a producer: a pid, a name or {Name, Node}. `options` is a keyword list
   * (max_demand, min_demand, cancel, partition, and other keys for the producer). Takes place after this
   * callback; handle_subscribe then gives the tag. */
  int32_t (*subscribe)(coppice_actor* self, coppice_bytes to, coppice_message* options_take);
  /* As subscribe, but replaces the subscription `from`, which ends with `reason`. */
  int32_t (*resubscribe)(coppice_actor* self, coppice_bytes from, coppice_message* reason_take,
                         coppice_bytes to, coppice_message* options_take);
  /* For a producer: whether demand reaches it. Takes effect after this callback. */
  int32_t (*set_demand)(coppice_actor* self, uint32_t mode);
  /* A message to the stage itself, for handle_info, after all events that are buffered now have left. */
  int32_t (*info)(coppice_actor* self, coppice_message* message_take);
  /* In init only: the options of `stage:` as GenStage's init has them, a keyword list of `dispatcher`,
   * `demand`, `buffer_size`, `buffer_bytes`, `buffer_keep`, `backlog_bytes`, `demand_step`, `subscribe_to`.
   * Keys that are missing keep the value from `stage:`. COPPICE_E_INVALID: a value is wrong; the error object
   * says which. */
  int32_t (*configure)(coppice_actor* self, coppice_message* options_take);
} coppice_stage_api;
#define COPPICE_STAGE_API_LEAST COPPICE_SIZE_THROUGH(coppice_stage_api, configure)

#ifdef __cplusplus
}
#endif
#endif
