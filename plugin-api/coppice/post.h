/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/post.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_POST_H
#define COPPICE_MOVED_POST_H
#pragma GCC warning "<coppice/post.h> is <coppice/draft/post.h> now"
#include <coppice/draft/post.h>
#endif
