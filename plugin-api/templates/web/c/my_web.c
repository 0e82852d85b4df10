/* SPDX-License-Identifier: MIT
 * my_web: an actor that a route "/hello/{name}" of a web server leads to. GET is answered with args.greeting
 * and the name; the call `get` with the number of greetings. */
#include <coppice/actor.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                         \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"greeting\":{" \
  "\"type\":\"string\",\"maxLength\":1000,\"description\":\"before the name; hello without it\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_web\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_web\",\"behaviour\":\"server\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"],"
    "\"takes\":[\"web\",\"calls\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_actor_api* actors;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  actors = host->get_interface(host, COPPICE_ACTOR_1);
  return messages && calls && actors ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct site {
  int64_t times;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct site));
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

/* The text under an atom of a map; `without` if there is none. */
static coppice_bytes text_in(coppice_bytes map, const char* key, const char* without) {
  coppice_bytes value, text;
  if (!coppice_map_get(map, key, &value)) return coppice_text(without);
  coppice_reader at = coppice_read(value);
  return coppice_read_binary(&at, &text) ? text : coppice_text(without);
}

/* params: a map of the names in the braces of the route. Its keys are binaries. */
static coppice_bytes parameter(coppice_bytes request, const char* name) {
  coppice_bytes params, key, text;
  uint32_t pairs;
  if (!coppice_map_get(request, "params", &params)) return coppice_text("");
  coppice_reader at = coppice_read(params);
  if (!coppice_read_map(&at, &pairs)) return coppice_text("");
  for (; pairs != 0; --pairs) {
    if (!coppice_read_binary(&at, &key) || !coppice_read_binary(&at, &text)) break;
    if (coppice_same(key, coppice_text(name))) return text;
  }
  return coppice_text("");
}

/* {http, Request} is answered with {Status, Headers, Body}. */
static int32_t handle_request(coppice_actor* self, struct site* it, coppice_bytes request,
                              coppice_bytes from) {
  const coppice_bytes method = text_in(request, "method", "");
  const int allowed = coppice_same(method, coppice_text("GET")) || coppice_same(method, coppice_text("HEAD"));
  const coppice_bytes greeting = text_in(actors->args_borrowed(self), "greeting", "hello");
  const coppice_bytes name = parameter(request, "name");
  coppice_writer out;
  messages->write_begin(128 + greeting.size + name.size, &out);
  coppice_write_tuple(&out, 3);
  coppice_write_integer(&out, allowed ? 200 : 405);
  coppice_write_list(&out, 1);
  coppice_write_tuple(&out, 2);
  coppice_write_binary(&out, "content-type", 12);
  coppice_write_binary(&out, "text/plain; charset=utf-8", 25);
  coppice_write_nil(&out);
  coppice_write_binary_head(&out, allowed ? greeting.size + 2 + name.size + 1 : 0);
  if (allowed) {
    ++it->times;
    coppice_write_part(&out, greeting.data, greeting.size);
    coppice_write_part(&out, ", ", 2);
    coppice_write_part(&out, name.data, name.size);
    coppice_write_part(&out, "\n", 1);
  }
  return reply(self, from, &out);
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  struct site* const it = state;
  coppice_reader at = coppice_read_message(request);
  coppice_bytes asked;
  coppice_writer out;
  if (coppice_read_tuple(&at, 2) && coppice_read_atom_is(&at, "http") && coppice_read_term(&at, &asked))
    return handle_request(self, it, asked, from);
  at = coppice_read_message(request);
  if (!coppice_read_atom_is(&at, "get")) return COPPICE_UNHANDLED;
  messages->write_begin(16, &out);
  coppice_write_integer(&out, it->times);
  return reply(self, from, &out);
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  coppice_write_integer(out, ((const struct site*)state)->times);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct site* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  return coppice_read_integer(&at, &it->times) ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_web",
                                        .behaviour = "server",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_web",  .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
