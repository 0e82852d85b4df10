/* SPDX-License-Identifier: MIT
 * "coppice.udp/draft-1" (DRAFT), callbacks, and "coppice.udp_host/draft-1": the UDP sockets of an
 * actor that stands in a `udp:` map of the tree. They are numbered from 0 on, in the order of its `listen`,
 * are open before init and stay open, with what waits in them, when the actor crashes and starts again, or
 * when its code is reloaded.
 *
 * Flow. The host reads a batch when the actor is ready for one; what comes meanwhile waits in the kernel,
 * and is dropped and counted there once the socket's buffer is full. What is sent leaves at once or is
 * refused: nothing is queued.
 *
 * Addresses are values: an answer may be sent at any time later, and goes to whom it is for. */
#ifndef COPPICE_UDP_H
#define COPPICE_UDP_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_UDP_HOST_DRAFT_1 "coppice.udp_host/draft-1"
#define COPPICE_UDP_DRAFT_1 "coppice.udp/draft-1"

/* Never grows. */
typedef struct coppice_datagram_address {
  uint8_t bytes[16]; /* as on the wire; of IPv4 the first four, the others 0 */
  uint16_t port;
  uint16_t family; /* 4 or 6; 0: none */
  uint32_t scope;  /* of IPv6 link-local addresses: the interface's index; else 0 */
} coppice_datagram_address;

/* Never grows. */
typedef struct coppice_datagram {
  const uint8_t* data; /* may be NULL if size is 0, and a datagram without bytes is one */
  uint64_t size;       /* at most 65507 */
  coppice_datagram_address peer;
  /* Of this machine: where it came to; of what is sent where it leaves from, family 0 for what the route
   * says. Its port is the socket's. */
  coppice_datagram_address local;
  int64_t received; /* nanoseconds of wall time when the kernel got it; 0: not told. Not read when sent */
  uint32_t socket;
  uint32_t reserved; /* 0 */
} coppice_datagram;

/* All [actor]. They return what a server's callbacks do. */
typedef struct coppice_datagram_callbacks {
  uint32_t size;
  uint32_t reserved;
  /* At least one, all of one socket; lent until it returns. Ones longer than `max_datagram` never come: they
   * are dropped and counted. */
  int32_t (*on_datagrams)(coppice_actor* self, void* state, const coppice_datagram* all, uint64_t count);
  /* What the network says of something sent before: errno's `number`, ECONNREFUSED for a port where nobody
   * listens. `peer` is whom it was sent to, of family 0 where that is not told. It ends nothing. */
  int32_t (*on_error)(coppice_actor* self, void* state, uint32_t socket, const coppice_datagram_address* peer,
                      int32_t number);
  /* After COPPICE_E_FULL: there is room again. */
  int32_t (*on_writable)(coppice_actor* self, void* state, uint32_t socket);
} coppice_datagram_callbacks;
#define COPPICE_DATAGRAM_CALLBACKS_LEAST COPPICE_SIZE_THROUGH(coppice_datagram_callbacks, on_writable)

typedef struct coppice_datagram_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] In their order, all by the same socket; *out_sent of the first ones have left, whatever is
   * returned. COPPICE_OK: all. COPPICE_E_FULL: the socket takes no more now, on_writable follows.
   * COPPICE_E_INVALID: the next one can never leave: its peer is none, as one with port 0 is, or of another
   * family than the socket, or it is longer than the network takes; those behind it were not tried.
   * COPPICE_E_NOT_FOUND: there is no such socket. */
  int32_t (*send)(coppice_actor* self, const coppice_datagram* all, uint64_t count, uint64_t* out_sent);
  /* [actor] A group's, on the interface of this name, empty for that of the route. Those of `multicast.join`
   * are joined already. COPPICE_E_INVALID: it is none; COPPICE_E_REFUSED: the system says no. */
  int32_t (*join)(coppice_actor* self, uint32_t socket, const coppice_datagram_address* group,
                  coppice_bytes interface);
  int32_t (*leave)(coppice_actor* self, uint32_t socket, const coppice_datagram_address* group,
                   coppice_bytes interface);
  /* [actor] Where it is bound. */
  int32_t (*address)(coppice_actor* self, uint32_t socket, coppice_datagram_address* out);
} coppice_datagram_api;
#define COPPICE_DATAGRAM_API_LEAST COPPICE_SIZE_THROUGH(coppice_datagram_api, address)

#ifdef __cplusplus
}
#endif
#endif
