/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/saga.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_SAGA_H
#define COPPICE_MOVED_SAGA_H
#pragma GCC warning "<coppice/saga.h> is <coppice/draft/saga.h> now"
#include <coppice/draft/saga.h>
#endif
