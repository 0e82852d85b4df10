/* SPDX-License-Identifier: MIT
 * "coppice.actor/1": what an actor may do as a process: ask about itself, send, link, monitor, spawn,
 * register a name, exit. Every function is [actor], and `self` is the pointer that the running callback
 * was given. Once the actor has died (it was killed while one of its handlers waited) every function
 * returns COPPICE_E_EXITING, and the handler must return at once. In create, save_state, restore_state and
 * format_status only functions marked [look] are allowed; all others return COPPICE_E_CONTEXT there.
 *
 * Pids, references and destinations are terms. A destination is a pid, an atom (a name registered on this
 * node), {Name, Node}, or the reference of an alias. */
#ifndef COPPICE_ACTOR_H
#define COPPICE_ACTOR_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_ACTOR_1 "coppice.actor/1"

#define COPPICE_SPAWN_LINK 1u    /* linked to the caller from its first instruction */
#define COPPICE_SPAWN_MONITOR 2u /* monitored; out_reference_new is set */

typedef struct coppice_spawn_options {
  uint32_t size;
  uint32_t flags;      /* COPPICE_SPAWN_… */
  coppice_bytes actor; /* "PLUGIN:ACTOR", "PLUGIN", or ":ACTOR" of the caller's own plugin; UTF-8 */
  coppice_bytes name;  /* registered name, UTF-8; empty: none */
  coppice_bytes args;  /* a term; empty: the empty map */
  /* Monotonic ns by which its init must have returned; 0: 5 s from now. A process that is too late is killed,
   * and its end is waited for, for a second at most. */
  int64_t deadline;
} coppice_spawn_options;
#define COPPICE_SPAWN_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_spawn_options, deadline)

/* A process to be made on another node, which runs apply(Module, Function, Args), as with
 * erlang:spawn_request. A Coppice node makes an actor if its `distribution.allow.spawn` names that actor:
 * coppice:spawn('PLUGIN:ACTOR', Args). */
typedef struct coppice_remote_spawn {
  uint32_t size;
  uint32_t flags;       /* COPPICE_SPAWN_… */
  coppice_bytes node;   /* another node's name, UTF-8 */
  coppice_bytes module; /* UTF-8, as is the function's name; without the quotes of a quoted atom */
  coppice_bytes function;
  coppice_bytes args;    /* a list of at most 255 terms; empty: [] */
  coppice_bytes options; /* a list of options of erlang:spawn_opt other than link and monitor; empty: [] */
  int64_t deadline;      /* monotonic ns by which the node must have answered; 0: 5 s from now */
} coppice_remote_spawn;
#define COPPICE_REMOTE_SPAWN_LEAST COPPICE_SIZE_THROUGH(coppice_remote_spawn, deadline)

/* How long the reference of a monitor is also an alias, to which the monitored process may reply; as in
 * OTP. */
#define COPPICE_ALIAS_NONE 0u
#define COPPICE_ALIAS_EXPLICIT 1u  /* until unalias */
#define COPPICE_ALIAS_DEMONITOR 2u /* until demonitor or the 'DOWN' message */
#define COPPICE_ALIAS_REPLY 3u     /* as DEMONITOR, or until the first message, which ends the monitor too */

typedef struct coppice_monitor_options {
  uint32_t size;
  uint32_t alias;    /* COPPICE_ALIAS_… */
  coppice_bytes tag; /* the term that takes the place of the atom 'DOWN'; empty: that atom */
} coppice_monitor_options;
#define COPPICE_MONITOR_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_monitor_options, tag)

/* For alias: the first message that arrives by the alias deactivates it. */
#define COPPICE_ONCE 8u

