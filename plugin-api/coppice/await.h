/* SPDX-License-Identifier: MIT
 * "coppice.await/draft-1" (DRAFT): waiting for the answer to a request of coppice.call/1 where it was to come
 * to on_response: asked early, needed late. */
#ifndef COPPICE_AWAIT_H
#define COPPICE_AWAIT_H

#include <coppice/call.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_AWAIT_DRAFT_1 "coppice.await/draft-1"

typedef struct coppice_await_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] [parks] Waits for the end of the request with this id, until the deadline it was made with, and
   * forgets it: on_response will not be called for it. Statuses and out_new as coppice.call/1's call has
   * them; an answer that lies in the mailbox is taken from there. COPPICE_E_NOT_FOUND: there is no such
   * request, or on_response has had its answer. */
  int32_t (*await)(coppice_actor* self, uint64_t id, coppice_message* out_new);
} coppice_await_api;
#define COPPICE_AWAIT_API_LEAST COPPICE_SIZE_THROUGH(coppice_await_api, await)

#ifdef __cplusplus
}
#endif
#endif
