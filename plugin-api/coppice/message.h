/* SPDX-License-Identifier: MIT
 * "coppice.message/1": messages. A message is one Erlang term in External Term Format without the leading
 * 131. It is immutable, reference-counted by the host, and read in place. A part of a message is a message
 * too: point data and size at any whole term inside it and keep the owner. coppice/term.h reads and writes
 * terms.
 *
 * The tags a message can hold, by the first byte of a term: 70 NEW_FLOAT, 77 BIT_BINARY, 88 NEW_PID,
 * 89 NEW_PORT, 90 NEWER_REFERENCE, 97 SMALL_INTEGER, 98 INTEGER, 104 SMALL_TUPLE, 105 LARGE_TUPLE, 106 NIL,
 * 107 STRING, 108 LIST, 109 BINARY, 110 SMALL_BIG, 111 LARGE_BIG, 112 NEW_FUN, 113 EXPORT, 116 MAP,
 * 118 ATOM_UTF8, 119 SMALL_ATOM_UTF8, 120 V4_PORT. Other forms that Erlang nodes send are written as one of
 * these before a plugin sees them. A tag that joins them later reaches only plugins built for the minor that
 * has it: older ones get the term in one of these forms, or not at all.
 *
 * Ownership: a parameter `const coppice_message*` is borrowed and stays the caller's. A parameter named
 * `_take` is consumed, also if the call fails, and cleared. A taken message whose owner is NULL is plain
 * bytes, which the host copies: a constant, or a slice of something borrowed, can be sent without further
 * steps.
 *
 * The host does not check a plugin's message while it stays in the node: it must be one well-formed term.
 * A message to another node is checked, since that node would close the connection otherwise: bytes that
 * are not a term, or a map that has a key twice, give COPPICE_E_TERM, and nothing is sent; an exit reason
 * becomes bad_term. */
#ifndef COPPICE_MESSAGE_H
#define COPPICE_MESSAGE_H

#include <coppice/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_MESSAGE_1 "coppice.message/1"

/* The size of a struct up to and including a member; used by the …_LEAST constants. */
#ifdef __cplusplus
#define COPPICE_SIZE_THROUGH(type, member) (offsetof(type, member) + sizeof(type::member))
#else
#define COPPICE_SIZE_THROUGH(type, member) (offsetof(type, member) + sizeof(((type*)0)->member))
#endif

typedef struct coppice_actor coppice_actor; /* the running actor: the first argument of its callbacks */

/* Flags of functions that send a signal; each function says which of them it takes.
 *
 * COPPICE_PRIORITY: a priority message, as in OTP 28 (EEP 76). It is received before all ordinary messages
 * that wait, in order with other priority messages, and no mailbox's bound counts it. It needs a priority
 * alias: sent to any other destination, or to a node without this feature, it is an ordinary message. */
#define COPPICE_PRIORITY 1u
/* Opens no connection: if the node is not connected, nothing is sent and the call returns
 * COPPICE_E_NODEDOWN. */
#define COPPICE_NO_CONNECT 2u
/* Does not park: where the call would wait for room, it returns COPPICE_E_FULL and nothing is sent. */
#define COPPICE_NO_WAIT 4u

/* Borrowed bytes. Never grows. */
typedef struct coppice_bytes {
  const uint8_t* data;
  uint64_t size;
} coppice_bytes;

/* {NULL, 0, NULL}: no message. Never grows. */
typedef struct coppice_message {
  const uint8_t* data;
  uint64_t size;
  void* owner; /* the host's; NULL: plain bytes without an owner */
} coppice_message;

/* The interface "coppice.message/1", declared below. */
typedef struct coppice_message_api coppice_message_api;

/* A message being written. Write at `at` while it stays below `end` and move `at` on; call reserve for more
 * room. Once status is not COPPICE_OK nothing more is written, and finish returns that status, so one check
 * at the end is enough. A writer must not be copied or moved. Never grows. */
typedef struct coppice_writer {
  uint8_t* at;
  uint8_t* end;
  uint8_t* begin;
  const coppice_message_api* api;
  int32_t status;
  uint32_t reserved;
  uint64_t host[8]; /* used by the host alone */
} coppice_writer;

struct coppice_message_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] Adds an owner of the same bytes. `out_new` is a slice if `message` is one. Copies only a message
   * without an owner. */
  int32_t (*retain)(const coppice_message* message, coppice_message* out_new);
  /* [any] Gives up one ownership and clears the message. Does nothing for a message without an owner. */
  void (*release)(coppice_message* message_take);

  /* [any] Starts a message of about `hint` bytes. It leaves room in front for the envelope that the message
   * will travel in. */
  int32_t (*write_begin)(uint64_t hint, coppice_writer* out_writer);
  /* [any] Makes room for `count` more bytes at `at`. Written bytes may move to another address. */
  int32_t (*reserve)(coppice_writer* writer, uint64_t count);
  /* [any] Appends a term that is in another message. */
  int32_t (*splice)(coppice_writer* writer, const coppice_message* message);
  /* [any] Turns what was written into a message. The writer has ended afterwards, also after an error. */
  int32_t (*finish)(coppice_writer* writer, coppice_message* out_new);
  /* [any] Ends the writer without a message. */
  void (*discard)(coppice_writer* writer);

  /* [actor] A message over bytes that belong to the plugin. They must stay unchanged until the host calls
   * free_data(context), on any thread; until then this generation of the plugin stays in memory. If adopt
   * fails, free_data is not called. */
  int32_t (*adopt)(coppice_actor* self, const uint8_t* data, uint64_t size, void (*free_data)(void* context),
                   void* context, coppice_message* out_new);
  /* [any] COPPICE_OK if the bytes are exactly one well-formed term in which no map has a key twice, else
   * COPPICE_E_TERM. Terms from another node are always valid. An actor may check a term of another actor of
   * this node before it keeps the term for others. */
  int32_t (*validate)(coppice_bytes term);
};
#define COPPICE_MESSAGE_API_LEAST COPPICE_SIZE_THROUGH(coppice_message_api, validate)

#ifdef __cplusplus
}
#endif
#endif
