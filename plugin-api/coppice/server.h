/* SPDX-License-Identifier: MIT
 * "coppice.server/1": what arrives at an actor, as OTP's gen_server has it. The behaviour "server" needs this
 * table beside coppice.lifecycle/1; others say in coppice/behaviours.h whether they take it. The host runs
 * the protocol (calls, casts, system messages, links, supervision), the plugin answers. A NULL entry means
 * the default stated beside it. All are [actor]; messages and bytes are borrowed. */
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

  /* gen_server:call. Reply with coppice.call/1's reply, now or later; to do so after returning, copy
   * `from`. Default, and for COPPICE_UNHANDLED: stop with {bad_call, Request}, unless the note or the child's
   * configuration says `unhandled`; a text given to set_error then says what was wrong with the request. */
  int32_t (*handle_call)(coppice_actor* self, void* state, const coppice_message* request,
                         coppice_bytes from);
  /* gen_server:cast. Default, and for COPPICE_UNHANDLED: stop with {bad_cast, Term}, likewise. */
  int32_t (*handle_cast)(coppice_actor* self, void* state, const coppice_message* term);
  /* Every other message: plain ones, 'DOWN', timers, and 'EXIT' while trapping exits. The parent's 'EXIT'
   * is not among them: it stops the server. Default, and for COPPICE_UNHANDLED: logged and dropped. */
  int32_t (*handle_info)(coppice_actor* self, void* state, const coppice_message* term);
  /* The end of a request: `status` and `answer` as call has them. Default: dropped. */
  int32_t (*on_response)(coppice_actor* self, void* state, uint64_t id, uint64_t tag, int32_t status,
                         const coppice_message* answer);
} coppice_server;
#define COPPICE_SERVER_LEAST COPPICE_SIZE_THROUGH(coppice_server, on_response)

#ifdef __cplusplus
}
#endif
#endif
