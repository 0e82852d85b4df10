/* SPDX-License-Identifier: MIT
 * Reads one term with every reader of coppice/term.h and writes it again with every writer, to test both. A
 * term in the form that it has in a message comes out as the same bytes. C and C++. */
#ifndef COPPICE_TEST_TERM_COPY_H
#define COPPICE_TEST_TERM_COPY_H

#include <coppice/term.h>

/* Reads and writes the bytes in two parts. */
static inline void term_copy_binary(coppice_bytes data, coppice_writer* to) {
  coppice_reader at = coppice_read(data);
  coppice_bytes half = {0, 0}, rest = {0, 0};
  coppice_read_part(&at, data.size / 2, &half);
  coppice_read_part(&at, data.size - data.size / 2, &rest);
  coppice_write_binary_head(to, data.size);
  coppice_write_part(to, half.data, half.size);
  coppice_write_part(to, rest.data, rest.size);
}

/* Terms that have a type in C. */
static inline int term_copy_value(coppice_reader* from, coppice_writer* to) {
  coppice_bytes bytes;
  coppice_big big;
  int64_t integer;
  double number;
  if (coppice_read_integer(from, &integer)) {
    coppice_write_integer(to, integer);
  } else if (coppice_read_big(from, &big)) {
    coppice_write_big(to, &big);
  } else if (coppice_read_float(from, &number)) {
    coppice_write_float(to, number);
  } else if (coppice_read_atom(from, &bytes)) {
    coppice_write_atom_of(to, bytes);
  } else if (coppice_read_binary(from, &bytes)) {
    term_copy_binary(bytes, to);
  } else if (coppice_read_string(from, &bytes)) {
    coppice_write_string(to, bytes.data, bytes.size);
  } else {
    return 0;
  }
  return 1;
}

/* Terms that have no type in C. */
static inline int term_copy_other(coppice_reader* from, coppice_writer* to) {
  coppice_pid pid;
  coppice_port port;
  coppice_reference reference;
  coppice_bytes whole;
  if (coppice_read_pid(from, &pid)) {
    coppice_write_pid(to, &pid);
  } else if (coppice_read_port(from, &port)) {
    coppice_write_port(to, &port);
  } else if (coppice_read_reference(from, &reference)) {
    coppice_write_reference(to, &reference);
  } else if (coppice_read_bits(from, &whole)) {
    coppice_write_term(to, whole);
  } else if ((coppice_tag(from) == 112 || coppice_tag(from) == 113) && coppice_read_term(from, &whole)) {
    coppice_write_term(to, whole);
  } else {
    return 0;
  }
  return 1;
}

/* 0: some part of the term is read by no reader. */
static inline int term_copy(coppice_reader* from, coppice_writer* to) {
  uint64_t due;
  for (due = 1; due != 0; --due) {
    uint32_t count;
    if (term_copy_value(from, to) || term_copy_other(from, to)) continue;
    if (coppice_read_nil(from)) {
      coppice_write_nil(to);
    } else if (coppice_read_list(from, &count)) {
      coppice_write_list(to, count);
      due += (uint64_t)count + 1;
    } else if (coppice_read_tuple_head(from, &count)) {
      coppice_write_tuple(to, count);
      due += count;
    } else if (coppice_read_map(from, &count)) {
      coppice_write_map(to, count);
      due += 2 * (uint64_t)count;
    } else {
      return 0;
    }
  }
  return 1;
}

#endif
