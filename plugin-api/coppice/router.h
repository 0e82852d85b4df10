/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/router.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_ROUTER_H
#define COPPICE_MOVED_ROUTER_H
#pragma GCC warning "<coppice/router.h> is <coppice/draft/router.h> now"
#include <coppice/draft/router.h>
#endif
