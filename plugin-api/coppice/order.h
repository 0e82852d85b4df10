/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/order.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_ORDER_H
#define COPPICE_MOVED_ORDER_H
#pragma GCC warning "<coppice/order.h> is <coppice/draft/order.h> now"
#include <coppice/draft/order.h>
#endif
