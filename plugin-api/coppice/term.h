/* SPDX-License-Identifier: MIT
 * Terms in C: small inline functions that write a term into a coppice_writer and read a term in place.
 * They are compiled into the plugin and make no host call on the common path. C++ has
 * <coppice/etf/writer.hpp> and cursor.hpp instead. [any]
 *
 * Reading never leaves the given bytes. A read that does not match returns 0 and changes nothing, so a
 * reader may try several shapes in turn. A head whose count is larger than the bytes left does not match
 * either: it is safe to allocate memory for that count. Results point into the bytes.
 *
 * Writing functions return nothing: finish gives the status. Each term is written in the one form that
 * messages use, so that equal numbers, atoms, pids, ports and references have equal bytes. */
#ifndef COPPICE_TERM_H
#define COPPICE_TERM_H

#include <coppice/message.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- bytes ---- */

/* Views of memory as bytes. The memory must outlive the view. coppice_text: without the zero at the end. */
static inline coppice_bytes coppice_bytes_of(const void* data, uint64_t size) {
  coppice_bytes bytes = {(const uint8_t*)data, size};
  return bytes;
}
static inline coppice_bytes coppice_text(const char* text) {
  return coppice_bytes_of(text, strlen(text));
}

/* 1: both have the same bytes. */
static inline int coppice_same(coppice_bytes a, coppice_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Numbers in network byte order, at memory of 2, 4 or 8 bytes. */
static inline void coppice_put_be16(uint8_t* at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8), at[1] = (uint8_t)value;
}
static inline void coppice_put_be32(uint8_t* at, uint32_t value) {
  coppice_put_be16(at, value >> 16);
  coppice_put_be16(at + 2, value);
}
static inline uint32_t coppice_get_be16(const uint8_t* at) {
  return (uint32_t)at[0] << 8 | at[1];
}
static inline uint32_t coppice_get_be32(const uint8_t* at) {
  return coppice_get_be16(at) << 16 | coppice_get_be16(at + 2);
}

/* ---- terms that C has no type for ---- */

/* An integer of any size: magnitude, or -magnitude if negative. The least significant byte is first. */
typedef struct coppice_big {
  coppice_bytes magnitude;
  int32_t negative;
} coppice_big;

/* `node` is a node's name, UTF-8. */
typedef struct coppice_pid {
  coppice_bytes node;
  uint32_t id;
  uint32_t serial;
  uint32_t creation;
} coppice_pid;

/* Identities as a term has them. `node` points into the term that was read. */
typedef struct coppice_port {
  coppice_bytes node;
  uint64_t id;
  uint32_t creation;
} coppice_port;

typedef struct coppice_reference {
  coppice_bytes node;
  uint32_t creation;
  uint32_t count; /* number of words, 1 to 5 */
  uint32_t words[5];
} coppice_reference;

/* ---- writing ---- */

/* Room for `count` bytes at w->at. NULL: none. */
static inline uint8_t* coppice_room(coppice_writer* w, uint64_t count) {
  if (w->status != COPPICE_OK) return NULL;
  if ((uint64_t)(w->end - w->at) < count && w->api->reserve(w, count) != COPPICE_OK) return NULL;
  return w->at;
}

/* For a value that has no encoding: the writer's status becomes COPPICE_E_INVALID. */
static inline void coppice_refuse(coppice_writer* w) {
  if (w->status == COPPICE_OK) w->status = COPPICE_E_INVALID;
}

/* Parts of a term. */
static inline void coppice_write_byte(coppice_writer* w, uint8_t value) {
  uint8_t* at = coppice_room(w, 1);
  if (at != NULL) at[0] = value, w->at = at + 1;
}
static inline void coppice_write_be32(coppice_writer* w, uint32_t value) {
  uint8_t* at = coppice_room(w, 4);
  if (at == NULL) return;
  coppice_put_be32(at, value);
  w->at = at + 4;
}
static inline void coppice_write_part(coppice_writer* w, const void* data, uint64_t size) {
  uint8_t* at = coppice_room(w, size);
  if (at == NULL || size == 0) return;
  memcpy(at, data, size);
  w->at = at + size;
}

