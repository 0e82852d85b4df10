/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/statem.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_STATEM_H
#define COPPICE_MOVED_STATEM_H
#pragma GCC warning "<coppice/statem.h> is <coppice/draft/statem.h> now"
#include <coppice/draft/statem.h>
#endif
