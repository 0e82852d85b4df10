/* SPDX-License-Identifier: MIT
 * coppice/term.h as a C compiler takes it, for term_test.cpp, which has it from a C++ compiler too.
 * Without a function of its own. */
#include "term_copy.h"

int term_copy_in_c(coppice_reader* from, coppice_writer* to);
int term_copy_in_c(coppice_reader* from, coppice_writer* to) {
  return term_copy(from, to);
}