/* A tag, a 32-bit length, and `size` bytes, which may be 0. */
static inline void coppice_write_block(coppice_writer* w, uint8_t tag, uint32_t length, const void* data,
                                       uint64_t size) {
  uint8_t* at = coppice_room(w, 5 + size);
  if (at == NULL) return;
  at[0] = tag;
  coppice_put_be32(at + 1, length);
  if (size != 0) memcpy(at + 5, data, size);
  w->at = at + 5 + size;
}

/* Heads: the caller writes the elements next. After the elements of a list it writes the tail:
 * coppice_write_nil or, for an improper list, any term. An empty list has no head, only its tail. */
static inline void coppice_write_tuple(coppice_writer* w, uint32_t arity) {
  uint8_t* at;
  if (arity > 255) {
    coppice_write_block(w, 105, arity, NULL, 0);
    return;
  }
  at = coppice_room(w, 2);
  if (at == NULL) return;
  at[0] = 104, at[1] = (uint8_t)arity, w->at = at + 2;
}
static inline void coppice_write_list(coppice_writer* w, uint32_t length) {
  if (length != 0) coppice_write_block(w, 108, length, NULL, 0);
}
static inline void coppice_write_map(coppice_writer* w, uint32_t pairs) {
  coppice_write_block(w, 116, pairs, NULL, 0);
}
static inline void coppice_write_nil(coppice_writer* w) {
  coppice_write_byte(w, 106);
}

/* UTF-8, at most 255 characters. */
static inline void coppice_write_atom_of(coppice_writer* w, coppice_bytes name) {
  uint8_t* at;
  if (name.size > 65535) {
    coppice_refuse(w);
    return;
  }
  at = coppice_room(w, name.size + 3);
  if (at == NULL) return;
  if (name.size < 256) {
    at[0] = 119, at[1] = (uint8_t)name.size, w->at = at + 2;
  } else {
    at[0] = 118, w->at = at + 3;
    coppice_put_be16(at + 1, (uint32_t)name.size);
  }
  coppice_write_part(w, name.data, name.size);
}
static inline void coppice_write_atom(coppice_writer* w, const char* name) {
  coppice_write_atom_of(w, coppice_text(name));
}

static inline void coppice_write_binary(coppice_writer* w, const void* data, uint64_t size) {
  if (size > UINT32_MAX) {
    coppice_refuse(w);
  } else {
    coppice_write_block(w, 109, (uint32_t)size, data, size);
  }
}
/* A binary whose bytes come in parts: coppice_write_part follows until its size is complete. */
static inline void coppice_write_binary_head(coppice_writer* w, uint64_t size) {
  if (size > UINT32_MAX) {
    coppice_refuse(w);
  } else {
    coppice_write_block(w, 109, (uint32_t)size, NULL, 0);
  }
}

/* A list of bytes, which is Erlang's "…". */
static inline void coppice_write_string(coppice_writer* w, const void* data, uint64_t size) {
  const uint8_t* from = (const uint8_t*)data;
  uint8_t* at;
  if (size > UINT32_MAX) {
    coppice_refuse(w);
  } else if (size > 65535) {
    coppice_write_list(w, (uint32_t)size);
    at = coppice_room(w, 2 * size);
    if (at == NULL) return;
    for (; size != 0; --size) *at++ = 97, *at++ = *from++;
    w->at = at;
    coppice_write_nil(w);
  } else if (size != 0) {
    at = coppice_room(w, 3);
    if (at == NULL) return;
    at[0] = 107, w->at = at + 3;
    coppice_put_be16(at + 1, (uint32_t)size);
    coppice_write_part(w, data, size);
  } else {
    coppice_write_nil(w);
  }
}

/* Writes an integer in its shortest form. */
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

