/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/channel.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_EVENT_H
#define COPPICE_MOVED_EVENT_H
#pragma GCC warning "<coppice/event.h> is <coppice/draft/channel.h> now"
#include <coppice/draft/channel.h>
#endif
