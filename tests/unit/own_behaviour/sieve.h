// rooms: api-cpp
/* SPDX-License-Identifier: MIT
 * "coppice.sieve/draft-1" (DRAFT): an actor that filters its casts. The host passes each cast to `sift`. If
 * `sift` calls `keep` of "coppice.sieve_host/draft-1" (DRAFT), the cast goes on to handle_cast of
 * coppice.server/1. Every other cast is dropped and counted. */
#ifndef COPPICE_SIEVE_H
#define COPPICE_SIEVE_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_SIEVE_DRAFT_1 "coppice.sieve/draft-1"
#define COPPICE_SIEVE_HOST_DRAFT_1 "coppice.sieve_host/draft-1"

typedef struct coppice_sieve {
  uint32_t size;
  uint32_t reserved;

  /* [actor] Must not be NULL. */
  int32_t (*sift)(coppice_actor* self, void* state, const coppice_message* what);
} coppice_sieve;
#define COPPICE_SIEVE_LEAST COPPICE_SIZE_THROUGH(coppice_sieve, sift)

typedef struct coppice_sieve_api {
  uint32_t size;
  uint32_t reserved;

  /* [actor] COPPICE_E_CONTEXT: no sift is running. */
  int32_t (*keep)(coppice_actor* self);
} coppice_sieve_api;

#ifdef __cplusplus
}
#endif
#endif