/* Writes an integer of any size. Zeros at the end of the magnitude are left out. */
static inline void coppice_write_big(coppice_writer* w, const coppice_big* value) {
  const uint8_t* const magnitude = value->magnitude.data;
  uint64_t size = value->magnitude.size;
  while (size != 0 && magnitude[size - 1] == 0) --size;
  if (size < 8) {
    int64_t small = 0;
    for (; size != 0; --size) small = small * 256 + magnitude[size - 1];
    coppice_write_integer(w, value->negative ? -small : small);
  } else if (size > UINT32_MAX) {
    coppice_refuse(w);
  } else {
    if (size < 256) {
      coppice_write_byte(w, 110);
      coppice_write_byte(w, (uint8_t)size);
    } else {
      coppice_write_block(w, 111, (uint32_t)size, NULL, 0);
    }
    coppice_write_byte(w, value->negative ? 1 : 0);
    coppice_write_part(w, magnitude, size);
  }
}

/* A finite number: Erlang has neither infinity nor NaN. */
static inline void coppice_write_float(coppice_writer* w, double value) {
  uint64_t bits;
  uint8_t* at;
  memcpy(&bits, &value, 8);
  if ((bits >> 52 & 0x7FF) == 0x7FF) {
    coppice_refuse(w);
    return;
  }
  at = coppice_room(w, 9);
  if (at == NULL) return;
  at[0] = 70, w->at = at + 9;
  coppice_put_be32(at + 1, (uint32_t)(bits >> 32));
  coppice_put_be32(at + 5, (uint32_t)bits);
}

/* Writes identities: pids, ports, references. */
static inline void coppice_write_pid(coppice_writer* w, const coppice_pid* pid) {
  coppice_write_byte(w, 88);
  coppice_write_atom_of(w, pid->node);
  coppice_write_be32(w, pid->id);
  coppice_write_be32(w, pid->serial);
  coppice_write_be32(w, pid->creation);
}
static inline void coppice_write_port(coppice_writer* w, const coppice_port* port) {
  const int is_short = port->id < 1u << 28;
  coppice_write_byte(w, is_short ? 89 : 120);
  coppice_write_atom_of(w, port->node);
  if (!is_short) coppice_write_be32(w, (uint32_t)(port->id >> 32));
  coppice_write_be32(w, (uint32_t)port->id);
  coppice_write_be32(w, port->creation);
}
static inline void coppice_write_reference(coppice_writer* w, const coppice_reference* reference) {
  uint32_t i;
  if (reference->count < 1 || reference->count > 5) {
    coppice_refuse(w);
    return;
  }
  coppice_write_byte(w, 90);
  coppice_write_byte(w, 0);
  coppice_write_byte(w, (uint8_t)reference->count);
  coppice_write_atom_of(w, reference->node);
  coppice_write_be32(w, reference->creation);
  for (i = 0; i < reference->count; ++i) coppice_write_be32(w, reference->words[i]);
}

/* Bytes that are one encoded term already. */
static inline void coppice_write_term(coppice_writer* w, coppice_bytes term) {
  coppice_write_part(w, term.data, term.size);
}

/* ---- reading ---- */

/* A position in a term. Copy it to return to it later. */
typedef struct coppice_reader {
  const uint8_t* at;
  const uint8_t* end;
} coppice_reader;

static inline coppice_reader coppice_read(coppice_bytes term) {
  static const uint8_t nothing = 0; /* C moves no null pointer, not even by 0 */
  const uint8_t* const begin = term.data != NULL ? term.data : &nothing;
  coppice_reader reader = {begin, begin + (term.data != NULL ? term.size : 0)};
  return reader;
}
static inline coppice_reader coppice_read_message(const coppice_message* message) {
  return coppice_read(coppice_bytes_of(message->data, message->size));
}

static inline uint64_t coppice_left(const coppice_reader* r) {
  return (uint64_t)(r->end - r->at);
}
/* The tag of the term at this position, one of those in message.h; 0 at the end. */
static inline uint8_t coppice_tag(const coppice_reader* r) {
  return r->at == r->end ? 0 : r->at[0];
}

/* The next `size` bytes, for example those of a binary. */
static inline int coppice_read_part(coppice_reader* r, uint64_t size, coppice_bytes* part) {
  if (coppice_left(r) < size) return 0;
  *part = coppice_bytes_of(r->at, size);
  r->at += size;
  return 1;
}

