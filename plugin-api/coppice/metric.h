/* SPDX-License-Identifier: MIT
 * "coppice.metric/1" (DRAFT): counters, gauges and histograms of a plugin. A metric is made once, at init or
 * in a callback; counting is a relaxed atomic addition at an address the host gives, without a call. The
 * same name and labels give the same address, also to a later generation, so figures survive a reload. */
#ifndef COPPICE_METRIC_H
#define COPPICE_METRIC_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_METRIC_1 "coppice.metric/1"

#define COPPICE_METRIC_COUNTER 0
#define COPPICE_METRIC_GAUGE 1

/* Never grows. */
typedef struct coppice_metric_label {
  coppice_bytes name;
  coppice_bytes value;
} coppice_metric_label;

typedef struct coppice_metric_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] The cell to add to, or NULL past the node's bound of series. Names as Prometheus wants them. */
  int64_t* (*cell)(int32_t kind, coppice_bytes name, coppice_bytes help, const coppice_metric_label* labels,
                   uint64_t label_count);
} coppice_metric_api;

#ifdef __cplusplus
}
#endif
#endif
