/* SPDX-License-Identifier: MIT
 * "coppice.log/1": log lines of an actor, with fields. The host adds time, pid, name and plugin, and
 * limits how much one source may log. A call never blocks and never fails. Never log secrets. */
#ifndef COPPICE_LOG_H
#define COPPICE_LOG_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_LOG_1 "coppice.log/1"

/* Levels of log lines, the most severe first. */
#define COPPICE_LOG_ERROR 0
#define COPPICE_LOG_WARNING 1
#define COPPICE_LOG_INFO 2
#define COPPICE_LOG_DEBUG 3

/* A name and its value, which is either a text or a term. Never grows. */
typedef struct coppice_log_field {
  coppice_bytes name; /* [a-z][a-z0-9_]* */
  coppice_bytes text; /* UTF-8; used if data is not NULL */
  coppice_bytes term; /* else a term, printed in Erlang's syntax */
} coppice_log_field;

typedef struct coppice_log_api {
  uint32_t size;
  uint32_t reserved;
  /* [any] `self` may be NULL outside of callbacks. Everything is copied. */
  void (*write)(coppice_actor* self, int32_t level, coppice_bytes text, const coppice_log_field* fields,
                uint64_t field_count);
  /* [any] 1 if a line of that level would be written to a sink: ask before building a costly line. */
  int32_t (*enabled)(coppice_actor* self, int32_t level);
} coppice_log_api;
#define COPPICE_LOG_API_LEAST COPPICE_SIZE_THROUGH(coppice_log_api, enabled)

#ifdef __cplusplus
}
#endif
#endif