/* A tag and a 32-bit count of items that take at least `each` bytes. */
static inline int coppice_read_count(coppice_reader* r, uint8_t tag, uint64_t each, uint32_t* count) {
  uint32_t found;
  if (coppice_left(r) < 5 || r->at[0] != tag) return 0;
  found = coppice_get_be32(r->at + 1);
  if (found > (coppice_left(r) - 5) / each) return 0;
  *count = found;
  r->at += 5;
  return 1;
}

/* {…} of any arity; its elements follow. */
static inline int coppice_read_tuple_head(coppice_reader* r, uint32_t* arity) {
  if (coppice_tag(r) != 104) return coppice_read_count(r, 105, 1, arity);
  if (coppice_left(r) < 2 || coppice_left(r) - 2 < r->at[1]) return 0;
  *arity = r->at[1];
  r->at += 2;
  return 1;
}
/* {…} of exactly that arity; its elements follow. */
static inline int coppice_read_tuple(coppice_reader* r, uint32_t arity) {
  coppice_reader ahead = *r;
  uint32_t found = 0;
  if (!coppice_read_tuple_head(&ahead, &found) || found != arity) return 0;
  *r = ahead;
  return 1;
}

/* #{…}: `pairs` keys follow, each with its value. */
static inline int coppice_read_map(coppice_reader* r, uint32_t* pairs) {
  return coppice_read_count(r, 116, 2, pairs);
}

/* […]: `length` elements follow, then the tail: coppice_read_nil, or any term if the list is improper. [] has
 * a length of 0 and a tail, which is still to be read. A list of small integers may be encoded as a string
 * instead. */
static inline int coppice_read_list(coppice_reader* r, uint32_t* length) {
  if (coppice_tag(r) != 106) return coppice_read_count(r, 108, 1, length);
  *length = 0;
  return 1;
}
static inline int coppice_read_nil(coppice_reader* r) {
  if (coppice_tag(r) != 106) return 0;
  ++r->at;
  return 1;
}

/* Reads an atom. 0: something else is there, or too little; the reader has not moved. *name points into the
 * message. */
static inline int coppice_read_atom(coppice_reader* r, coppice_bytes* name) {
  uint64_t head, size;
  if (coppice_left(r) >= 2 && r->at[0] == 119) {
    head = 2, size = r->at[1];
  } else if (coppice_left(r) >= 3 && r->at[0] == 118) {
    head = 3, size = coppice_get_be16(r->at + 1);
  } else {
    return 0;
  }
  if (coppice_left(r) - head < size) return 0;
  *name = coppice_bytes_of(r->at + head, size);
  r->at += head + size;
  return 1;
}

/* 1 if the next term is the atom `name`; the reader is behind it then, and has not moved otherwise. */
static inline int coppice_read_atom_is(coppice_reader* r, const char* name) {
  coppice_reader ahead = *r;
  coppice_bytes atom;
  if (!coppice_read_atom(&ahead, &atom) || !coppice_same(atom, coppice_text(name))) return 0;
  *r = ahead;
  return 1;
}

/* Reads a binary. 0: something else is there, or too little; the reader has not moved. *data points into the
 * message. */
static inline int coppice_read_binary(coppice_reader* r, coppice_bytes* data) {
  if (coppice_left(r) < 5 || r->at[0] != 109 || coppice_left(r) - 5 < coppice_get_be32(r->at + 1)) return 0;
  *data = coppice_bytes_of(r->at + 5, coppice_get_be32(r->at + 1));
  r->at += 5 + data->size;
  return 1;
}

/* Erlang's "…" if its characters are bytes. Lists of integers from 0 to 255 have this encoding, except empty
 * ones and ones longer than 65,535. */
static inline int coppice_read_string(coppice_reader* r, coppice_bytes* data) {
  uint64_t size;
  if (coppice_left(r) < 3 || r->at[0] != 107) return 0;
  size = coppice_get_be16(r->at + 1);
  if (coppice_left(r) - 3 < size) return 0;
  *data = coppice_bytes_of(r->at + 3, size);
  r->at += 3 + size;
  return 1;
}

/* From -2^63 to 2^63 - 1. */
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

