/* SPDX-License-Identifier: MIT
 * "coppice.order/draft-1" (DRAFT): Erlang's order, equality and hash of terms. A comparison of bytes is not
 * enough: two equal maps may have their keys in different orders, and a list of small integers has two
 * encodings. All other terms that are equal have equal bytes in a message. All [any].
 */
#ifndef COPPICE_DRAFT_ORDER_H
#define COPPICE_DRAFT_ORDER_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_ORDER_DRAFT_1 "coppice.order/draft-1"

typedef struct coppice_order_api {
  uint32_t size;
  uint32_t reserved;
  /* Below 0 for A < B, 0 for A == B, above 0 for A > B, as in Erlang. */
  int32_t (*compare)(coppice_bytes a, coppice_bytes b);
  /* 1 for A =:= B. */
  int32_t (*equal)(coppice_bytes a, coppice_bytes b);
  /* erlang:phash2(Term): equal terms give the same hash, on every node. */
  uint32_t (*hash)(coppice_bytes term);
} coppice_order_api;
#define COPPICE_ORDER_API_LEAST COPPICE_SIZE_THROUGH(coppice_order_api, hash)

#ifdef __cplusplus
}
#endif
#endif
