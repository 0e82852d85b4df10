/* SPDX-License-Identifier: MIT
 * my_udp: an actor with UDP sockets. Each datagram is answered with its bytes; the call `get` with their
 * number. */
#include <coppice/draft/udp.h>
#include <coppice/server.h>
#include <coppice/term.h>
#include <stdlib.h>

/* The schema of the `args` of a child of this type: `coppice check` holds a configuration against it. */
#define SCHEMA "{\"type\":\"object\",\"additionalProperties\":false}"
/* The version of save_state's state. Raise it when its form changes, and let restore_state read both. */
#define STATE_VERSION 1u

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"my_udp\",\"version\":\"0.1.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"my_udp\",\"behaviour\":\"udp\",\"state_version\":1,"
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.udp/draft-2\",\"coppice.server/1\"],"
    "\"args_schema\":" SCHEMA "}]}");

static const coppice_message_api* messages;
static const coppice_call_api* calls;
static const coppice_udp_api* sockets;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  sockets = host->get_interface(host, COPPICE_UDP_HOST_DRAFT_2);
  return messages && calls && sockets ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

struct echo {
  int64_t count;
};

static int32_t create(coppice_actor* self, void** out_state) {
  (void)self;
  *out_state = calloc(1, sizeof(struct echo));
  return *out_state ? COPPICE_OK : COPPICE_E_MEMORY;
}

static void destroy(void* state) {
  free(state);
}

static int32_t on_datagrams(coppice_actor* self, void* state, const coppice_udp_datagram* all,
                            uint64_t count) {
  struct echo* const it = state;
  it->count += (int64_t)count;
  for (uint64_t i = 0; i < count; ++i) {
    coppice_udp_datagram answer = all[i]; /* to its peer, from the address that it came to */
    uint64_t sent;
    sockets->send(self, &answer, 1, &sent); /* an answer without room is lost, as datagrams are */
  }
  return COPPICE_OK;
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  coppice_reader at = coppice_read_message(request);
  if (!coppice_read_atom_is(&at, "get")) return COPPICE_UNHANDLED;
  coppice_writer out;
  coppice_message reply;
  messages->write_begin(16, &out);
  coppice_write_integer(&out, ((const struct echo*)state)->count);
  const int32_t status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? calls->reply(self, from, &reply) : status;
}

static int32_t save_state(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out) {
  (void)self, (void)version;
  coppice_write_integer(out, ((const struct echo*)state)->count);
  return COPPICE_OK;
}

static int32_t restore_state(coppice_actor* self, void* state, uint32_t version,
                             const coppice_message* saved) {
  (void)self;
  struct echo* const it = state;
  coppice_reader at = coppice_read_message(saved);
  if (version != STATE_VERSION) return COPPICE_E_VERSION;
  return coppice_read_integer(&at, &it->count) ? COPPICE_OK : COPPICE_E_TERM;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle,
                                            .create = create,
                                            .save_state = save_state,
                                            .restore_state = restore_state,
                                            .destroy = destroy};
static const coppice_udp datagrams = {.size = sizeof datagrams, .on_datagrams = on_datagrams};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle},
                                       {COPPICE_UDP_DRAFT_2, &datagrams},
                                       {COPPICE_SERVER_1, &server},
                                       {NULL, NULL}};
static const coppice_actor_type type = {.size = sizeof type,
                                        .state_version = STATE_VERSION,
                                        .name = "my_udp",
                                        .behaviour = "udp",
                                        .tables = tables,
                                        .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&type};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "my_udp",  .version = "0.1.0",
                                           .actor_count = 1,        .actors = types, .init = start};
