/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/event_handler.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_EVENT_HANDLER_H
#define COPPICE_MOVED_EVENT_HANDLER_H
#pragma GCC warning "<coppice/event_handler.h> is <coppice/draft/event_handler.h> now"
#include <coppice/draft/event_handler.h>
#endif
