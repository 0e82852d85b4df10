/* SPDX-License-Identifier: MIT
 * "coppice.call/1": call, cast and reply in the protocol of OTP's gen_server. Any OTP server can answer a
 * request, and a request that arrives at handle_call may come from an OTP process. Deadlines are absolute,
 * in monotonic nanoseconds (`now` of coppice.timer/1); 0: 5 s from now; COPPICE_FOREVER: none. All
 * functions are [actor], and all but reply and cancel are [parks]. */
#ifndef COPPICE_CALL_H
#define COPPICE_CALL_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* COPPICE_FOREVER is the deadline of a call that waits without a limit. */
#define COPPICE_CALL_1 "coppice.call/1"
#define COPPICE_FOREVER INT64_MAX

/* A call of call_many, and its answer. Neither struct grows. */
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

  /* Answers a call. `from` is the term that handle_call was given, or a copy of it, also a copy kept by an
   * earlier generation; any actor of this node may answer. COPPICE_E_USED: `from` is that of the call in
   * hand, which this handler has already answered. A second reply at any other time does nothing, as in OTP:
   * the caller drops it. COPPICE_E_TERM: the caller is on another node and the reply is not a valid term
   * (see message.h); the actor may give another reply. If a callback returns this status, its actor does not
   * end: the caller's call ends with bad_term. */
  int32_t (*reply)(coppice_actor* self, coppice_bytes from, coppice_message* term_take);

  /* Waits for the answer; the actor's stack is parked and its thread runs other actors. COPPICE_OK: out_new
   * is the reply. COPPICE_E_EXIT: out_new is the callee's exit reason. E_TIMEOUT, E_NOPROC, E_NODEDOWN,
   * E_SELF: out_new is empty. A reply that comes after the deadline is dropped. */
  int32_t (*call)(coppice_actor* self, coppice_bytes destination, coppice_message* request_take,
                  int64_t deadline, coppice_message* out_new);
  /* Makes many calls in parallel. The answers are in the order of `items`, and each must be released. Returns
   * COPPICE_OK when every answer's status is set. */
  int32_t (*call_many)(coppice_actor* self, const coppice_call_item* items, uint64_t count, int64_t deadline,
                       coppice_call_answer* out_answers_new);

  /* Sends a request and does not wait for its answer, which arrives at on_response with this id and `tag`, in
   * this generation or a later one. COPPICE_E_FULL: the request was dropped because the receiver's mailbox is
   * at its bound. After this and every other error on_response is not called. An actor may have thousands of
   * open requests. */
  int32_t (*request)(coppice_actor* self, coppice_bytes destination, coppice_message* request_take,
                     int64_t deadline, uint64_t tag, uint64_t* out_id);
  /* Forgets a request: on_response will not be called, and its answer is dropped, as is one that comes after
   * the request's deadline. COPPICE_E_NOT_FOUND: the request has been answered. */
  int32_t (*cancel)(coppice_actor* self, uint64_t id);

  /* As gen_server:cast: there is no answer, and a missing receiver is no error. `flags`: COPPICE_PRIORITY,
   * COPPICE_NO_CONNECT, COPPICE_NO_WAIT. */
  int32_t (*cast)(coppice_actor* self, coppice_bytes destination, coppice_message* term_take, uint32_t flags);
} coppice_call_api;
#define COPPICE_CALL_API_LEAST COPPICE_SIZE_THROUGH(coppice_call_api, cast)

#ifdef __cplusplus
}
#endif
#endif
