/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/metric.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_METRIC_H
#define COPPICE_MOVED_METRIC_H
#pragma GCC warning "<coppice/metric.h> is <coppice/draft/metric.h> now"
#include <coppice/draft/metric.h>
#endif
