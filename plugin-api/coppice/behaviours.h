/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/detail/behaviours.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_BEHAVIOURS_H
#define COPPICE_MOVED_BEHAVIOURS_H
#pragma GCC warning "<coppice/behaviours.h> is <coppice/detail/behaviours.h> now"
#include <coppice/detail/behaviours.h>
#endif
