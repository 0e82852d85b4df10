/* SPDX-License-Identifier: MIT
 * forger: a server that passes bytes off as terms. A call {How, Dest, Binary} gives the binary's bytes to the
 * host as the term to send, cast, ask, exit, end or answer with, and returns the host's status. */
#include <coppice/server.h>
#include <coppice/term.h>

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"forger\",\"version\":\"1.0.0\",\"abi\":[1,0],"
    "\"actors\":[{\"name\":\"forger\",\"behaviour\":\"server\","
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"]}]}");

static const coppice_message_api* messages;
static const coppice_actor_api* actors;
static const coppice_call_api* calls;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  actors = host->get_interface(host, COPPICE_ACTOR_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  return messages && actors && calls ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

static int32_t answer(coppice_actor* self, coppice_bytes from, int32_t status) {
  coppice_writer out;
  coppice_message m;
  messages->write_begin(0, &out);
  coppice_write_integer(&out, status);
  messages->finish(&out, &m);
  return calls->reply(self, from, &m);
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  coppice_reader at = coppice_read_message(request);
  coppice_bytes how, dest, bytes;
  coppice_message m, out = {0, 0, 0};
  uint64_t id;
  int32_t status = COPPICE_E_INVALID;
  (void)state;
  if (!coppice_read_tuple(&at, 3) || !coppice_read_atom(&at, &how) || !coppice_read_term(&at, &dest) ||
      !coppice_read_binary(&at, &bytes))
    return COPPICE_UNHANDLED;
  /* A part of the request as a separate message, whose bytes nothing in the node checks. */
  m.data = bytes.data, m.size = bytes.size, m.owner = request->owner;
  switch (how.data[0]) {
    case 's': /* send */
      status = actors->send(self, dest, &m, 0);
      break;
    case 'c': /* cast */
      status = calls->cast(self, dest, &m, 0);
      break;
    case 'a': /* ask */
      status = calls->call(self, dest, &m, COPPICE_FOREVER, &out);
      break;
    case 'r': /* request */
      status = calls->request(self, dest, &m, 0, 0, &id);
      break;
    case 'e': /* exit */
      status = actors->exit(self, dest, bytes, 0);
      break;
    case 'o': /* outright: like a server that returns without checking the status */
      return calls->reply(self, from, &m);
    case 'b': /* back */
      status = calls->reply(self, from, &m);
      if (status == COPPICE_OK) return status;
      break;
    case 'd': /* die */
      actors->set_reason(self, bytes);
      return COPPICE_STOP;
  }
  messages->release(&out);
  return answer(self, from, status);
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};
static const coppice_actor_type type = {
    .size = sizeof type, .name = "forger", .behaviour = "server", .tables = tables};
static const coppice_actor_type* const types[] = {&type};
const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "forger",  .version = "1.0.0",
                                           .actor_count = 1,        .actors = types, .init = start};
