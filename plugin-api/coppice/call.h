/* SPDX-License-Identifier: MIT
 * "coppice.call/1": gen_server's call, cast and reply, spoken both ways. Requests can be answered by any OTP
 * server, and what arrives at handle_call may come from one. Deadlines are absolute, monotonic nanoseconds
 * (coppice.timer/1 has now); 0 means 5 s from now, COPPICE_FOREVER none. All [actor], and all but reply and
 * cancel [parks]. */
#ifndef COPPICE_CALL_H
#define COPPICE_CALL_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* COPPICE_FOREVER is the deadline of a call that waits without a limit. */
#define COPPICE_CALL_1 "coppice.call/1"
#define COPPICE_FOREVER INT64_MAX

/* One call of several, and its answer. Neither grows. */
typedef struct coppice_call_item {
  coppice_bytes destination;
  coppice_bytes request;
} coppice_call_item;

typedef struct coppice_call_answer {
  coppice_message message; /* the reply; with COPPICE_E_EXIT the callee's exit reason; else empty */
  int32_t status;
  uint32_t reserved;
} coppice_call_answer;

typedef struct coppice_call_api {
  uint32_t size;
  uint32_t reserved;

  /* Answers a call. `from` is the one handle_call was given, or a copy kept since, also one that a former
   * generation kept: it is a term, and any actor of this node may answer it. COPPICE_E_USED: it is that of
   * the call in hand, which this handler has answered. A second reply at any other time does nothing, as in
   * OTP: the caller has gone on, and drops it. COPPICE_E_TERM to a caller on another node: see message.h;
   * another reply may be given. A callback that returns this status then does not end its actor: the caller
   * hears that its call ended, with bad_term. */
  int32_t (*reply)(coppice_actor* self, coppice_bytes from, coppice_message* term_take);

  /* Waits for the answer; the actor's stack is parked, its thread goes on. COPPICE_OK: the reply.
   * COPPICE_E_EXIT: the callee's exit reason. E_TIMEOUT, E_NOPROC, E_NODEDOWN, E_SELF: out_new is empty. A
   * reply that comes after the deadline is dropped, never delivered. */
  int32_t (*call)(coppice_actor* self, coppice_bytes destination, coppice_message* request_take,
                  int64_t deadline, coppice_message* out_new);
  /* The same for many at once, asked in parallel; answers in the order asked, each to be released. Returns
   * COPPICE_OK when every answer's status is set. */
  int32_t (*call_many)(coppice_actor* self, const coppice_call_item* items, uint64_t count, int64_t deadline,
                       coppice_call_answer* out_answers_new);

  /* Asks without waiting: the answer arrives at on_response with this id and `tag`, in this generation or
   * a later one. COPPICE_E_FULL: dropped at the receiver's bound, and on_response will not be called; so with
   * every other error. For thousands of open requests. */
  int32_t (*request)(coppice_actor* self, coppice_bytes destination, coppice_message* request_take,
                     int64_t deadline, uint64_t tag, uint64_t* out_id);
  /* Forgets one: on_response will not be called, and an answer that comes all the same is dropped, as one is
   * that comes after its request's deadline. COPPICE_E_NOT_FOUND if it was answered. */
  int32_t (*cancel)(coppice_actor* self, uint64_t id);

  /* As gen_server:cast: no answer and no error for a missing receiver. `flags`: COPPICE_PRIORITY,
   * COPPICE_NO_CONNECT, COPPICE_NO_WAIT. */
  int32_t (*cast)(coppice_actor* self, coppice_bytes destination, coppice_message* term_take, uint32_t flags);
} coppice_call_api;
#define COPPICE_CALL_API_LEAST COPPICE_SIZE_THROUGH(coppice_call_api, cast)

#ifdef __cplusplus
}
#endif
#endif
