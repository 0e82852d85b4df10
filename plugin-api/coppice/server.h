/* SPDX-License-Identifier: MIT
 * "coppice.server/1": the callbacks of a server, OTP's gen_server in C. The host runs the protocol (calls,
 * casts, system messages, links, supervision), the plugin answers. Callbacks of one actor never run at the
 * same time, so its state needs no lock; each may wait in host calls that park. A NULL entry means the
 * default stated beside it. All are [actor] unless marked; messages and bytes are borrowed. */
#ifndef COPPICE_SERVER_H
#define COPPICE_SERVER_H

#include <coppice/actor.h>
#include <coppice/call.h>
#include <coppice/message.h>
#include <coppice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_SERVER_1 "coppice.server/1"

typedef struct coppice_server {
  uint32_t size;
  uint32_t reserved;

  /* Makes the state and nothing else: no host call but [any] ones. Default: the state is NULL. */
  int32_t (*create)(coppice_actor* self, void** out_state);
  /* First thing the actor does; its supervisor waits for it. COPPICE_IGNORE: nothing to run. Any other
   * result than OK, CONTINUE and HIBERNATE fails the start. Not called when a state is restored.
   * Default: COPPICE_OK. */
  int32_t (*init)(coppice_actor* self, void* state, const coppice_message* args);
  /* After a callback returned COPPICE_CONTINUE, before the next message. Default: COPPICE_OK. */
  int32_t (*handle_continue)(coppice_actor* self, void* state);

  /* gen_server:call. Reply with coppice.call/1's reply, now or later; to do so after returning, copy
   * `from`. Default, and for COPPICE_UNHANDLED: stop with {bad_call, Request}. */
  int32_t (*handle_call)(coppice_actor* self, void* state, const coppice_message* request,
                         coppice_bytes from);
  /* gen_server:cast. Default, and for COPPICE_UNHANDLED: stop with {bad_cast, Term}. */
  int32_t (*handle_cast)(coppice_actor* self, void* state, const coppice_message* term);
  /* Every other message: plain ones, 'DOWN', timers, and 'EXIT' while trapping exits. The parent's 'EXIT'
   * is not among them: it stops the server. Default, and for COPPICE_UNHANDLED: logged and dropped. */
  int32_t (*handle_info)(coppice_actor* self, void* state, const coppice_message* term);
  /* The end of a request: `status` and `answer` as call has them. Default: dropped. */
  int32_t (*on_response)(coppice_actor* self, void* state, uint64_t id, uint64_t tag, int32_t status,
                         const coppice_message* answer);

  /* The configuration changed args, or the application's env, which env_borrowed has already. An error
   * refuses the whole change, and the actor is to go on as it was. Default, and for COPPICE_UNHANDLED: the
   * actor is restarted. */
  int32_t (*config_change)(coppice_actor* self, void* state, const coppice_message* old_args,
                           const coppice_message* new_args);

  /* Writes the state as one term. `version` holds the actor type's state_version; a plugin that can write
   * an older one for a downgrade sets it. May not send, spawn or start timers (COPPICE_E_CONTEXT). Default:
   * the state cannot be carried over, so a reload restarts the actor. */
  int32_t (*save_state)(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out);
  /* In the new generation, after create, instead of init. COPPICE_E_VERSION keeps the old generation.
   * Same limits as save_state. */
  int32_t (*restore_state)(coppice_actor* self, void* state, uint32_t version, const coppice_message* saved);
  /* What sys:get_state, sys:get_status and `coppice info` show, as one term. Default: save_state's term,
   * else the atom `opaque`. */
  int32_t (*format_status)(coppice_actor* self, void* state, coppice_writer* out);

  /* Before an orderly end, not when killed or hit by an exit signal it does not trap. Default: nothing. */
  void (*terminate)(coppice_actor* self, void* state, const coppice_message* reason);
  /* [any] Frees the state: always and last, once for each create that succeeded. Default: nothing. */
  void (*destroy)(void* state);
} coppice_server;

#ifdef __cplusplus
}
#endif
#endif