/* An integer beyond 32 bits. Call coppice_read_integer first: this function takes all integers that it
 * cannot. */
static inline int coppice_read_big(coppice_reader* r, coppice_big* value) {
  uint64_t head, size;
  if (coppice_left(r) >= 2 && r->at[0] == 110) {
    head = 2, size = r->at[1];
  } else if (coppice_left(r) >= 5 && r->at[0] == 111) {
    head = 5, size = coppice_get_be32(r->at + 1);
  } else {
    return 0;
  }
  if (coppice_left(r) - head < 1 + size) return 0;
  value->negative = r->at[head] != 0;
  value->magnitude = coppice_bytes_of(r->at + head + 1, size);
  r->at += head + 1 + size;
  return 1;
}

/* A float; an integer does not match. */
static inline int coppice_read_float(coppice_reader* r, double* value) {
  uint64_t bits;
  if (coppice_left(r) < 9 || r->at[0] != 70) return 0;
  bits = (uint64_t)coppice_get_be32(r->at + 1) << 32 | coppice_get_be32(r->at + 5);
  if ((bits >> 52 & 0x7FF) == 0x7FF) return 0;
  memcpy(value, &bits, 8);
  r->at += 9;
  return 1;
}

/* The node's name in an identity, after `head` bytes; at least `rest` bytes must follow it. */
static inline int coppice_read_node(coppice_reader* r, uint64_t head, uint64_t rest, coppice_bytes* node) {
  coppice_reader ahead = *r;
  coppice_bytes name;
  if (coppice_left(r) < head) return 0;
  ahead.at += head;
  if (!coppice_read_atom(&ahead, &name) || coppice_left(&ahead) < rest) return 0;
  *node = name;
  *r = ahead;
  return 1;
}

/* Reads identities. 0: something else is there, or too little. */
static inline int coppice_read_pid(coppice_reader* r, coppice_pid* pid) {
  if (coppice_tag(r) != 88 || !coppice_read_node(r, 1, 12, &pid->node)) return 0;
  pid->id = coppice_get_be32(r->at);
  pid->serial = coppice_get_be32(r->at + 4);
  pid->creation = coppice_get_be32(r->at + 8);
  r->at += 12;
  return 1;
}
static inline int coppice_read_port(coppice_reader* r, coppice_port* port) {
  const int is_short = coppice_tag(r) == 89;
  if ((!is_short && coppice_tag(r) != 120) || !coppice_read_node(r, 1, is_short ? 8 : 12, &port->node))
    return 0;
  port->id = coppice_get_be32(r->at);
  if (!is_short) port->id = port->id << 32 | coppice_get_be32(r->at + 4);
  r->at += is_short ? 4 : 8;
  port->creation = coppice_get_be32(r->at);
  r->at += 4;
  return 1;
}
static inline int coppice_read_reference(coppice_reader* r, coppice_reference* reference) {
  uint32_t count, i;
  if (coppice_left(r) < 3 || r->at[0] != 90) return 0;
  count = coppice_get_be16(r->at + 1);
  if (count < 1 || count > 5 || !coppice_read_node(r, 3, 4 + 4 * (uint64_t)count, &reference->node)) return 0;
  reference->creation = coppice_get_be32(r->at);
  reference->count = count;
  for (i = 0; i < count; ++i) reference->words[i] = coppice_get_be32(r->at + 4 + 4 * i);
  r->at += 4 + 4 * count;
  return 1;
}

/* Size in bytes of the head at `r`, or of a term without elements; *inner is the number of terms that follow.
 * 0: no match. Checks sizes, not contents. */
