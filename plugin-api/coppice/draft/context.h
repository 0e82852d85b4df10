/* SPDX-License-Identifier: MIT
 * "coppice.context/draft-1" (DRAFT): a term that the host keeps with an open request of coppice.call/1 until
 * the request has ended, also through a reload. Data that the actor needs when the answer comes, such as the
 * `from` of its own caller, is so no part of the actor's state. */
#ifndef COPPICE_DRAFT_CONTEXT_H
#define COPPICE_DRAFT_CONTEXT_H

#include <coppice/call.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_CONTEXT_DRAFT_1 "coppice.context/draft-1"

typedef struct coppice_context_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] Keeps the term with the request, in place of one that was kept with it before. Nothing is lost if
   * this is called right after `request`: answers come after the callback. COPPICE_E_NOT_FOUND: there is no
   * such request, or it has ended. */
  int32_t (*keep)(coppice_actor* self, uint64_t id, coppice_message* context_take);
  /* [actor] The term of the request whose end the actor is told of, by on_response of coppice.server/1 or
   * COPPICE_STATEM_EVENT_RESPONSE. Borrowed until the callback returns. Empty: none was kept with it, or
   * another callback runs. */
  coppice_bytes (*borrowed)(coppice_actor* self);
} coppice_context_api;
#define COPPICE_CONTEXT_API_LEAST COPPICE_SIZE_THROUGH(coppice_context_api, borrowed)

#ifdef __cplusplus
}
#endif
#endif
