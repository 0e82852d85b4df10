/* SPDX-License-Identifier: MIT
 * slices: the actor of a connection in plain C. It sends received frames back uncopied. */
#include <coppice/draft/stream.h>
#include <coppice/lifecycle.h>
#include <coppice/plugin.h>

COPPICE_NOTE(
    "{\"coppice\":1,\"id\":\"slices\",\"version\":\"1.0.0\",\"abi\":[1,0],"
    "\"actors\":[{\"name\":\"slices\",\"behaviour\":\"tcp\","
    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.stream/draft-2\"]}]}");

static const coppice_stream_api* streams;

static int32_t start(const coppice_host* host, coppice_error* error) {
  (void)error;
  streams = host->get_interface(host, COPPICE_STREAM_HOST_DRAFT_2);
  return streams ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
}

static int32_t on_frame(coppice_actor* self, void* state, uint64_t connection, const coppice_slice* frame) {
  (void)state;
  return streams->write_slice(self, connection, frame); /* uncopied */
}

static const coppice_lifecycle lifecycle = {.size = sizeof lifecycle};
static const coppice_stream on = {.size = sizeof on, .on_frame = on_frame};
static const coppice_table tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_STREAM_DRAFT_2, &on}, {NULL, NULL}};
static const coppice_actor_type type = {
    .size = sizeof type, .name = "slices", .behaviour = "tcp", .tables = tables};
static const coppice_actor_type* const types[] = {&type};
const coppice_descriptor coppice_plugin = {COPPICE_DESCRIPTOR_HEAD, .id = "slices",  .version = "1.0.0",
                                           .actor_count = 1,        .actors = types, .init = start};
