/* SPDX-License-Identifier: MIT
 * "coppice.await/draft-1" (DRAFT): waits for the answer to a request of coppice.call/1 whose answer would
 * otherwise come to on_response. An actor can so send a request early and wait for its answer only where
 * it needs it. */
#ifndef COPPICE_DRAFT_AWAIT_H
#define COPPICE_DRAFT_AWAIT_H

#include <coppice/call.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_AWAIT_DRAFT_1 "coppice.await/draft-1"

typedef struct coppice_await_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] [parks] Waits until the request with this id has ended, at most until the request's own deadline,
   * and forgets it: on_response will not be called for it. Statuses and out_new are those of coppice.call/1's
   * call; an answer that is already in the mailbox is taken from there. COPPICE_E_NOT_FOUND: there is no such
   * request, or on_response has had its answer. */
  int32_t (*await)(coppice_actor* self, uint64_t id, coppice_message* out_new);
} coppice_await_api;
#define COPPICE_AWAIT_API_LEAST COPPICE_SIZE_THROUGH(coppice_await_api, await)

#ifdef __cplusplus
}
#endif
#endif
