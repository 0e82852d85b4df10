/* SPDX-License-Identifier: MIT
 * "coppice.metric/draft-1" (DRAFT): counters, gauges and histograms of a plugin, which the node shows at
 * /metrics as coppice_plugin_ID_NAME. An actor asks for a metric by kind, name and labels and gets a
 * handle; counting is one call of a few nanoseconds, on any thread. The same kind, name and labels give
 * the same handle to every actor of the plugin and to its later generations, so values survive restarts
 * and reloads. */
#ifndef COPPICE_DRAFT_METRIC_H
#define COPPICE_DRAFT_METRIC_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_METRIC_DRAFT_1 "coppice.metric/draft-1"

#define COPPICE_METRIC_COUNTER 0 /* only goes up; shown with _total after its name */
#define COPPICE_METRIC_GAUGE 1
#define COPPICE_METRIC_HISTOGRAM \
  2 /* how many observations were at or below each bound, their sum and number */

/* A label's name and value. Never grows. */
typedef struct coppice_metric_label {
  coppice_bytes name;  /* [a-z][a-z0-9_]*, at most 64 bytes */
  coppice_bytes value; /* UTF-8, at most 128 bytes; from a small set of values, never chosen by clients */
} coppice_metric_label;

typedef struct coppice_metric_options {
  uint32_t size;
  int32_t kind;       /* COPPICE_METRIC_… */
  coppice_bytes name; /* [a-z][a-z0-9_]*, at most 64 bytes */
  coppice_bytes help; /* UTF-8, at most 128 bytes; may be empty */
  const coppice_metric_label* labels;
  uint64_t label_count; /* at most 8 */
  const double* bounds; /* of a histogram: finite, ascending */
  uint64_t bound_count; /* at most 64; 0: a default from 0.001 to 10, for seconds */
} coppice_metric_options;
#define COPPICE_METRIC_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_metric_options, bound_count)

typedef struct coppice_metric coppice_metric; /* belongs to the host */

typedef struct coppice_metric_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] [look] Everything is copied. Never NULL: if the node's limit of series is reached, the options
   * are malformed, or the name already belongs to a metric of another kind or with other bounds, the handle
   * works but is not shown, and the node logs why. The handle is valid until deinit returns; it is the one
   * exception to plugin.h's rule on what a plugin may keep. It must not be part of a saved state: ask for it
   * in create. */
  coppice_metric* (*get)(coppice_actor* self, const coppice_metric_options* options);
  /* [any] A counter ignores values below 0; a histogram ignores the call. */
  void (*add)(coppice_metric* metric, int64_t n);
  /* [any] For a gauge. */
  void (*set)(coppice_metric* metric, int64_t value);
  /* [any] For a histogram. NaN is ignored. */
  void (*observe)(coppice_metric* metric, double value);
} coppice_metric_api;
#define COPPICE_METRIC_API_LEAST COPPICE_SIZE_THROUGH(coppice_metric_api, observe)

#ifdef __cplusplus
}
#endif
#endif
