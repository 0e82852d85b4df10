/* SPDX-License-Identifier: MIT
 * Terms in C: small inline functions to write one into a coppice_writer and to walk one in place. Everything
 * here is the plugin's own code, without a host call on the common path. Reading never leaves the bytes it
 * was given; a read that does not fit returns 0 and moves nothing. Writing never fails by itself: ask
 * finish. C++ has <coppice/etf/writer.hpp> and cursor.hpp instead. [any] */
#ifndef COPPICE_TERM_H
#define COPPICE_TERM_H

#include <coppice/message.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- bytes ---- */

static inline coppice_bytes coppice_bytes_of(const void* data, uint64_t size) {
  coppice_bytes bytes = {(const uint8_t*)data, size};
  return bytes;
}
static inline coppice_bytes coppice_text(const char* text) {
  return coppice_bytes_of(text, strlen(text));
}

/* ---- writing ---- */

/* Room for `count` bytes at w->at, or NULL if there is none. */
static inline uint8_t* coppice_room(coppice_writer* w, uint64_t count) {
  if (w->status != COPPICE_OK) return NULL;
  if ((uint64_t)(w->end - w->at) < count && w->api->reserve(w, count) != COPPICE_OK) return NULL;
  return w->at;
}

static inline void coppice_put_be32(uint8_t* at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24), at[1] = (uint8_t)(value >> 16), at[2] = (uint8_t)(value >> 8),
  at[3] = (uint8_t)value;
}

/* A tag, a 32-bit length and the bytes, if any. */
static inline void coppice_write_block(coppice_writer* w, uint8_t tag, uint32_t length, const void* data,
                                       uint64_t size) {
  uint8_t* at = coppice_room(w, 5 + size);
  if (at == NULL) return;
  at[0] = tag;
  coppice_put_be32(at + 1, length);
  if (size != 0) memcpy(at + 5, data, size);
  w->at = at + 5 + size;
}

/* Heads: the elements follow. A list of length 0 is coppice_write_nil; others end with it. */
static inline void coppice_write_tuple(coppice_writer* w, uint8_t arity) {
  uint8_t* at = coppice_room(w, 2);
  if (at == NULL) return;
  at[0] = 104, at[1] = arity, w->at = at + 2;
}
static inline void coppice_write_list(coppice_writer* w, uint32_t length) {
  coppice_write_block(w, 108, length, NULL, 0);
}
static inline void coppice_write_map(coppice_writer* w, uint32_t pairs) {
  coppice_write_block(w, 116, pairs, NULL, 0);
}
static inline void coppice_write_nil(coppice_writer* w) {
  uint8_t* at = coppice_room(w, 1);
  if (at != NULL) at[0] = 106, w->at = at + 1;
}

/* UTF-8, at most 255 characters. */
static inline void coppice_write_atom(coppice_writer* w, const char* name) {
  const uint64_t size = strlen(name);
  uint8_t* at = size < 65536 ? coppice_room(w, size + 3) : NULL;
  if (at == NULL) {
    if (w->status == COPPICE_OK) w->status = COPPICE_E_INVALID;
    return;
  }
  if (size < 256) {
    *at++ = 119;
  } else {
    *at++ = 118, *at++ = (uint8_t)(size >> 8);
  }
  *at++ = (uint8_t)size;
  memcpy(at, name, size);
  w->at = at + size;
}

static inline void coppice_write_binary(coppice_writer* w, const void* data, uint32_t size) {
  coppice_write_block(w, 109, size, data, size);
}

static inline void coppice_write_integer(coppice_writer* w, int64_t value) {
  uint8_t* at = coppice_room(w, 11);
  if (at == NULL) return;
  if (value >= 0 && value < 256) {
    at[0] = 97, at[1] = (uint8_t)value, w->at = at + 2;
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    at[0] = 98;
    coppice_put_be32(at + 1, (uint32_t)value);
    w->at = at + 5;
  } else {
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint8_t size = 0;
    for (; rest != 0; rest >>= 8) at[3 + size++] = (uint8_t)rest;
    at[0] = 110, at[1] = size, at[2] = value < 0, w->at = at + 3 + size;
  }
}

