/* SPDX-License-Identifier: MIT
 * my_port: an actor with a program. {line, Text} writes a line to it and is answered with the next line that
 * the program writes, in the order in which callers came. */
#include <coppice/draft/stream.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CALLERS 1000u

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA "{\"type\":\"object\",\"additionalProperties\":false}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_port\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_port\",\"behaviour\":\"tcp\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.stream/draft-2\",\"coppice.server/1\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_stream_api* streams;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  streams = host->get_interface(host, COPPICE_STREAM_HOST_DRAFT_2);
  return messages && calls && streams ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct caller {
  void* from; /* a copy */
  uint64_t size;
};
/* A ring: the first waiting caller is at `first`; the others follow, at the array's end from its begin on. */
struct filter {
  uint64_t program; /* the program's stream */
  uint32_t first, count;
  struct caller callers[MOST_CALLERS];
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct filter));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static int add_caller(struct filter* it, coppice_bytes from) {
  struct caller* const place = &it->callers[(it->first + it->count) % MOST_CALLERS];
  if (it->count == MOST_CALLERS || (place->from = malloc(from.size)) == NULL) return 0;
  memcpy(place->from, from.data, from.size);
  place->size = from.size;
  ++it->count;
  return 1;
}

static struct caller take_caller(struct filter* it) {
  const struct caller taken = it->callers[it->first];
  it->first = (it->first + 1) % MOST_CALLERS;
  --it->count;
  return taken;
}

static void destroy(void* state) {
  struct filter* const it = state;
  while (it->count != 0) free(take_caller(it).from);
  free(it);
}

static int32_t reply(coppice_actor* self, coppice_bytes from, coppice_writer* out) {
  coppice_message answer;
  const int32_t status = messages->finish(out, &answer);
  return status == COPPICE_OK ? calls->reply(self, from, &answer) : status;
}

static int32_t refuse(coppice_actor* self, coppice_bytes from, const char* why) {
  coppice_writer out;
  messages->write_begin(64, &out);
  coppice_write_tuple(&out, 2);
  coppice_write_atom(&out, "error");
  coppice_write_atom(&out, why);
  return reply(self, from, &out);
}

static int32_t on_connect(coppice_actor* self, void* state, uint64_t stream,
                          const coppice_stream_info* info) {
  (void)self, (void)info;
  ((struct filter*)state)->program = stream;
  return COPPICE_OK;
}

/* Refuses two lines, which would get two answers, and any line while the program does not read. */
static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  struct filter* const it = state;
  coppice_reader at = coppice_read_message(request);
  coppice_bytes text;
  if (!coppice_read_tuple(&at, 2) || !coppice_read_atom_is(&at, "line") || !coppice_read_binary(&at, &text))
    return COPPICE_UNHANDLED;
  if (memchr(text.data, '\n', text.size) != NULL) return refuse(self, from, "badarg");
  char* const line = malloc(text.size + 1);
  if (line == NULL) return COPPICE_E_MEMORY;
  memcpy(line, text.data, text.size);
  line[text.size] = '\n';
  const int has_room = it->count < MOST_CALLERS &&
                       streams->write(self, it->program, coppice_bytes_of(line, text.size + 1)) == COPPICE_OK;
  free(line);
  if (!has_room) return refuse(self, from, "overloaded");
  return add_caller(it, from) ? COPPICE_OK : COPPICE_E_MEMORY;
}

static int32_t on_frame(coppice_actor* self, void* state, uint64_t stream, const coppice_slice* line) {
  (void)stream;
  struct filter* const it = state;
  if (it->count == 0) return COPPICE_OK; /* a line that no call has asked for */
  const struct caller caller = take_caller(it);
  coppice_writer out;
  messages->write_begin(16 + line->size, &out);
  coppice_write_binary(&out, line->data, line->size);
  const int32_t status = reply(self, coppice_bytes_of(caller.from, caller.size), &out);
  free(caller.from);
  return status;
}

/* The program has ended, so this actor ends too. */
static int32_t on_close(coppice_actor* self, void* state, uint64_t stream, uint32_t how, coppice_bytes why) {
  (void)stream, (void)how, (void)why;
  struct filter* const it = state;
  while (it->count != 0) {
    const struct caller caller = take_caller(it);
    refuse(self, coppice_bytes_of(caller.from, caller.size), "ended");
    free(caller.from);
  }
  return COPPICE_OK;
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct filter* const it = state;
  coppice_write_tuple(out, it->count + 1);
  coppice_write_integer(out, (int64_t)it->program);
  for (uint32_t i = 0; i < it->count; ++i) {
    const struct caller* const each = &it->callers[(it->first + i) % MOST_CALLERS];
    coppice_write_term(out, coppice_bytes_of(each->from, each->size));
  }
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct filter* const it = state;
  coppice_reader at = coppice_read_message(saved);
  coppice_bytes from;
  uint32_t count;
  int64_t program;
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  if (!coppice_read_tuple_head(&at, &count) || count == 0 || !coppice_read_integer(&at, &program))
    return COPPICE_E_TERM;
  it->program = (uint64_t)program;
  while (--count != 0)
    if (!coppice_read_term(&at, &from) || !add_caller(it, from)) return COPPICE_E_TERM;
  return COPPICE_OK;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_stream stream = {
    .size = sizeof stream, .on_connect = on_connect, .on_frame = on_frame, .on_close = on_close};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle},
                                       {COPPICE_STREAM_DRAFT_2, &stream},
                                       {COPPICE_SERVER_1, &server},
                                       {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_port",
                                        .behaviour = "tcp",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_port", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
