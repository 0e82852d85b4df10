/* SPDX-License-Identifier: MIT
 * Compiles the functions of coppice/term.h with a C compiler for term_test.cpp, which compiles them as C++
 * too. It has no function of its own. */
#include "term_copy.h"

int term_copy_in_c(coppice_reader* from, coppice_writer* to);
int term_copy_in_c(coppice_reader* from, coppice_writer* to) {
  return term_copy(from, to);
}
