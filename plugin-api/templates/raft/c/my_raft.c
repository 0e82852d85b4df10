/* SPDX-License-Identifier: MIT
 * my_raft: a replicated state machine. The command {add, N} adds N, from 1 on, to a sum that is the same in
 * all members of the group, and is answered with it. The query `sum` is answered with the sum. */
#include <coppice/actor.h>
#include <coppice/draft/raft.h>
#include <coppice/lifecycle.h>
#include <coppice/term.h>
#include <stdlib.h>

/* Raise it when the state or what apply does changes: add `save` and .older_versions = 1 to the table, and
 * let restore_state read both versions and apply follow at->version. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_raft\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_raft\",\"behaviour\":\"raft\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.raft/draft-3\"]}]}");

static const coppice_message_api* messages;
static const coppice_actor_api* actors;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  actors = host->get_interface(host, COPPICE_ACTOR_1);
  return messages && actors ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct counter {
  int64_t sum;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct counter));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

/* Discards the command; its caller gets the reason. */
static int32_t refuse(coppice_actor* self, const char* why) {
  coppice_message reason;
  coppice_writer out;
  messages->write_begin(32, &out);
  coppice_write_atom(&out, why);
  if (messages->finish(&out, &reason) == COPPICE_OK) {
    actors->set_reason(self, coppice_bytes_of(reason.data, reason.size));
    messages->release(&reason);
  }
  return COPPICE_DISCARD;
}

/* COPPICE_OK and the amount of {add, N}, or the status of a refusal. */
static int32_t read_add(coppice_actor* self, const coppice_message* command, int64_t* amount) {
  coppice_reader at = coppice_read_message(command);
  if (!coppice_read_tuple(&at, 2) || !coppice_read_atom_is(&at, "add") || !coppice_read_integer(&at, amount))
    return COPPICE_UNHANDLED;
  return *amount < 1 ? refuse(self, "bad_amount") : COPPICE_OK;
}

/* Runs at the leader, before the command is in the log. The sum may be older than apply's. */
static int32_t validate(coppice_actor* self, void* state, const coppice_message* command) {
  (void)state;
  int64_t amount;
  return read_add(self, command, &amount);
}

/* Runs in all members. A discarded command must not have changed anything. */
static int32_t apply(coppice_actor* self, void* state, const coppice_entry* at,
                     const coppice_message* command, coppice_writer* reply) {
  (void)at;
  struct counter* const it = state;
  int64_t amount, sum;
  const int32_t status = read_add(self, command, &amount);
  if (status != COPPICE_OK) return status;
  if (__builtin_add_overflow(it->sum, amount, &sum)) return refuse(self, "too_much");
  it->sum = sum;
  coppice_write_integer(reply, sum);
  return COPPICE_OK;
}

static int32_t handle_query(coppice_actor* self, void* state, const coppice_message* query,
                            coppice_writer* reply) {
  (void)self;
  const struct counter* const it = state;
  coppice_reader at = coppice_read_message(query);
  if (!coppice_read_atom_is(&at, "sum")) return COPPICE_UNHANDLED;
  coppice_write_integer(reply, it->sum);
  return COPPICE_OK;
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct counter* const it = state;
  coppice_write_integer(out, it->sum);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct counter* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  return coppice_read_integer(&at, &it->sum) ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_raft raft = {
    .size = sizeof raft, .validate = validate, .apply = apply, .handle_query = handle_query};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_RAFT_DRAFT_3, &raft}, {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_raft",
                                        .behaviour = "raft",
                                        .tables = tables};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_raft", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
