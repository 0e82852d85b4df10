/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/await.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_AWAIT_H
#define COPPICE_MOVED_AWAIT_H
#pragma GCC warning "<coppice/await.h> is <coppice/draft/await.h> now"
#include <coppice/draft/await.h>
#endif
