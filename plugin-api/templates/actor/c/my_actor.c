/* SPDX-License-Identifier: MIT
 * my_actor: a server. The call {add, N} is answered with the sum so far; the cast `reset` sets the sum back
 * to args.start. The sum survives a reload. */
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                      \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"start\":{" \
  "\"type\":\"integer\",\"description\":\"the first sum; 0 without it\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_actor\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_actor\",\"behaviour\":\"server\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  return messages && calls ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct counter {
  int64_t start, sum;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct counter));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

static int32_t init(coppice_actor* self, void* state, const coppice_message* args) {
  (void)self;
  struct counter* const it = state;
  coppice_bytes value;
  if (coppice_map_get(coppice_bytes_of(args->data, args->size), "start", &value)) {
    coppice_reader at = coppice_read(value);
    if (!coppice_read_integer(&at, &it->start)) return COPPICE_E_INVALID;
  }
  it->sum = it->start;
  return COPPICE_OK;
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  struct counter* const it = state;
  coppice_reader at = coppice_read_message(request);
  int64_t amount;
  if (!coppice_read_tuple(&at, 2) || !coppice_read_atom_is(&at, "add") || !coppice_read_integer(&at, &amount))
    return COPPICE_UNHANDLED;
  if (__builtin_add_overflow(it->sum, amount, &it->sum)) return COPPICE_E_INVALID;

  coppice_writer out;
  coppice_message reply;
  messages->write_begin(16, &out);
  coppice_write_integer(&out, it->sum);
  const int32_t status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? calls->reply(self, from, &reply) : status;
}

static int32_t handle_cast(coppice_actor* self, void* state, const coppice_message* term) {
  (void)self;
  struct counter* const it = state;
  coppice_reader at = coppice_read_message(term);
  if (!coppice_read_atom_is(&at, "reset")) return COPPICE_UNHANDLED;
  it->sum = it->start;
  return COPPICE_OK;
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct counter* const it = state;
  coppice_write_tuple(out, 2);
  coppice_write_integer(out, it->start);
  coppice_write_integer(out, it->sum);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct counter* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  const int whole = coppice_read_tuple(&at, 2) && coppice_read_integer(&at, &it->start) &&
                    coppice_read_integer(&at, &it->sum);
  return whole ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .init = init,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_server server = {
    .size = sizeof server, .handle_call = handle_call, .handle_cast = handle_cast};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_actor",
                                        .behaviour = "server",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_actor", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types,  .init = start};
