/* SPDX-License-Identifier: MIT
 * "coppice.metric/1" (DRAFT): counters and gauges of a plugin, which the node shows at /metrics as
 * coppice_plugin_ID_NAME. A metric is asked for by name and labels and is a cell of the host's; counting is a
 * relaxed atomic addition to it, without a call. The same name and labels give the same cell, to every actor
 * of the plugin and to its later generations: figures survive restarts and reloads. */
#ifndef COPPICE_METRIC_H
#define COPPICE_METRIC_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_METRIC_1 "coppice.metric/1"

#define COPPICE_METRIC_COUNTER 0 /* only goes up; shown with _total behind its name */
#define COPPICE_METRIC_GAUGE 1

/* A name and what stands behind it. Never grows. */
typedef struct coppice_metric_label {
  coppice_bytes name;  /* [a-z][a-z0-9_]*, at most 64 bytes */
  coppice_bytes value; /* UTF-8, at most 128 bytes: one of a few, never something that clients choose */
} coppice_metric_label;

typedef struct coppice_metric_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] Also in restore_state and save_state. `name` and `help` as a label's name and value are; at most
   * 8 labels. Everything is copied. Never NULL: at the node's bound of series, for what is malformed, and for
   * a name that is a metric of the other kind already, it is a cell that nobody sees; the log says so. A cell
   * is valid until deinit returns, the one exception to plugin.h's rule of what may be kept. It is not part
   * of a state that is saved: ask for it in init and in restore_state. */
  int64_t* (*cell)(coppice_actor* self, int32_t kind, coppice_bytes name, coppice_bytes help,
                   const coppice_metric_label* labels, uint64_t label_count);
} coppice_metric_api;

/* [any] To a counter nothing below 0. */
static inline void coppice_metric_add(int64_t* cell, int64_t n) {
  __atomic_fetch_add(cell, n, __ATOMIC_RELAXED);
}

/* [any] Of a gauge that one actor alone has. */
static inline void coppice_metric_set(int64_t* cell, int64_t value) {
  __atomic_store_n(cell, value, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif
#endif
