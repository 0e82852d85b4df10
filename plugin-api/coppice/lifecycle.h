/* SPDX-License-Identifier: MIT
 * "coppice.lifecycle/1": how an actor starts, continues, changes and ends. Every behaviour needs this
 * table and one more for its own callbacks (coppice/server.h). Callbacks of one actor never run at the
 * same time, so its state needs no lock. A callback may wait in host calls that park, unless it is marked
 * [look]: such a callback only computes, and makes no host calls but those marked [look] or [any]. A NULL
 * entry means the default stated beside it. All callbacks are [actor] unless marked; messages and bytes
 * are borrowed. */
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

  /* [look] Makes the state and does nothing else. It also runs before each restore_state, where init is not
   * called. Default: the state is NULL. */
  int32_t (*create)(coppice_actor* self, void** out_state);
  /* The first thing that the actor does; its supervisor waits for it. COPPICE_IGNORE: there is nothing to
   * run. Any other result than OK, CONTINUE and HIBERNATE fails the start. Not called when a state is
   * restored. Default: COPPICE_OK. */
  int32_t (*init)(coppice_actor* self, void* state, const coppice_message* args);
  /* Runs after a callback returned COPPICE_CONTINUE, before the next message. Default: COPPICE_OK. */
  int32_t (*handle_continue)(coppice_actor* self, void* state);

  /* The configuration changed args or the application's env; env_borrowed already gives the new env. An error
   * refuses the whole change, and the actor must go on as it was. Default, and for COPPICE_UNHANDLED: the
   * actor is restarted. */
  int32_t (*config_change)(coppice_actor* self, void* state, const coppice_message* old_args,
                           const coppice_message* new_args);

  /* [look] Writes the state as one term. `version` holds the actor type's state_version; a plugin that can
   * write an older version, for a downgrade, sets it. Default: the state cannot be carried over, so a reload
   * restarts the actor. */
  int32_t (*save_state)(coppice_actor* self, void* state, uint32_t* version, coppice_writer* out);
  /* [look] Runs in the new generation after create, instead of init. COPPICE_E_VERSION keeps the old
   * generation; set_error may give details. */
  int32_t (*restore_state)(coppice_actor* self, void* state, uint32_t version, const coppice_message* saved);
  /* Runs after restore_state, once the new generation has taken over and before the next message, for what
   * restore_state may not do. Its status is treated as that of a message's callback: an error ends this actor
   * and no longer fails the reload. Default: COPPICE_OK. */
  int32_t (*after_restore)(coppice_actor* self, void* state);
  /* [look] What sys:get_state, sys:get_status and `coppice info` show, as one term. Default: save_state's
   * term, else the atom `opaque`. */
  int32_t (*format_status)(coppice_actor* self, void* state, coppice_writer* out);

  /* Runs before an orderly end. It does not run if the actor is killed or gets an exit signal that it does
   * not trap. Default: nothing. */
  void (*terminate)(coppice_actor* self, void* state, const coppice_message* reason);
  /* [any] Frees the state. It is always the last callback, once for each create that succeeded. Default:
   * nothing. */
  void (*destroy)(void* state);
} coppice_lifecycle;
#define COPPICE_LIFECYCLE_LEAST COPPICE_SIZE_THROUGH(coppice_lifecycle, destroy)

#ifdef __cplusplus
}
#endif
#endif
