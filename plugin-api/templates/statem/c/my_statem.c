/* SPDX-License-Identifier: MIT
 * my_statem: a state machine, a lamp. The cast `push` switches it on or off; it goes off by itself after
 * args.lit. The call `get` is answered with {State, Times switched on}. */
#include <coppice/actor.h>
#include <coppice/draft/statem.h>
#include <coppice/lifecycle.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                    \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"lit\":{" \
  "\"type\":\"integer\",\"format\":\"duration\",\"minimum\":1,"                   \
  "\"description\":\"how long it stays on; 10s without it\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_statem\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_statem\",\"behaviour\":\"statem\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.statem/draft-2\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_actor_api* actors;
static const coppice_statem_api* machine;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  actors = host->get_interface(host, COPPICE_ACTOR_1);
  machine = host->get_interface(host, COPPICE_STATEM_HOST_DRAFT_2);
  return messages && actors && machine ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct lamp {
  int64_t lit; /* ms */
  int64_t times;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct lamp));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

/* Called after a reload too: args come from the configuration again. */
static int32_t configure(coppice_actor* self, struct lamp* it) {
  coppice_bytes value;
  it->lit = 10000;
  if (!coppice_map_get(actors->args_borrowed(self), "lit", &value)) return COPPICE_OK;
  coppice_reader at = coppice_read(value);
  return coppice_read_integer(&at, &it->lit) ? COPPICE_OK : COPPICE_E_INVALID;
}

static int32_t init(coppice_actor* self, void* state, const coppice_message* args) {
  (void)args;
  const int32_t status = configure(self, state);
  return status == COPPICE_OK ? machine->next_state_atom(self, "off") : status;
}

static int is_on(const coppice_statem_event* event) {
  coppice_reader at = coppice_read(event->state);
  return coppice_read_atom_is(&at, "on");
}

static int32_t answer(coppice_actor* self, const struct lamp* it, const coppice_statem_event* event) {
  coppice_writer out;
  coppice_message reply;
  messages->write_begin(32, &out);
  coppice_write_tuple(&out, 2);
  coppice_write_atom(&out, is_on(event) ? "on" : "off");
  coppice_write_integer(&out, it->times);
  const int32_t status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? machine->reply(self, event->from, &reply) : status;
}

static int32_t handle_event(coppice_actor* self, void* data, const coppice_statem_event* event) {
  coppice_reader at = coppice_read_message(&event->content);
  switch (event->type) {
    case COPPICE_STATEM_EVENT_CAST:
      if (!coppice_read_atom_is(&at, "push")) return COPPICE_UNHANDLED;
      return machine->next_state_atom(self, is_on(event) ? "off" : "on");
    case COPPICE_STATEM_EVENT_CALL:
      return coppice_read_atom_is(&at, "get") ? answer(self, data, event) : COPPICE_UNHANDLED;
    case COPPICE_STATEM_EVENT_STATE_TIMEOUT:
      return machine->next_state_atom(self, "off");
    default:
      return COPPICE_UNHANDLED;
  }
}

static int32_t enter(coppice_actor* self, void* data, const coppice_statem_event* event) {
  struct lamp* const it = data;
  if (!is_on(event)) return COPPICE_OK;
  ++it->times;
  const coppice_statem_timeout off = {
      .size = sizeof off, .type = COPPICE_STATEM_EVENT_STATE_TIMEOUT, .time = it->lit * 1000000};
  coppice_writer out;
  coppice_message content;
  messages->write_begin(16, &out);
  coppice_write_atom(&out, "off");
  const int32_t status = messages->finish(&out, &content);
  return status == COPPICE_OK ? machine->set_timeout(self, &off, &content) : status;
}

/* The node keeps the machine's state and its time-outs. */
static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  coppice_write_integer(out, ((const struct lamp*)state)->times);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  struct lamp* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  return coppice_read_integer(&at, &it->times) ? configure(self, it) : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .init = init,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_statem statem = {.size = sizeof statem, .handle_event = handle_event, .enter = enter};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_STATEM_DRAFT_2, &statem}, {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_statem",
                                        .behaviour = "statem",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_statem", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types,   .init = start};
