/* SPDX-License-Identifier: MIT
 * my_pool: a worker of a pool. {square, N} is answered with the square of N by the worker that N chooses;
 * `get` with how many the worker has answered. Without room in the pool the answer is {error, busy}. */
#include <coppice/draft/pool.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA "{\"type\":\"object\",\"additionalProperties\":false}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_pool\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_pool\",\"behaviour\":\"server\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\",\"coppice.pool/draft-1\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  return messages && calls ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct worker {
  int64_t answered;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct worker));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

static int32_t reply(coppice_actor* self, coppice_bytes from, coppice_writer* out) {
  coppice_message answer;
  const int32_t status = messages->finish(out, &answer);
  return status == COPPICE_OK ? calls->reply(self, from, &answer) : status;
}

static int read_square(coppice_bytes request, int64_t* number) {
  coppice_reader at = coppice_read(request);
  return coppice_read_tuple(&at, 2) && coppice_read_atom_is(&at, "square") &&
         coppice_read_integer(&at, number);
}

/* choose and on_overload run in the pool, while all its callers wait: so they only compute. */
static int32_t choose(const coppice_pool_request* what, uint32_t* out_worker) {
  int64_t number;
  if (read_square(what->content, &number)) *out_worker = (uint32_t)((uint64_t)number % what->workers);
  return COPPICE_OK; /* no choice: `dispatch` decides */
}

static int32_t on_overload(const coppice_pool_request* what) {
  static const uint8_t busy[] =
      "\x68\x02\x77\x05"
      "error"
      "\x77\x04"
      "busy"; /* {error, busy} */
  return what->answer(what, coppice_bytes_of(busy, sizeof busy - 1));
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  struct worker* const it = state;
  coppice_reader at = coppice_read_message(request);
  coppice_writer out;
  int64_t answer;
  if (coppice_read_atom_is(&at, "get")) {
    answer = it->answered;
  } else if (read_square(coppice_bytes_of(request->data, request->size), &answer)) {
    if (__builtin_mul_overflow(answer, answer, &answer)) return COPPICE_E_INVALID;
    ++it->answered;
  } else {
    return COPPICE_UNHANDLED;
  }
  messages->write_begin(16, &out);
  coppice_write_integer(&out, answer);
  return reply(self, from, &out);
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  coppice_write_integer(out, ((const struct worker*)state)->answered);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct worker* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  return coppice_read_integer(&at, &it->answered) ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_pool pool = {.size = sizeof pool, .choose = choose, .on_overload = on_overload};
static const coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle},
                                       {COPPICE_SERVER_1, &server},
                                       {COPPICE_POOL_DRAFT_1, &pool},
                                       {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_pool",
                                        .behaviour = "server",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_pool", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
