/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/udp.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_UDP_H
#define COPPICE_MOVED_UDP_H
#pragma GCC warning "<coppice/udp.h> is <coppice/draft/udp.h> now"
#include <coppice/draft/udp.h>
#endif
