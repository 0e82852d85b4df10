/* SPDX-License-Identifier: MIT
 * my_event_manager: a handler of an event manager. It keeps the last args.keep events; the call `get` is
 * answered with them, the newest first, and so is the process that removes the handler. */
#include <coppice/draft/event_handler.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

#define MOST 1000u

/* The schema of the `args` of a handler of this type: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                     \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"keep\":{" \
  "\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"                           \
  "\"description\":\"how many events are kept; 10 without it\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_event_manager\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_event_manager\",\"behaviour\":\"event_handler\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.event_handler/draft-2\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  return messages && calls ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

/* A ring: the newest event is at `newest`; the older ones follow, at the array's end from its begin on. */
struct last_events {
  int64_t keep;
  uint32_t newest, count;
  struct {
    void* data;
    uint64_t size;
  } events[MOST];
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct last_events));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  struct last_events* const it = state;
  for (uint32_t i = 0; i < MOST; ++i) free(it->events[i].data);
  free(it);
}

static int valid(int64_t keep) {
  return keep >= 1 && keep <= (int64_t)MOST;
}

static int32_t init(coppice_actor* self, void* state, const coppice_message* args) {
  (void)self;
  struct last_events* const it = state;
  coppice_bytes value;
  it->keep = 10;
  if (!coppice_map_get(coppice_bytes_of(args->data, args->size), "keep", &value)) return COPPICE_OK;
  coppice_reader at = coppice_read(value);
  return coppice_read_integer(&at, &it->keep) && valid(it->keep) ? COPPICE_OK : COPPICE_E_INVALID;
}

static int32_t add(struct last_events* it, const void* data, uint64_t size) {
  void* const copy = malloc(size);
  if (copy == NULL) return COPPICE_E_MEMORY;
  memcpy(copy, data, size);
  it->newest = (it->newest + (uint32_t)it->keep - 1) % (uint32_t)it->keep;
  free(it->events[it->newest].data);
  it->events[it->newest].data = copy;
  it->events[it->newest].size = size;
  if (it->count < (uint32_t)it->keep) ++it->count;
  return COPPICE_OK;
}

/* The `i`-th of the kept events, from the newest on. */
static coppice_bytes event_at(const struct last_events* it, uint32_t i) {
  const uint32_t at = (it->newest + i) % (uint32_t)it->keep;
  return coppice_bytes_of(it->events[at].data, it->events[at].size);
}

static void write_events(const struct last_events* it, coppice_writer* out) {
  if (it->count != 0) coppice_write_list(out, it->count);
  for (uint32_t i = 0; i < it->count; ++i) coppice_write_term(out, event_at(it, i));
  coppice_write_nil(out);
}

static int32_t handle_event(coppice_actor* self, void* state, const coppice_message* event) {
  (void)self;
  return add(state, event->data, event->size);
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  coppice_reader at = coppice_read_message(request);
  if (!coppice_read_atom_is(&at, "get")) return COPPICE_UNHANDLED;
  coppice_writer out;
  coppice_message reply;
  messages->write_begin(64, &out);
  write_events(state, &out);
  const int32_t status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? calls->reply(self, from, &reply) : status;
}

static int32_t removed(coppice_actor* self, void* state, const coppice_message* why, coppice_writer* result) {
  (void)self, (void)why;
  write_events(state, result);
  return COPPICE_OK;
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct last_events* const it = state;
  coppice_write_tuple(out, 2);
  coppice_write_integer(out, it->keep);
  coppice_write_tuple(out, it->count);
  for (uint32_t i = 0; i < it->count; ++i) coppice_write_term(out, event_at(it, i));
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct last_events* const it = state;
  coppice_reader at = coppice_read_message(saved);
  coppice_bytes events[MOST];
  uint32_t count;
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  if (!coppice_read_tuple(&at, 2) || !coppice_read_integer(&at, &it->keep) || !valid(it->keep) ||
      !coppice_read_tuple_head(&at, &count) || count > (uint64_t)it->keep)
    return COPPICE_E_TERM;
  for (uint32_t i = 0; i < count; ++i)
    if (!coppice_read_term(&at, &events[i])) return COPPICE_E_TERM;
  for (uint32_t i = count; i != 0; --i) {
    const int32_t status = add(it, events[i - 1].data, events[i - 1].size);
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
static const coppice_event_handler handler = {
    .size = sizeof handler, .handle_event = handle_event, .handle_call = handle_call, .removed = removed};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_EVENT_HANDLER_DRAFT_2, &handler}, {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_event_manager",
                                        .behaviour = "event_handler",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_event_manager",
                                           .version = "0.1.0",      .actor_count = 1,
                                           .actors = types,         .init = start};
