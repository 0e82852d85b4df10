/* SPDX-License-Identifier: MIT
 * my_stage: a pipeline. The producer counts from 0 up to args.last, `doubler` doubles, `sink` adds up. The
 * call `get` at the producer is answered with the count of its numbers, at the sink with {Count, Sum}. */
#include <coppice/draft/stage.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of the producer: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                     \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"last\":{" \
  "\"type\":\"integer\",\"minimum\":0,\"description\":\"the last number; none without it\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_stage\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_stage\",\"behaviour\":\"producer\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.stage/draft-2\",\"coppice.server/1\"],"
    "\"args_schema\":" SCHEMA
    "},"
    "{\"name\":\"doubler\",\"behaviour\":\"producer_consumer\","
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.stage/draft-2\"]},"
    "{\"name\":\"sink\",\"behaviour\":\"consumer\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.stage/draft-2\",\"coppice.server/1\"]}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_stage_api* stages;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  stages = host->get_interface(host, COPPICE_STAGE_HOST_DRAFT_2);
  return messages && calls && stages ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

/* The producer's next number and the one that it ends before; or the count and the sum of the sink. */
struct two {
  int64_t first, second;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct two));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct two* const it = state;
  coppice_write_tuple(out, 2);
  coppice_write_integer(out, it->first);
  coppice_write_integer(out, it->second);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct two* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  const int whole = coppice_read_tuple(&at, 2) && coppice_read_integer(&at, &it->first) &&
                    coppice_read_integer(&at, &it->second);
  return whole ? COPPICE_OK : COPPICE_E_TERM;
}

static int is_get(const coppice_message* request) {
  coppice_reader at = coppice_read_message(request);
  return coppice_read_atom_is(&at, "get");
}

static int32_t reply(coppice_actor* self, coppice_bytes from, coppice_writer* out) {
  coppice_message answer;
  const int32_t status = messages->finish(out, &answer);
  return status == COPPICE_OK ? calls->reply(self, from, &answer) : status;
}

/* Ends a list whose elements are written, and emits it. */
static int32_t emit(coppice_actor* self, coppice_writer* out) {
  coppice_message events;
  coppice_write_nil(out);
  const int32_t status = messages->finish(out, &events);
  return status == COPPICE_OK ? stages->emit(self, &events) : status;
}

/* The next number of a list, or of a string: a list of small integers may come as a string. */
static int next_number(coppice_reader* at, coppice_bytes* small, int64_t* number) {
  if (small->size == 0) return coppice_read_integer(at, number);
  *number = *(const uint8_t*)small->data;
  *small = coppice_bytes_of((const uint8_t*)small->data + 1, small->size - 1);
  return 1;
}
static int begin_numbers(coppice_reader* at, coppice_bytes* small, uint32_t* count) {
  *small = coppice_bytes_of(NULL, 0);
  if (coppice_read_string(at, small)) return *count = (uint32_t)small->size, 1;
  return coppice_read_list(at, count);
}

/* ---- the producer ---- */

static int32_t numbers_init(coppice_actor* self, void* state, const coppice_message* args) {
  (void)self;
  struct two* const it = state;
  coppice_bytes value;
  it->second = INT64_MAX;
  if (!coppice_map_get(coppice_bytes_of(args->data, args->size), "last", &value)) return COPPICE_OK;
  coppice_reader at = coppice_read(value);
  if (!coppice_read_integer(&at, &it->second)) return COPPICE_E_INVALID;
  if (it->second != INT64_MAX) ++it->second;
  return COPPICE_OK;
}

/* It may emit fewer events than wanted now, and the others later. */
static int32_t numbers_demand(coppice_actor* self, void* state, uint64_t wanted) {
  struct two* const it = state;
  const uint64_t left = (uint64_t)(it->second - it->first);
  uint64_t count = wanted < left ? wanted : left;
  if (count > 10000) count = 10000;
  if (count == 0) return COPPICE_OK;
  coppice_writer out;
  messages->write_begin(10 + 11 * count, &out);
  coppice_write_list(&out, (uint32_t)count);
  for (; count != 0; --count) coppice_write_integer(&out, it->first++);
  return emit(self, &out);
}

static int32_t numbers_call(coppice_actor* self, void* state, const coppice_message* request,
                            coppice_bytes from) {
  if (!is_get(request)) return COPPICE_UNHANDLED;
  coppice_writer out;
  messages->write_begin(16, &out);
  coppice_write_integer(&out, ((const struct two*)state)->first);
  return reply(self, from, &out);
}

/* ---- the doubler ---- */

