/* SPDX-License-Identifier: MIT
 * A rate limiter in C: `allow` is true three times, then false until a second has passed since the first
 * true. */
#include <coppice/server.h>
#include <coppice/term.h>
#include <coppice/timer.h>
#include <stdlib.h>

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"limiter_c\",\"version\":\"1.0.0\",\"abi\":[1,0],"
    "\"actors\":[{\"name\":\"limiter_c\",\"behaviour\":\"server\","
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"]}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_timer_api* timers;

typedef struct bucket {
  int64_t since;
  int used;
} bucket;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  timers = host->get_interface(host, COPPICE_TIMER_1);
  return messages && calls && timers ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}
static int32_t create(coppice_actor* self, void** state) {
  (void)self;
  *state = calloc(1, sizeof(bucket));
  return *state != NULL ? COPPICE_OK : COPPICE_E_MEMORY;
}
static void destroy(void* state) {
  free(state);
}
static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  bucket* const mine = state;
  coppice_reader at = coppice_read_message(request);
  if (!coppice_read_atom_is(&at, "allow")) return COPPICE_UNHANDLED;
  const int64_t now = timers->now();
  if (mine->used == 0 || now - mine->since >= 1000000000) mine->since = now, mine->used = 0;
  coppice_writer out;
  coppice_message reply;
  messages->write_begin(16, &out);
  coppice_write_atom(&out, mine->used++ < 3 ? "true" : "false");
  const int32_t status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? calls->reply(self, from, &reply) : status;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle, .create = create, .destroy = destroy};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};
static const coppice_actor_type type = {
    .size = sizeof type, .name = "limiter_c", .behaviour = "server", .tables = tables};
static const coppice_actor_type* const types[] = {&type};
const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "limiter_c", .version = "1.0.0",
                                           .actor_count = 1,        .actors = types,   .init = start};
