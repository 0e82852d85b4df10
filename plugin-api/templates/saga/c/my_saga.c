/* SPDX-License-Identifier: MIT
 * my_saga: a saga. A transaction {both, From, To, Count} reserves Count things at two places, which are sagas
 * of this type. A place that has too few refuses, and the other one gives back what it reserved. The call
 * `get` is answered with the number of things left. */
#include <coppice/actor.h>
#include <coppice/draft/saga.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>
#include <string.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                    \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"has\":{" \
  "\"type\":\"integer\",\"minimum\":0,\"default\":0,"                             \
  "\"description\":\"the things it has at first\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_saga\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_saga\",\"behaviour\":\"saga\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.saga/draft-2\",\"coppice.server/1\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_saga_api* sagas;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  sagas = host->get_interface(host, COPPICE_SAGA_HOST_DRAFT_2);
  return messages && calls && sagas ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

/* The key of a step that was done here. */
struct done {
  struct done* next;
  uint64_t size;
  uint8_t key[];
};
struct place {
  int64_t has;
  struct done* done;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct place));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  struct place* const it = state;
  while (it->done) {
    struct done* const first = it->done;
    it->done = first->next;
    free(first);
  }
  free(it);
}

static int32_t init(coppice_actor* self, void* state, const coppice_message* args) {
  (void)self;
  struct place* const it = state;
  coppice_bytes value;
  if (!coppice_map_get((coppice_bytes){args->data, args->size}, "has", &value)) return COPPICE_OK;
  coppice_reader at = coppice_read(value);
  return coppice_read_integer(&at, &it->has) ? COPPICE_OK : COPPICE_E_INVALID;
}

/* The link to the key among the steps that were done. It is NULL: the step was not done. */
static struct done** find(struct place* it, coppice_bytes key) {
  struct done** where = &it->done;
  while (*where && ((*where)->size != key.size || memcmp((*where)->key, key.data, key.size) != 0))
    where = &(*where)->next;
  return where;
}

static int32_t remember(struct place* it, coppice_bytes key) {
  struct done* const made = malloc(sizeof(struct done) + key.size);
  if (!made) return COPPICE_E_MEMORY;
  made->next = it->done;
  made->size = key.size;
  memcpy(made->key, key.data, key.size);
  it->done = made;
  return COPPICE_OK;
}

static coppice_message integer(int64_t value) {
  coppice_message made = {0};
  coppice_writer out;
  messages->write_begin(16, &out);
  coppice_write_integer(&out, value);
  messages->finish(&out, &made);
  return made;
}

static coppice_message word(const char* name) {
  coppice_message made = {0};
  coppice_writer out;
  messages->write_begin(32, &out);
  coppice_write_atom(&out, name);
  messages->finish(&out, &made);
  return made;
}

static coppice_message reserve(int64_t count) {
  coppice_message made = {0};
  coppice_writer out;
  messages->write_begin(32, &out);
  coppice_write_tuple(&out, 2);
  coppice_write_atom(&out, "reserve");
  coppice_write_integer(&out, count);
  messages->finish(&out, &made);
  return made;
}

/* {both, From, To, Count} */
static int32_t handle_start(coppice_actor* self, void* state, const coppice_step* tx,
                            const coppice_message* value) {
  (void)state;
  coppice_reader at = coppice_read_message(value);
  coppice_bytes to[2];
  int64_t count = 0;
  if (!coppice_read_tuple(&at, 4) || !coppice_read_atom_is(&at, "both") ||
      !coppice_read_binary(&at, &to[0]) || !coppice_read_binary(&at, &to[1]) ||
      !coppice_read_integer(&at, &count)) {
    coppice_message why = word("bad_value");
    return sagas->failed(self, tx, &why);
  }
  for (int i = 0; i < 2; ++i) {
    coppice_message what = reserve(count);
    const coppice_next_step next = {.size = sizeof next, .to = to[i], .value_take = &what};
    const int32_t status = sagas->add_step(self, tx, &next);
    if (status != COPPICE_OK) return status;
  }
  return sagas->steps(self, tx);
}

static int read_count(const coppice_message* value, int64_t* count) {
  coppice_reader at = coppice_read_message(value);
  return coppice_read_tuple(&at, 2) && coppice_read_atom_is(&at, "reserve") &&
         coppice_read_integer(&at, count);
}

/* handle_do and handle_undo run at least once for a key, so each acts on a key only the first time. */
static int32_t handle_do(coppice_actor* self, void* state, const coppice_step* step,
                         const coppice_message* value) {
  struct place* const it = state;
  int64_t count = 0;
  const int known = *find(it, step->key) != NULL;
  if (!read_count(value, &count) || (!known && count > it->has)) {
    coppice_message why = word("too_few");
    return sagas->failed(self, step, &why);
  }
  if (!known) {
    const int32_t status = remember(it, step->key);
    if (status != COPPICE_OK) return status;
    it->has -= count;
  }
  coppice_message left = integer(it->has);
  return sagas->done(self, step, &left);
}

static int32_t handle_undo(coppice_actor* self, void* state, const coppice_step* step,
                           const coppice_message* value) {
  struct place* const it = state;
  struct done** const where = find(it, step->key);
  struct done* const known = *where;
  int64_t count = 0;
  if (known && read_count(value, &count)) {
    *where = known->next;
    free(known);
    it->has += count;
  }
  return sagas->done(self, step, NULL);
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  struct place* const it = state;
  coppice_reader at = coppice_read_message(request);
  if (!coppice_read_atom_is(&at, "get")) return COPPICE_UNHANDLED;
  coppice_message answer = integer(it->has);
  return calls->reply(self, from, &answer);
}

/* {Has, [Key]} */
static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct place* const it = state;
  uint32_t count = 0;
  for (const struct done* one = it->done; one; one = one->next) ++count;
  coppice_write_tuple(out, 2);
  coppice_write_integer(out, it->has);
  if (count > 0) coppice_write_list(out, count);
  for (const struct done* one = it->done; one; one = one->next)
    coppice_write_binary(out, one->key, one->size);
  coppice_write_nil(out);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct place* const it = state;
  coppice_reader at = coppice_read_message(saved);
  uint32_t count = 0;
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  if (!coppice_read_tuple(&at, 2) || !coppice_read_integer(&at, &it->has) || !coppice_read_list(&at, &count))
    return COPPICE_E_TERM;
  for (uint32_t i = 0; i < count; ++i) {
    coppice_bytes key;
    if (!coppice_read_binary(&at, &key)) return COPPICE_E_TERM;
    const int32_t status = remember(it, key);
    if (status != COPPICE_OK) return status;
  }
  return COPPICE_OK;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .init = init,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_saga saga = {
    .size = sizeof saga, .handle_start = handle_start, .handle_do = handle_do, .handle_undo = handle_undo};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle},
                                       {COPPICE_SAGA_DRAFT_2, &saga},
                                       {COPPICE_SERVER_1, &server},
                                       {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_saga",
                                        .behaviour = "saga",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_saga", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
