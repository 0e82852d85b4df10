/* SPDX-License-Identifier: MIT
 * "coppice.lifecycle/1": how an actor begins, continues, changes and ends; every behaviour needs this table,
 * and has one more for what it is there for (coppice/server.h). Callbacks of one actor never run at the same
 * time, so its state needs no lock; each may wait in host calls that park, but for those marked [look]: they
 * only compute, and may make no host calls but those marked [look] or [any]. A NULL entry means the default
 * stated beside it. All are [actor] unless marked; messages and bytes are borrowed. */
#ifndef COPPICE_LIFECYCLE_H
#define COPPICE_LIFECYCLE_H

#include <coppice/message.h>
#include <coppice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_LIFECYCLE_1 "coppice.lifecycle/1"

typedef struct coppice_lifecycle {
  uint32_t size;
  uint32_t reserved;

  /* [look] Makes the state and nothing else: also before each restore_state, where init is not called.
   * Default: the state is NULL. */
  int32_t (*create)(coppice_actor* self, void** out_state);
  /* First thing the actor does; its supervisor waits for it. COPPICE_IGNORE: nothing to run. Any other
   * result than OK, CONTINUE and HIBERNATE fails the start. Not called when a state is restored.
   * Default: COPPICE_OK. */
  int32_t (*init)(coppice_actor* self, void* state, const coppice_message* args);
  /* After a callback returned COPPICE_CONTINUE, before the next message. Default: COPPICE_OK. */
  int32_t (*handle_continue)(coppice_actor* self, void* state);

  /* The configuration changed args, or the application's env, which env_borrowed has already. An error
   * refuses the whole change, and the actor is to go on as it was. Default, and for COPPICE_UNHANDLED: the
   * actor is restarted. */
  int32_t (*config_change)(coppice_actor* self, void* state, const coppice_message* old_args,
                           const coppice_message* new_args);

  /* [look] Writes the state as one term. `version` holds the actor type's state_version; a plugin that can
   * write an older one for a downgrade sets it. Default: the state cannot be carried over, so a reload
   * restarts the actor. */
  int32_t (*save_state)(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out);
  /* [look] In the new generation, after create, instead of init. COPPICE_E_VERSION keeps the old generation;
   * set_error says more. */
  int32_t (*restore_state)(coppice_actor* self, void* state, uint32_t version, const coppice_message* saved);
  /* After restore_state, once the new generation has taken over and before the next message: for what
   * restore_state may not do. It is answered as a message's callback is: an error is this actor's end, and no
   * longer the reload's. Default: COPPICE_OK. */
  int32_t (*after_restore)(coppice_actor* self, void* state);
  /* [look] What sys:get_state, sys:get_status and `coppice info` show, as one term. Default: save_state's
   * term, else the atom `opaque`. */
  int32_t (*format_status)(coppice_actor* self, void* state, coppice_writer* out);

  /* Before an orderly end, not when killed or hit by an exit signal it does not trap. Default: nothing. */
  void (*terminate)(coppice_actor* self, void* state, const coppice_message* reason);
  /* [any] Frees the state: always and last, once for each create that succeeded. Default: nothing. */
  void (*destroy)(void* state);
} coppice_lifecycle;
#define COPPICE_LIFECYCLE_LEAST COPPICE_SIZE_THROUGH(coppice_lifecycle, destroy)

#ifdef __cplusplus
}
#endif
#endif
