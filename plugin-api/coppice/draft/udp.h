/* SPDX-License-Identifier: MIT
 * "coppice.udp/draft-2" (DRAFT), callbacks, and "coppice.udp_host/draft-2": UDP sockets of an actor that
 * has a `udp:` map in the tree. Sockets are numbered from 0 in the order of `listen`. They are open before
 * init. When the actor crashes and restarts, or its code is reloaded, they stay open and keep the
 * datagrams that wait in them.
 *
 * Flow control. The host reads a batch when the actor is ready for one. Until then datagrams wait in the
 * kernel, which drops and counts them once the socket's buffer is full. A sent datagram leaves at once or
 * is refused; nothing is queued.
 *
 * Addresses are values: the actor may answer a datagram at any later time. */
#ifndef COPPICE_DRAFT_UDP_H
#define COPPICE_DRAFT_UDP_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_UDP_HOST_DRAFT_2 "coppice.udp_host/draft-2"
#define COPPICE_UDP_DRAFT_2 "coppice.udp/draft-2"

/* Never grows. */
typedef struct coppice_udp_address {
  uint8_t bytes[16]; /* in network order; IPv4: the first four, the others 0 */
  uint16_t port;
  uint16_t family; /* 4 or 6; 0: none */
  uint32_t scope;  /* of IPv6 link-local addresses: the interface's index, else 0 */
} coppice_udp_address;

/* Never grows. */
typedef struct coppice_udp_datagram {
  const uint8_t* data; /* may be NULL if size is 0; a datagram may be empty */
  uint64_t size;       /* at most 65507 */
  coppice_udp_address peer;
  /* An address of this machine. Received: the destination address. Sent: the source address; family 0: the
   * route decides. The port is the socket's. */
  coppice_udp_address local;
  int64_t received; /* wall time in ns when the kernel got it; 0: unknown; ignored when sending */
  uint32_t socket;
  uint32_t reserved; /* 0 */
} coppice_udp_datagram;

/* All [actor]. They return the statuses of a server's callbacks. */
typedef struct coppice_udp {
  uint32_t size;
  uint32_t reserved;
  /* At least one datagram, all of one socket; borrowed until it returns. Datagrams longer than `max_datagram`
   * are dropped and counted. */
  int32_t (*on_datagrams)(coppice_actor* self, void* state, const coppice_udp_datagram* all, uint64_t count);
  /* A network error about an earlier datagram: `number` is an errno, for example ECONNREFUSED for a port on
   * which no process listens. `peer` is the destination of that datagram; family 0: unknown. The socket stays
   * open. */
  int32_t (*on_error)(coppice_actor* self, void* state, uint32_t socket, const coppice_udp_address* peer,
                      int32_t number);
  /* There is room again after COPPICE_E_FULL. */
  int32_t (*on_writable)(coppice_actor* self, void* state, uint32_t socket);
} coppice_udp;
#define COPPICE_UDP_LEAST COPPICE_SIZE_THROUGH(coppice_udp, on_writable)

typedef struct coppice_udp_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] Sends the datagrams in order. All must have the same socket. *out_sent is the number of
   * datagrams, from the first on, that have left, whatever the status is. COPPICE_OK: all. COPPICE_E_FULL:
   * the socket takes no more now; on_writable follows. COPPICE_E_INVALID: the next datagram can never be
   * sent: it names another socket; its peer has no address, port 0 or another family than the socket; or it
   * is longer than the network allows. The datagrams after it were not tried. COPPICE_E_NOT_FOUND: there is
   * no such socket. */
  int32_t (*send)(coppice_actor* self, const coppice_udp_datagram* all, uint64_t count, uint64_t* out_sent);
  /* [actor] Joins a multicast group on the named interface; empty: the interface of the route. Groups of
   * `multicast.join` are joined already. COPPICE_E_INVALID: not a group of the socket's family;
   * COPPICE_E_REFUSED: the system refused. */
  int32_t (*join)(coppice_actor* self, uint32_t socket, const coppice_udp_address* group,
                  coppice_bytes interface);
  int32_t (*leave)(coppice_actor* self, uint32_t socket, const coppice_udp_address* group,
                   coppice_bytes interface);
  /* [actor] The address that the socket is bound to. */
  int32_t (*address)(coppice_actor* self, uint32_t socket, coppice_udp_address* out);
} coppice_udp_api;
#define COPPICE_UDP_API_LEAST COPPICE_SIZE_THROUGH(coppice_udp_api, address)

#ifdef __cplusplus
}
#endif
#endif
