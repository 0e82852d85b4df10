/* SPDX-License-Identifier: MIT
 * "coppice.stream/1" (DRAFT): byte streams, plain or TLS, as ids. A connection belongs to one actor at a
 * time and ends with it. Reading is by credit in bytes, given back after a callback has used what it got, so
 * that a slow actor slows its peer; writing takes a message and tells when it has left. What happens on a
 * stream arrives at the callbacks of the table below, which an actor type's engine names. */
#ifndef COPPICE_STREAM_H
#define COPPICE_STREAM_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STREAM_1 "coppice.stream/1"

typedef struct coppice_stream_options {
  uint32_t size;
  uint32_t flags;
  coppice_bytes address; /* a numeric address or a host name, UTF-8 */
  uint32_t port;
  uint32_t credit;        /* bytes that may arrive before the first grant; 0: 65536 */
  coppice_bytes settings; /* a map of what else the configuration allows (tls, keepalive, …); empty: none */
  int64_t deadline;
} coppice_stream_options;

typedef struct coppice_stream_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] The outcome arrives at on_open(id) or on_close(id, reason). */
  int32_t (*connect)(coppice_actor* self, const coppice_stream_options* options, uint64_t tag,
                     uint64_t* out_id);
  int32_t (*listen)(coppice_actor* self, const coppice_stream_options* options, uint64_t tag,
                    uint64_t* out_id);
  /* [actor] Sends the bytes of a binary, or of an iolist. on_written(id, write) when all have left; in order.
   */
  int32_t (*write)(coppice_actor* self, uint64_t id, coppice_message* bytes_take, uint64_t write);
  /* [actor] So many bytes more may arrive. */
  int32_t (*grant)(coppice_actor* self, uint64_t id, uint64_t bytes);
  /* [actor] After what was written has left: end of what we send, or of both ways. */
  int32_t (*shut_down)(coppice_actor* self, uint64_t id);
  int32_t (*close)(coppice_actor* self, uint64_t id);
  /* [actor] The peer's certificate (DER, a binary); COPPICE_E_NOT_FOUND if it gave none. */
  int32_t (*peer_certificate)(coppice_actor* self, uint64_t id, coppice_message* out_new);
  /* [actor] The stream and what it has buffered become another actor's. */
  int32_t (*hand_over)(coppice_actor* self, uint64_t id, coppice_bytes pid);
} coppice_stream_api;

typedef struct coppice_stream_callbacks {
  uint32_t size;
  uint32_t reserved;
  int32_t (*on_open)(coppice_actor* self, void* state, uint64_t id, uint64_t tag,
                     const coppice_message* peer);
  int32_t (*on_data)(coppice_actor* self, void* state, uint64_t id, const coppice_message* bytes);
  int32_t (*on_written)(coppice_actor* self, void* state, uint64_t id, uint64_t write);
  int32_t (*on_eof)(coppice_actor* self, void* state, uint64_t id);
  int32_t (*on_close)(coppice_actor* self, void* state, uint64_t id, const coppice_message* reason);
} coppice_stream_callbacks;

#ifdef __cplusplus
}
#endif
#endif
