/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/stage.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_STAGE_H
#define COPPICE_MOVED_STAGE_H
#pragma GCC warning "<coppice/stage.h> is <coppice/draft/stage.h> now"
#include <coppice/draft/stage.h>
#endif