static inline uint64_t coppice_head_size(const coppice_reader* r, uint64_t* inner) {
  const uint8_t* const at = r->at;
  const uint64_t left = coppice_left(r);
  coppice_reader node = *r;
  coppice_bytes name;
  *inner = 0;
  switch (coppice_tag(r)) {
    case 106:
      return 1;
    case 97:
      return 2;
    case 98:
      return 5;
    case 70:
      return 9;
    case 119:
      return left < 2 ? 0 : 2u + (uint64_t)at[1];
    case 110:
      return left < 2 ? 0 : 3u + (uint64_t)at[1];
    case 118:
    case 107:
      return left < 3 ? 0 : 3u + (uint64_t)coppice_get_be16(at + 1);
    case 109:
      return left < 5 ? 0 : 5u + (uint64_t)coppice_get_be32(at + 1);
    case 77:
    case 111:
      return left < 5 ? 0 : 6u + (uint64_t)coppice_get_be32(at + 1);
    case 112: /* the size counts itself */
      return left < 5 || coppice_get_be32(at + 1) < 4 ? 0 : 1u + (uint64_t)coppice_get_be32(at + 1);
    case 113:
      *inner = 3;
      return 1;
    case 104:
      *inner = left < 2 ? 0 : at[1];
      return 2;
    case 105:
      *inner = left < 5 ? 0 : coppice_get_be32(at + 1);
      return 5;
    case 108: /* and the tail */
      *inner = left < 5 ? 0 : 1u + (uint64_t)coppice_get_be32(at + 1);
      return 5;
    case 116:
      *inner = left < 5 ? 0 : 2u * (uint64_t)coppice_get_be32(at + 1);
      return 5;
    case 88:
    case 120:
      return coppice_read_node(&node, 1, 12, &name) ? (uint64_t)(node.at - at) + 12 : 0;
    case 89:
      return coppice_read_node(&node, 1, 8, &name) ? (uint64_t)(node.at - at) + 8 : 0;
    case 90: {
      const uint64_t rest = left < 3 ? 0 : 4u + 4u * (uint64_t)coppice_get_be16(at + 1);
      return coppice_read_node(&node, 3, rest, &name) ? (uint64_t)(node.at - at) + rest : 0;
    }
    default:
      return 0;
  }
}

/* Steps over any one term and gives its bytes if `whole` is not NULL. It counts terms and does not
 * recurse. */
static inline int coppice_read_term(coppice_reader* r, coppice_bytes* whole) {
  coppice_reader ahead = *r;
  uint64_t terms;
  for (terms = 1; terms != 0; --terms) {
    uint64_t inner;
    const uint64_t size = coppice_head_size(&ahead, &inner);
    if (size == 0 || size > coppice_left(&ahead) || inner > coppice_left(&ahead) - size) return 0;
    ahead.at += size;
    terms += inner;
  }
  if (whole != NULL) *whole = coppice_bytes_of(r->at, (uint64_t)(ahead.at - r->at));
  *r = ahead;
  return 1;
}

/* A bitstring whose last byte is incomplete: gives the bytes of the term, for coppice_write_term. */
static inline int coppice_read_bits(coppice_reader* r, coppice_bytes* whole) {
  return coppice_tag(r) == 77 && coppice_read_term(r, whole);
}

/* The value of an atom key in a map term. */
static inline int coppice_map_get(coppice_bytes map, const char* key, coppice_bytes* value) {
  coppice_reader r = coppice_read(map);
  coppice_bytes each;
  uint32_t pairs;
  if (!coppice_read_map(&r, &pairs)) return 0;
  for (; pairs != 0; --pairs) {
    const int found = coppice_read_atom_is(&r, key);
    if (!found && !coppice_read_term(&r, NULL)) return 0;
    if (!coppice_read_term(&r, &each)) return 0;
    if (!found) continue;
    *value = each;
    return 1;
  }
  return 0;
}
/* The value of any key in a map term. Keys are compared by their bytes. In a message that finds every equal
 * key, except one that is or contains a map of several pairs or a list of small integers: see
 * draft/order.h. */
static inline int coppice_map_get_term(coppice_bytes map, coppice_bytes key, coppice_bytes* value) {
  coppice_reader r = coppice_read(map);
  coppice_bytes name, each;
  uint32_t pairs;
  if (!coppice_read_map(&r, &pairs)) return 0;
  for (; pairs != 0; --pairs) {
    if (!coppice_read_term(&r, &name) || !coppice_read_term(&r, &each)) return 0;
    if (!coppice_same(name, key)) continue;
    *value = each;
    return 1;
  }
  return 0;
}

#ifdef __cplusplus
}
#endif
#endif
