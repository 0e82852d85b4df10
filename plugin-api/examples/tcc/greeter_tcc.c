/* SPDX-License-Identifier: MIT
 * greeter for the small compiler tcc: the same call {hello, Name} -> {ok, <<"hello, NAME">>} as
 * plugins/greeter. The headers are plain C11. Only the ELF note is not for tcc, which cannot mark a section
 * as one, so it is assembled from note.s. Build:
 *
 *   tcc -c $(pkg-config --cflags coppice-plugin) greeter_tcc.c -o greeter_tcc.o
 *   as note.s -o note.o
 *   gcc -shared greeter_tcc.o note.o -o greeter_tcc.so $(pkg-config --libs coppice-plugin)
 */
#include <coppice/server.h>
#include <coppice/term.h>

static const coppice_message_api* messages;
static const coppice_call_api* calls;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  messages = host->get_interface(host, COPPICE_MESSAGE_1);
  calls = host->get_interface(host, COPPICE_CALL_1);
  return messages && calls ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

static int read_text(coppice_reader* at, coppice_bytes* text) {
  return coppice_read_binary(at, text) || coppice_read_string(at, text) || coppice_read_atom(at, text);
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  coppice_reader at = coppice_read_message(request);
  coppice_bytes name;
  coppice_writer out;
  coppice_message reply;
  int32_t status;
  (void)state;
  if (!coppice_read_tuple(&at, 2) || !coppice_read_atom_is(&at, "hello") || !read_text(&at, &name))
    return COPPICE_UNHANDLED;
  messages->write_begin(name.size + 32, &out);
  coppice_write_tuple(&out, 2);
  coppice_write_atom(&out, "ok");
  coppice_write_binary_head(&out, name.size + 7);
  coppice_write_part(&out, "hello, ", 7);
  coppice_write_part(&out, name.data, name.size);
  status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? calls->reply(self, from, &reply) : status;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};
static const coppice_actor_type greeter = {
    .size = sizeof greeter, .name = "greeter_tcc", .behaviour = "server", .tables = tables};
static const coppice_actor_type* const types[] = {&greeter};
const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "greeter_tcc", .version = "1.0.0",
                                           .actor_count = 1,        .actors = types,     .init = start};
