/* SPDX-License-Identifier: MIT
 * "coppice.server/1": callbacks for what arrives at an actor, as in OTP's gen_server. The behaviour
 * "server" needs this table beside coppice.lifecycle/1; coppice/detail/behaviours.h says which other
 * behaviours allow it. The host runs the protocol (calls, casts, system messages, links, supervision). A NULL
 * entry means the default stated beside it. All are [actor]; messages and bytes are borrowed. */
#ifndef COPPICE_SERVER_H
#define COPPICE_SERVER_H

#include <coppice/actor.h>
#include <coppice/call.h>
#include <coppice/lifecycle.h>
#include <coppice/message.h>
#include <coppice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_SERVER_1 "coppice.server/1"

typedef struct coppice_server {
  uint32_t size;
  uint32_t reserved;

  /* A request of gen_server:call. Reply with coppice.call/1's reply, now or later; to reply after returning,
   * keep a copy of `from`. Default, and for COPPICE_UNHANDLED: the actor stops with {bad_call, Request},
   * unless `unhandled` in the note or in the child's configuration says otherwise. A text given to set_error
   * says what was wrong with the request. */
  int32_t (*handle_call)(coppice_actor* self, void* state, const coppice_message* request,
                         coppice_bytes from);
  /* A term of gen_server:cast. Default, and for COPPICE_UNHANDLED: as in handle_call, with {bad_cast,
   * Term}. */
  int32_t (*handle_cast)(coppice_actor* self, void* state, const coppice_message* term);
  /* Every other message: plain messages, 'DOWN', timers, and 'EXIT' while trapping exits, except the parent's
   * 'EXIT', which stops the server. Default, and for COPPICE_UNHANDLED: logged and dropped. */
  int32_t (*handle_info)(coppice_actor* self, void* state, const coppice_message* term);
  /* The end of a request: `status` and `answer` as in coppice.call/1's call. Default: dropped. */
  int32_t (*on_response)(coppice_actor* self, void* state, uint64_t id, uint64_t tag, int32_t status,
                         const coppice_message* answer);
} coppice_server;
#define COPPICE_SERVER_LEAST COPPICE_SIZE_THROUGH(coppice_server, on_response)

#ifdef __cplusplus
}
#endif
#endif
