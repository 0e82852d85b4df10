/* SPDX-License-Identifier: MIT
 * my_router: a router. {store, Thing} goes to the route args.to; without args.to it is stored here, and
 * answered with the number of things. The call `get` is answered with {Routed, Stored}. */
#include <coppice/actor.h>
#include <coppice/draft/router.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA                                                                   \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"to\":{" \
  "\"type\":\"string\",\"minLength\":1,"                                         \
  "\"description\":\"the route for things; none: they are stored here\"}}}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_router\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_router\",\"behaviour\":\"router\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.router/draft-2\",\"coppice.server/1\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_actor_api* actors;
static const coppice_router_api* routes;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  actors = host->get_interface(host, COPPICE_ACTOR_1);
  routes = host->get_interface(host, COPPICE_ROUTER_HOST_DRAFT_2);
  return messages && calls && actors && routes ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct front {
  int64_t routed, stored;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct front));
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

/* The route of args.to; 0: there is none. */
static int route_of_args(coppice_actor* self, coppice_bytes* name) {
  coppice_bytes value;
  if (!coppice_map_get(actors->args_borrowed(self), "to", &value)) return 0;
  coppice_reader at = coppice_read(value);
  return coppice_read_binary(&at, name);
}

static int is_store(const coppice_message* request) {
  coppice_reader at = coppice_read_message(request);
  return coppice_read_tuple(&at, 2) && coppice_read_atom_is(&at, "store");
}

static int32_t route(coppice_actor* self, void* state, const coppice_routed* what) {
  struct front* const it = state;
  coppice_bytes name;
  if (!is_store(&what->content) || !route_of_args(self, &name)) return COPPICE_OK; /* handled here */
  ++it->routed;
  return routes->to_route(self, name);
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  struct front* const it = state;
  coppice_reader at = coppice_read_message(request);
  coppice_writer out;
  messages->write_begin(32, &out);
  if (is_store(request)) {
    coppice_write_integer(&out, ++it->stored);
  } else if (coppice_read_atom_is(&at, "get")) {
    coppice_write_tuple(&out, 2);
    coppice_write_integer(&out, it->routed);
    coppice_write_integer(&out, it->stored);
  } else {
    messages->discard(&out);
    return COPPICE_UNHANDLED;
  }
  return reply(self, from, &out);
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  const struct front* const it = state;
  coppice_write_tuple(out, 2);
  coppice_write_integer(out, it->routed);
  coppice_write_integer(out, it->stored);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct front* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  const int whole = coppice_read_tuple(&at, 2) && coppice_read_integer(&at, &it->routed) &&
                    coppice_read_integer(&at, &it->stored);
  return whole ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_router router = {.size = sizeof router, .route = route};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle},
                                       {COPPICE_ROUTER_DRAFT_2, &router},
                                       {COPPICE_SERVER_1, &server},
                                       {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_router",
                                        .behaviour = "router",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_router", .version = "0.1.0",
                                           .actor_count = 1,        .actors = types,   .init = start};
