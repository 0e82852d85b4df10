/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/pool.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_POOL_H
#define COPPICE_MOVED_POOL_H
#pragma GCC warning "<coppice/pool.h> is <coppice/draft/pool.h> now"
#include <coppice/draft/pool.h>
#endif
