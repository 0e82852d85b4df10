/* SPDX-License-Identifier: MIT
 * "coppice.post/draft-1" (DRAFT): messages from threads that do not belong to the host. An actor makes a
 * handle to itself and gives it to a thread of its plugin; messages that the thread posts through the
 * handle arrive at handle_info. An open handle keeps the plugin's generation in memory: close it before
 * the thread ends. */
#ifndef COPPICE_DRAFT_POST_H
#define COPPICE_DRAFT_POST_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_POST_DRAFT_1 "coppice.post/draft-1"

/* A handle by which the plugin's own threads send messages to one actor. */
typedef struct coppice_post coppice_post;

typedef struct coppice_post_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] */
  int32_t (*open)(coppice_actor* self, coppice_post** out_new);
  /* [any] Never waits. COPPICE_E_FULL: the mailbox is at its bound; COPPICE_E_NOPROC: the actor has ended. */
  int32_t (*post)(coppice_post* handle, coppice_message* term_take);
  /* [any] Call it once for each handle. */
  void (*close)(coppice_post* handle_take);
} coppice_post_api;
#define COPPICE_POST_API_LEAST COPPICE_SIZE_THROUGH(coppice_post_api, close)

#ifdef __cplusplus
}
#endif
#endif
