/* SPDX-License-Identifier: MIT
 * A fan-out in C: the cast {publish, [Pid], Term} sends the term to each pid. Other casts are not handled.
 */
#include <coppice/server.h>
#include <coppice/term.h>

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"fanout_c\",\"version\":\"1.0.0\",\"abi\":[1,0],"
    "\"actors\":[{\"name\":\"fanout_c\",\"behaviour\":\"server\","
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"]}]}");

static const coppice_message_api* messages;
static const coppice_actor_api* actors;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  actors = host->get_interface(host, COPPICE_ACTOR_1);
  return messages && actors ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}
static int32_t handle_cast(coppice_actor* self, void* state, const coppice_message* term) {
  (void)state;
  coppice_reader at = coppice_read_message(term), whom;
  coppice_bytes what, pid;
  coppice_pid checked;
  uint32_t length, i;
  if (!coppice_read_tuple(&at, 3) || !coppice_read_atom_is(&at, "publish") ||
      !coppice_read_list(&at, &length))
    return COPPICE_UNHANDLED;
  whom = at;
  for (i = 0; i < length; ++i)
    if (!coppice_read_pid(&at, &checked)) return COPPICE_UNHANDLED;
  if (!coppice_read_nil(&at) || !coppice_read_term(&at, &what)) return COPPICE_UNHANDLED;
  for (i = 0; i < length; ++i) {
    coppice_message sent = {what.data, what.size, NULL};
    coppice_read_term(&whom, &pid);
    const int32_t status = actors->send(self, pid, &sent, 0);
    if (status == COPPICE_E_EXITING) return status;
  }
  return COPPICE_OK;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle};
static const coppice_server server = {.size = sizeof server, .handle_cast = handle_cast};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};
static const coppice_actor_type type = {
    .size = sizeof type, .name = "fanout_c", .behaviour = "server", .tables = tables};
static const coppice_actor_type* const types[] = {&type};
const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "fanout_c", .version = "1.0.0",
                                           .actor_count = 1,        .actors = types,  .init = start};
