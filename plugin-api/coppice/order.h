/* SPDX-License-Identifier: MIT
 * "coppice.order/draft-1" (DRAFT): Erlang's order, equality and hash of terms, which are more than a
 * comparison of bytes: two equal maps may name their keys in different orders, and a list of small integers
 * has two encodings. Everything else that is equal has equal bytes when it comes out of a message. All [any].
 */
#ifndef COPPICE_ORDER_H
#define COPPICE_ORDER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_ORDER_DRAFT_1 "coppice.order/draft-1"

typedef struct coppice_order_api {
  uint32_t size;
  uint32_t reserved;
  /* Below, at or above 0 as Erlang's <, ==, >. */
  int32_t (*compare)(coppice_bytes a, coppice_bytes b);
  /* 1 for A =:= B. */
  int32_t (*equal)(coppice_bytes a, coppice_bytes b);
  /* erlang:phash2(Term): the same for terms that are equal, on every node. */
  uint32_t (*hash)(coppice_bytes term);
} coppice_order_api;
#define COPPICE_ORDER_API_LEAST COPPICE_SIZE_THROUGH(coppice_order_api, hash)

#ifdef __cplusplus
}
#endif
#endif
