/* SPDX-License-Identifier: MIT
 * my_tcp: an actor for each connection of a listener with `frame: { kind: line }`. A line is sent back with
 * its number in front; `quit` closes the connection. A client that does not read is disconnected. */
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>
#include <coppice/term.h>
#include <stdio.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA "{\"type\":\"object\",\"additionalProperties\":false}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_tcp\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_tcp\",\"behaviour\":\"tcp\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.stream/draft-2\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_stream_api* streams;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  streams = host->get_interface(host, COPPICE_STREAM_HOST_DRAFT_2);
  return streams ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct session {
  int64_t lines;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct session));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

static int32_t on_frame(coppice_actor* self, void* state, uint64_t stream, const coppice_slice* line) {
  struct session* const it = state;
  if (coppice_same(coppice_bytes_of(line->data, line->size), coppice_text("quit")))
    return streams->close(self, stream);
  char number[32];
  const int length = snprintf(number, sizeof number, "%lld ", (long long)++it->lines);
  const coppice_bytes parts[] = {coppice_bytes_of(number, (uint64_t)length),
                                 coppice_bytes_of(line->data, line->size), coppice_text("\n")};
  int32_t status = COPPICE_OK;
  for (int i = 0; i < 3 && status == COPPICE_OK; ++i) status = streams->write(self, stream, parts[i]);
  /* The client has left `write.high` bytes unread, and this answer has no room. An actor that must lose
   * none uses pause and on_drained in place of close. */
  return status == COPPICE_E_FULL ? streams->close(self, stream) : status;
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  coppice_write_integer(out, ((const struct session*)state)->lines);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct session* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  return coppice_read_integer(&at, &it->lines) ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_stream stream = {.size = sizeof stream, .on_frame = on_frame};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_STREAM_DRAFT_2, &stream}, {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_tcp",
                                        .behaviour = "tcp",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_tcp",  .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
