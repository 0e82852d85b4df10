/* SPDX-License-Identifier: MIT
 * greeter: a server in plain C. A call {hello, Name} is answered with {ok, <<"hello, NAME">>}; the word is
 * args.greeting, else the application's env.greeting, else "hello". It has no state. */
#include <coppice/server.h>
#include <coppice/term.h>

#define SCHEMA                                                                         \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"greeting\":{" \
  "\"type\":\"string\",\"maxLength\":1000,\"description\":\"the word before the name\"}}}"

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"greeter\",\"version\":\"1.0.0\",\"abi\":[1,0],\"actors\":["
    "{\"name\":\"greeter\",\"behaviour\":\"server\","
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/"
    "1\"],\"unhandled\":\"reply_error\",\"takes\":[\"calls\"],"
    "\"args_schema\":" SCHEMA "}]}");

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

/* The text of a binary, a string or an atom. */
static int read_text(coppice_reader* at, coppice_bytes* text) {
  return coppice_read_binary(at, text) || coppice_read_string(at, text) || coppice_read_atom(at, text);
}

static coppice_bytes greeting_of(coppice_actor* self) {
  const coppice_bytes places[] = {actors->args_borrowed(self), actors->env_borrowed(self)};
  coppice_bytes value, text;
  for (int i = 0; i < 2; ++i) {
    if (!coppice_map_get(places[i], "greeting", &value)) continue;
    coppice_reader at = coppice_read(value);
    if (read_text(&at, &text)) return text;
  }
  return coppice_text("hello");
}

static int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                           coppice_bytes from) {
  (void)state;
  coppice_reader at = coppice_read_message(request);
  coppice_bytes name;
  if (!coppice_read_tuple(&at, 2) || !coppice_read_atom_is(&at, "hello") || !read_text(&at, &name))
    return COPPICE_UNHANDLED;

  const coppice_bytes greeting = greeting_of(self);
  const uint64_t size = greeting.size + 2 + name.size;
  coppice_writer out;
  coppice_message reply;
  messages->write_begin(size + 16, &out);
  coppice_write_tuple(&out, 2);
  coppice_write_atom(&out, "ok");
  coppice_write_binary_head(&out, size);
  coppice_write_part(&out, greeting.data, greeting.size);
  coppice_write_part(&out, ", ", 2);
  coppice_write_part(&out, name.data, name.size);
  const int32_t status = messages->finish(&out, &reply);
  return status == COPPICE_OK ? calls->reply(self, from, &reply) : status;
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle};
static const coppice_server server = {.size = sizeof server, .handle_call = handle_call};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &server}, {NULL, NULL}};

static const coppice_actor_type greeter = {.size = sizeof greeter,
                                           .name = "greeter",
                                           .behaviour = "server",
                                           .tables = tables,
                                           .args_schema = SCHEMA};
static const coppice_actor_type* const types[] = {&greeter};

const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "greeter", .version = "1.0.0",
                                           .actor_count = 1,        .actors = types, .init = start};
