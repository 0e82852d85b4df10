/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/stream.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_STREAM_H
#define COPPICE_MOVED_STREAM_H
#pragma GCC warning "<coppice/stream.h> is <coppice/draft/stream.h> now"
#include <coppice/draft/stream.h>
#endif