static inline void coppice_write_float(coppice_writer* w, double value) {
  uint64_t bits;
  uint8_t* at = coppice_room(w, 9);
  if (at == NULL) return;
  memcpy(&bits, &value, 8);
  at[0] = 70;
  coppice_put_be32(at + 1, (uint32_t)(bits >> 32));
  coppice_put_be32(at + 5, (uint32_t)bits);
  w->at = at + 9;
}

/* Bytes that are an encoded term, as they are. */
static inline void coppice_write_term(coppice_writer* w, coppice_bytes term) {
  uint8_t* at = coppice_room(w, term.size);
  if (at == NULL) return;
  if (term.size != 0) memcpy(at, term.data, term.size);
  w->at = at + term.size;
}

/* ---- reading ---- */

/* A place in a term. Copy it to come back. */
typedef struct coppice_reader {
  const uint8_t* at;
  const uint8_t* end;
} coppice_reader;

static inline coppice_reader coppice_read(coppice_bytes term) {
  coppice_reader reader = {term.data, term.data + term.size};
  return reader;
}
static inline coppice_reader coppice_read_message(const coppice_message* message) {
  return coppice_read(coppice_bytes_of(message->data, message->size));
}

static inline uint64_t coppice_left(const coppice_reader* r) {
  return (uint64_t)(r->end - r->at);
}
static inline uint32_t coppice_get_be32(const uint8_t* at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* {…} of exactly that arity; its elements follow. */
static inline int coppice_read_tuple(coppice_reader* r, uint8_t arity) {
  if (coppice_left(r) < 2 || r->at[0] != 104 || r->at[1] != arity) return 0;
  r->at += 2;
  return 1;
}

/* #{…}: `pairs` keys follow, each with its value. */
static inline int coppice_read_map(coppice_reader* r, uint32_t* pairs) {
  if (coppice_left(r) < 5 || r->at[0] != 116) return 0;
  *pairs = coppice_get_be32(r->at + 1);
  r->at += 5;
  return 1;
}

static inline int coppice_read_atom(coppice_reader* r, coppice_bytes* name) {
  uint64_t head, size;
  if (coppice_left(r) < 3) return 0;
  if (r->at[0] == 119) {
    head = 2, size = r->at[1];
  } else if (r->at[0] == 118) {
    head = 3, size = (uint64_t)(r->at[1] << 8 | r->at[2]);
  } else {
    return 0;
  }
  if (coppice_left(r) < head + size) return 0;
  *name = coppice_bytes_of(r->at + head, size);
  r->at += head + size;
  return 1;
}

static inline int coppice_read_atom_is(coppice_reader* r, const char* name) {
  coppice_reader ahead = *r;
  coppice_bytes atom;
  if (!coppice_read_atom(&ahead, &atom) || atom.size != strlen(name) ||
      memcmp(atom.data, name, atom.size) != 0)
    return 0;
  *r = ahead;
  return 1;
}

static inline int coppice_read_binary(coppice_reader* r, coppice_bytes* data) {
  if (coppice_left(r) < 5 || r->at[0] != 109 || coppice_left(r) - 5 < coppice_get_be32(r->at + 1)) return 0;
  *data = coppice_bytes_of(r->at + 5, coppice_get_be32(r->at + 1));
  r->at += 5 + data->size;
  return 1;
}

/* "…" of Erlang when its characters are bytes: what a list of small integers is sent as. */
static inline int coppice_read_string(coppice_reader* r, coppice_bytes* data) {
  uint64_t size;
  if (coppice_left(r) < 3 || r->at[0] != 107) return 0;
  size = (uint64_t)(r->at[1] << 8 | r->at[2]);
  if (coppice_left(r) - 3 < size) return 0;
  *data = coppice_bytes_of(r->at + 3, size);
  r->at += 3 + size;
  return 1;
}

static inline int coppice_read_integer(coppice_reader* r, int64_t* value) {
  if (coppice_left(r) >= 2 && r->at[0] == 97) {
    *value = r->at[1];
    r->at += 2;
    return 1;
  }
  if (coppice_left(r) >= 5 && r->at[0] == 98) {
    *value = (int32_t)coppice_get_be32(r->at + 1);
    r->at += 5;
    return 1;
  }
  if (coppice_left(r) >= 3 && r->at[0] == 110 && r->at[1] <= 8 && coppice_left(r) - 3 >= r->at[1]) {
    uint64_t magnitude = 0;
    uint8_t i;
    for (i = r->at[1]; i != 0; --i) magnitude = magnitude << 8 | r->at[2 + i];
    if (magnitude > (uint64_t)INT64_MAX + (r->at[2] != 0)) return 0;
    *value = (int64_t)(r->at[2] ? 0 - magnitude : magnitude);
    r->at += 3 + r->at[1];
    return 1;
  }
  return 0;
}

/* Steps over any one term and gives its bytes, if `whole` is not NULL. Keeps a count, not a stack. */
static inline int coppice_read_term(coppice_reader* r, coppice_bytes* whole) {
  const uint8_t* at = r->at;
  uint64_t terms = 1;
  while (terms != 0) {
    const uint64_t left = (uint64_t)(r->end - at);
    uint64_t size = 0, inner = 0;
    if (left == 0) return 0;
    --terms;
    switch (at[0]) {
      case 97:
        size = 2;
        break;
      case 98:
        size = 5;
        break;
      case 70:
        size = 9;
        break;
      case 106:
        size = 1;
        break;
      case 119:
        size = left < 2 ? 0 : 2u + at[1];
        break;
      case 118:
      case 107:
        size = left < 3 ? 0 : 3u + (uint64_t)(at[1] << 8 | at[2]);
        break;
      case 109:
      case 112:
        size = left < 5 ? 0 : (at[0] == 109 ? 5u : 1u) + (uint64_t)coppice_get_be32(at + 1);
        break;
      case 77:
        size = left < 5 ? 0 : 6u + (uint64_t)coppice_get_be32(at + 1);
        break;
      case 110:
        size = left < 2 ? 0 : 3u + at[1];
        break;
      case 111:
        size = left < 5 ? 0 : 6u + (uint64_t)coppice_get_be32(at + 1);
        break;
      case 104:
        size = 2;
        inner = left < 2 ? 0 : at[1];
        break;
      case 105:
        size = 5;
        inner = left < 5 ? 0 : coppice_get_be32(at + 1);
        break;
      case 108:
        size = 5;
        inner = left < 5 ? 0 : (uint64_t)coppice_get_be32(at + 1) + 1;
        break;
      case 116:
        size = 5;
        inner = left < 5 ? 0 : 2u * (uint64_t)coppice_get_be32(at + 1);
        break;
      case 113:
        size = 1;
        inner = 3;
        break;
      case 88:
      case 89:
      case 120:
      case 90: { /* an identity: its node's name is an atom */
        const uint64_t head = at[0] == 90 ? 3 : 1;
        uint64_t tail = at[0] == 89 ? 8 : 12;
        coppice_reader node;
        coppice_bytes name;
        if (left < head) return 0;
        if (at[0] == 90) tail = 4u + 4u * (uint64_t)(at[1] << 8 | at[2]);
        node.at = at + head, node.end = r->end;
        if (!coppice_read_atom(&node, &name)) return 0;
        size = (uint64_t)(node.at - at) + tail;
        break;
      }
      default:
        return 0;
    }
    if (size == 0 || size > left || inner > left - size) return 0;
    at += size;
    terms += inner;
  }
  if (whole != NULL) *whole = coppice_bytes_of(r->at, (uint64_t)(at - r->at));
  r->at = at;
  return 1;
}

/* In a map term, the value under an atom. */
static inline int coppice_map_get(coppice_bytes map, const char* key, coppice_bytes* value) {
  coppice_reader r = coppice_read(map);
  uint32_t pairs;
  if (!coppice_read_map(&r, &pairs)) return 0;
  for (; pairs != 0; --pairs) {
    const int found = coppice_read_atom_is(&r, key);
    if (!found && !coppice_read_term(&r, NULL)) return 0;
    if (!coppice_read_term(&r, value)) return 0;
    if (found) return 1;
  }
  return 0;
}

#ifdef __cplusplus
}
#endif
#endif