static int32_t doubler_events(coppice_actor* self, void* state, const coppice_message* events,
                              coppice_bytes from) {
  (void)state, (void)from;
  coppice_reader at = coppice_read_message(events);
  coppice_bytes small;
  uint32_t count;
  int64_t number;
  if (!begin_numbers(&at, &small, &count)) return COPPICE_E_TERM;
  coppice_writer out;
  messages->write_begin(10 + 11 * (uint64_t)count, &out);
  coppice_write_list(&out, count);
  for (uint32_t i = 0; i < count; ++i)
    coppice_write_integer(&out, next_number(&at, &small, &number) ? 2 * number : 0);
  return emit(self, &out);
}

/* It has no state. Without save_state and restore_state a reload would start it anew. */
static int32_t doubler_save(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)state, (void)version;
  coppice_write_nil(out);
  return COPPICE_OK;
}
static int32_t doubler_restore(coppice_actor* self, void* state, uint32_t version,
                               const coppice_message* saved) {
  (void)self, (void)state, (void)version, (void)saved;
  return COPPICE_OK;
}

/* ---- the sink ---- */

static int32_t sink_events(coppice_actor* self, void* state, const coppice_message* events,
                           coppice_bytes from) {
  (void)self, (void)from;
  struct two* const it = state;
  coppice_reader at = coppice_read_message(events);
  coppice_bytes small;
  uint32_t count;
  int64_t number;
  if (!begin_numbers(&at, &small, &count)) return COPPICE_E_TERM;
  for (uint32_t i = 0; i < count; ++i) {
    if (!next_number(&at, &small, &number)) return COPPICE_E_TERM;
    it->second += number;
  }
  it->first += count;
  return COPPICE_OK;
}

static int32_t sink_call(coppice_actor* self, void* state, const coppice_message* request,
                         coppice_bytes from) {
  if (!is_get(request)) return COPPICE_UNHANDLED;
  const struct two* const it = state;
  coppice_writer out;
  messages->write_begin(32, &out);
  coppice_write_tuple(&out, 2);
  coppice_write_integer(&out, it->first);
  coppice_write_integer(&out, it->second);
  return reply(self, from, &out);
}

static const coppice_lifecycle numbers_lifecycle = {.size = sizeof numbers_lifecycle,
                                                    .create = create,
                                                    .init = numbers_init,
                                                    .save_state = save_state,
                                                    .restore_state = restore_state,
                                                    .destroy = destroy};
static const coppice_stage numbers_stage = {.size = sizeof numbers_stage, .handle_demand = numbers_demand};
static const coppice_server numbers_server = {.size = sizeof numbers_server, .handle_call = numbers_call};
static const coppice_table numbers_tables[] = {{COPPICE_LIFECYCLE_1, &numbers_lifecycle},
                                               {COPPICE_STAGE_DRAFT_2, &numbers_stage},
                                               {COPPICE_SERVER_1, &numbers_server},
                                               {NULL, NULL}};
static const coppice_actor_type numbers = {.size = sizeof numbers,
                                           .state_version = STATE_VERSION,
                                           .name = "my_stage",
                                           .behaviour = "producer",
                                           .tables = numbers_tables,
                                           .args_schema = SCHEMA};

static const coppice_lifecycle doubler_lifecycle = {
    .size = sizeof doubler_lifecycle, .save_state = doubler_save, .restore_state = doubler_restore};
static const coppice_stage doubler_stage = {.size = sizeof doubler_stage, .handle_events = doubler_events};
static const coppice_table doubler_tables[] = {
    {COPPICE_LIFECYCLE_1, &doubler_lifecycle}, {COPPICE_STAGE_DRAFT_2, &doubler_stage}, {NULL, NULL}};
static const coppice_actor_type doubler = {
    .size = sizeof doubler, .name = "doubler", .behaviour = "producer_consumer", .tables = doubler_tables};

static const coppice_lifecycle sink_lifecycle = {.size = sizeof sink_lifecycle,
                                                 .create = create,
                                                 .save_state = save_state,
                                                 .restore_state = restore_state,
                                                 .destroy = destroy};
static const coppice_stage sink_stage = {.size = sizeof sink_stage, .handle_events = sink_events};
static const coppice_server sink_server = {.size = sizeof sink_server, .handle_call = sink_call};
static const coppice_table sink_tables[] = {{COPPICE_LIFECYCLE_1, &sink_lifecycle},
                                            {COPPICE_STAGE_DRAFT_2, &sink_stage},
                                            {COPPICE_SERVER_1, &sink_server},
                                            {NULL, NULL}};
static const coppice_actor_type sink = {.size = sizeof sink,
                                        .state_version = STATE_VERSION,
                                        .name = "sink",
                                        .behaviour = "consumer",
                                        .tables = sink_tables};

static const coppice_actor_type* const types[] = {&numbers, &doubler, &sink};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_stage", .version = "0.1.0",
                                           .actor_count = 3,        .actors = types,  .init = start};
