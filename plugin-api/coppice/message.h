/* SPDX-License-Identifier: MIT
 * "coppice.message/1": messages. A message is one Erlang term in External Term Format without the leading
 * 131, immutable, reference-counted by the host, and read in place. Part of a message is a message: point
 * data and size at any whole term inside it and keep the owner. coppice/term.h reads and writes terms.
 *
 * The tags a message can hold, by the first byte of a term: 70 NEW_FLOAT, 77 BIT_BINARY, 88 NEW_PID,
 * 89 NEW_PORT, 90 NEWER_REFERENCE, 97 SMALL_INTEGER, 98 INTEGER, 104 SMALL_TUPLE, 105 LARGE_TUPLE, 106 NIL,
 * 107 STRING, 108 LIST, 109 BINARY, 110 SMALL_BIG, 111 LARGE_BIG, 112 NEW_FUN, 113 EXPORT, 116 MAP,
 * 118 ATOM_UTF8, 119 SMALL_ATOM_UTF8, 120 V4_PORT. Other forms that Erlang nodes send are written as one of
 * these before a plugin sees them. A tag that joins them later reaches only plugins built for the minor that
 * has it: older ones get the term in one of these forms, or not at all.
 *
 * Handing one over: a parameter `const coppice_message*` is borrowed and stays the caller's. A parameter
 * named `_take` is consumed, success or not, and cleared. A taken message whose owner is NULL is plain bytes:
 * the host copies them, so a constant, or a slice of something borrowed, may be sent as it lies.
 *
 * What a plugin hands over is believed to be one well-formed term while it stays in the node. What leaves it
 * is looked through, since another node would end the connection: whoever sends bytes that are no term, or a
 * map that names a key twice, is told COPPICE_E_TERM and nothing is sent; an exit reason becomes bad_term. */
#ifndef COPPICE_MESSAGE_H
#define COPPICE_MESSAGE_H

#include <coppice/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_MESSAGE_1 "coppice.message/1"

/* The size of a struct up to and with a member: what the …_LEAST of the headers are made of. */
#ifdef __cplusplus
#define COPPICE_SIZE_THROUGH(type, member) (offsetof(type, member) + sizeof(type::member))
#else
#define COPPICE_SIZE_THROUGH(type, member) (offsetof(type, member) + sizeof(((type*)0)->member))
#endif

typedef struct coppice_actor coppice_actor; /* who is running: the first argument of every callback */

/* Flags of what sends a signal; a function says which of them it takes. */
/* A priority message, as in OTP 28 (EEP 76): received before all ordinary ones that wait, among each other in
 * the order they came, and counted by no mailbox's bound. Only to a priority alias; sent elsewhere, or to a
 * node that knows none, it is an ordinary message. */
#define COPPICE_PRIORITY 1u
/* Opens no connection: to a node that is not connected nothing is sent, and the call says COPPICE_E_NODEDOWN.
 */
#define COPPICE_NO_CONNECT 2u
/* Does not park: where the call would have waited for room it says COPPICE_E_FULL, and nothing is sent. */
#define COPPICE_NO_WAIT 4u

/* Borrowed bytes. Never grows. */
typedef struct coppice_bytes {
  const uint8_t* data;
  uint64_t size;
} coppice_bytes;

/* Never grows. {NULL, 0, NULL} is no message. */
typedef struct coppice_message {
  const uint8_t* data;
  uint64_t size;
  void* owner; /* the host's; NULL: plain bytes without an owner */
} coppice_message;

/* The interface "coppice.message/1", declared below. */
typedef struct coppice_message_api coppice_message_api;

/* A message being written. Write to `at` while it stays below `end`, move `at` on; ask reserve for more.
 * Once status is not COPPICE_OK nothing more is written, and finish returns that status: check once, at the
 * end. Is used where it was made: not copied, not moved. Never grows. */
typedef struct coppice_writer {
  uint8_t* at;
  uint8_t* end;
  uint8_t* begin;
  const coppice_message_api* api;
  int32_t status;
  uint32_t reserved;
  uint64_t host[8]; /* the host's own */
} coppice_writer;

struct coppice_message_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] One more owner of the same bytes; `out_new` may be a slice if `message` is. Never copies, but for
   * a message without owner. */
  int32_t (*retain)(const coppice_message* message, coppice_message* out_new);
  /* [any] Gives one up and clears it. Nothing happens for a message without owner. */
  void (*release)(coppice_message* message_take);

  /* [any] Starts a message of about `hint` bytes, with room in front for the envelope it will travel in. */
  int32_t (*write_begin)(uint64_t hint, coppice_writer* out_writer);
  /* [any] Makes room for `count` more bytes at `at`; what was written moves along. */
  int32_t (*reserve)(coppice_writer* writer, uint64_t count);
  /* [any] Appends a term that lies in another message. */
  int32_t (*splice)(coppice_writer* writer, const coppice_message* message);
  /* [any] Turns what was written into a message and ends the writer, in every case. */
  int32_t (*finish)(coppice_writer* writer, coppice_message* out_new);
  /* [any] Ends the writer without a message. */
  void (*discard)(coppice_writer* writer);

  /* [actor] A message over bytes of the plugin's own, which stay unchanged until the host calls
   * free_data(context) on any thread. It holds this plugin generation in memory until then. When it fails,
   * free_data is not called. */
  int32_t (*adopt)(coppice_actor* self, const uint8_t* data, uint64_t size, void (*free_data)(void* context),
                   void* context, coppice_message* out_new);
  /* [any] COPPICE_OK if the bytes are exactly one well-formed term, no map of which names a key twice, else
   * COPPICE_E_TERM. What another node sent is; of what an actor of this node did one may ask before keeping
   * it for others. */
  int32_t (*validate)(coppice_bytes term);
};
#define COPPICE_MESSAGE_API_LEAST COPPICE_SIZE_THROUGH(coppice_message_api, validate)

#ifdef __cplusplus
}
#endif
#endif