typedef struct coppice_actor_api {
  uint32_t size;
  uint32_t reserved;

  /* [look] Its own pid, its parent's pid, the node's name as an atom, its arguments, and the application's
   * env (a map). Each is a term, borrowed until the callback returns. */
  coppice_bytes (*self_borrowed)(coppice_actor* self);
  coppice_bytes (*parent_borrowed)(coppice_actor* self); /* empty if it has none */
  coppice_bytes (*node_borrowed)(coppice_actor* self);
  coppice_bytes (*args_borrowed)(coppice_actor* self);
  coppice_bytes (*env_borrowed)(coppice_actor* self);

  /* [parks] COPPICE_E_FULL: the message was dropped because the receiver's mailbox is at its bound. A missing
   * receiver is no error. `flags`: COPPICE_PRIORITY, COPPICE_NO_CONNECT, COPPICE_NO_WAIT. */
  int32_t (*send)(coppice_actor* self, coppice_bytes destination, coppice_message* term_take, uint32_t flags);

  /* Links. A link to a missing process gives an exit signal with the reason noproc, as in Erlang. `flags`:
   * COPPICE_PRIORITY: the exit signal of this link, if this actor traps it, is a priority message; this lasts
   * until link is called again for the same pid and does not change the other end. COPPICE_NO_CONNECT. */
  int32_t (*link)(coppice_actor* self, coppice_bytes pid, uint32_t flags);
  int32_t (*unlink)(coppice_actor* self, coppice_bytes pid);
  /* Sends an exit signal, as exit(Pid, Reason) does. The pid may be the actor's own. An alias that is no
   * longer active is ignored. `flags`: COPPICE_PRIORITY: if the receiver traps the signal, the message has
   * priority; the signal itself does not overtake others. COPPICE_NO_CONNECT. */
  int32_t (*exit)(coppice_actor* self, coppice_bytes pid_or_alias, coppice_bytes reason, uint32_t flags);
  /* `on` is 0 or 1. The old value is written to *out_old, which may be NULL. */
  int32_t (*trap_exit)(coppice_actor* self, int32_t on, int32_t* out_old);

  /* The end of the process arrives at handle_info as {'DOWN', Ref, process, PidOrName, Reason}. `options` may
   * be NULL. `flags`: COPPICE_PRIORITY: that message has priority. COPPICE_NO_CONNECT. */
  int32_t (*monitor)(coppice_actor* self, coppice_bytes destination, uint32_t flags,
                     const coppice_monitor_options* options, coppice_message* out_reference_new);
  /* `flush` also removes a 'DOWN' message that has already arrived. */
  int32_t (*demonitor)(coppice_actor* self, coppice_bytes reference, int32_t flush);
  /* {nodedown, Node} arrives at handle_info when the connection to that node is lost, or at once if it cannot
   * be made: once for each time that monitoring was switched on. `node` is an atom. */
  int32_t (*monitor_node)(coppice_actor* self, coppice_bytes node, int32_t on);

  /* A reference to which messages can be sent until unalias. `flags`: COPPICE_PRIORITY: a message sent to it
   * with priority is a priority message, every other message to it is not; COPPICE_ONCE. */
  int32_t (*alias)(coppice_actor* self, uint32_t flags, coppice_message* out_reference_new);
  int32_t (*unalias)(coppice_actor* self, coppice_bytes reference);

  /* A process has at most one name. Names are UTF-8 without quotes. COPPICE_E_EXISTS: another process has the
   * name, or the actor has a name already. */
  int32_t (*register_name)(coppice_actor* self, coppice_bytes name);
  int32_t (*unregister_name)(coppice_actor* self, coppice_bytes name);
  /* COPPICE_E_NOT_FOUND: no process of this node has the name. */
  int32_t (*whereis)(coppice_actor* self, coppice_bytes name, coppice_message* out_pid_new);

  /* [parks] Starts an actor and waits until its init has returned. At the latest it is killed when the
   * caller's application has ended. COPPICE_E_EXIT: init failed, and out_pid_new is the reason.
   * out_reference_new may be NULL unless COPPICE_SPAWN_MONITOR is given. */
  int32_t (*spawn)(coppice_actor* self, const coppice_spawn_options* options, coppice_message* out_pid_new,
                   coppice_message* out_reference_new);

  /* [look] The error of the running callback; the host reads it when the callback returns COPPICE_STOP or an
   * error. Both functions copy. */
  void (*set_error)(coppice_actor* self, int32_t code, coppice_bytes text);
  int32_t (*set_reason)(coppice_actor* self, coppice_bytes reason);

  /* One or two words that `coppice ps` shows; UTF-8, at most 64 bytes. */
  int32_t (*set_label)(coppice_actor* self, coppice_bytes text);

  /* [parks] Asks another node for a process, connects to it if necessary, and waits for the answer. It does
   * not wait for the new process's first steps: if they fail, the process exits. Link and monitor exist once
   * the answer is there, which comes before any message or exit of the new process. out_reference_new: as in
   * spawn. COPPICE_E_NODEDOWN: the node cannot be reached, or the connection was lost meanwhile.
   * COPPICE_E_TIMEOUT: no answer before the deadline; a process that is made all the same is killed.
   * COPPICE_E_UNSUPPORTED: that node spawns nothing for other nodes. COPPICE_E_INVALID: also if `node` is
   * this node. If the node gave a reason for its refusal, out_pid_new is that reason: not_allowed with
   * COPPICE_E_REFUSED, badopt or badarg with COPPICE_E_INVALID, system_limit with COPPICE_E_MEMORY, any other
   * term with COPPICE_E_EXIT. */
  int32_t (*spawn_at)(coppice_actor* self, const coppice_remote_spawn* what, coppice_message* out_pid_new,
                      coppice_message* out_reference_new);
} coppice_actor_api;
#define COPPICE_ACTOR_API_LEAST COPPICE_SIZE_THROUGH(coppice_actor_api, spawn_at)

#ifdef __cplusplus
}
#endif
#endif
