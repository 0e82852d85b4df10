/* SPDX-License-Identifier: MIT
 * "coppice.actor/1": what an actor may do as a process: know itself, send, link, monitor, spawn, take a
 * name, end. Every function is [actor], and `self` is the pointer the running callback was given. Once the
 * actor has died (killed while a handler of it waits) each one returns COPPICE_E_EXITING, and the handler's
 * only business is to return. In create, save_state, restore_state and format_status only what is marked
 * [look] is allowed: all else is COPPICE_E_CONTEXT there.
 *
 * Pids, references and destinations are terms, as everywhere in Erlang. A destination is a pid, an atom (a
 * name here), {Name, Node}, or the reference of an alias. */
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
  int64_t deadline;    /* monotonic ns by which its init must be through; 0: 5 s from now */
} coppice_spawn_options;
#define COPPICE_SPAWN_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_spawn_options, deadline)

/* A process to be made on another node: apply(Module, Function, Args) there, as erlang:spawn_request has it.
 * On a Coppice node an actor, if its distribution.allow.spawn names it: coppice:spawn('PLUGIN:ACTOR', Args).
 */
typedef struct coppice_remote_spawn {
  uint32_t size;
  uint32_t flags;       /* COPPICE_SPAWN_… */
  coppice_bytes node;   /* another node's name, UTF-8 */
  coppice_bytes module; /* UTF-8, as the function's name: no atoms with quotes around them */
  coppice_bytes function;
  coppice_bytes args;    /* a list of at most 255 terms; empty: [] */
  coppice_bytes options; /* a list of others of erlang:spawn_opt's than link and monitor; empty: [] */
  int64_t deadline;      /* monotonic ns by which the node must have answered; 0: 5 s from now */
} coppice_remote_spawn;
#define COPPICE_REMOTE_SPAWN_LEAST COPPICE_SIZE_THROUGH(coppice_remote_spawn, deadline)

/* How long the reference of a monitor is an alias too, by which its process may answer; as in OTP. */
#define COPPICE_ALIAS_NONE 0u
#define COPPICE_ALIAS_EXPLICIT 1u  /* until unalias */
#define COPPICE_ALIAS_DEMONITOR 2u /* until demonitor, or the 'DOWN' */
#define COPPICE_ALIAS_REPLY 3u /* likewise, or the first message that comes by it, which ends the monitor */

typedef struct coppice_monitor_options {
  uint32_t size;
  uint32_t alias;    /* COPPICE_ALIAS_… */
  coppice_bytes tag; /* the term in the place of the atom 'DOWN'; empty: that atom */
} coppice_monitor_options;
#define COPPICE_MONITOR_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_monitor_options, tag)

/* For alias: the first message that comes by it gives it back. */
#define COPPICE_ONCE 8u

typedef struct coppice_actor_api {
  uint32_t size;
  uint32_t reserved;

  /* [look] Own pid, the parent's, the node's name as an atom, own arguments, and the application's env (a
   * map): terms, borrowed until the callback returns. */
  coppice_bytes (*self_borrowed)(coppice_actor* self);
  coppice_bytes (*parent_borrowed)(coppice_actor* self); /* empty if it has none */
  coppice_bytes (*node_borrowed)(coppice_actor* self);
  coppice_bytes (*args_borrowed)(coppice_actor* self);
  coppice_bytes (*env_borrowed)(coppice_actor* self);

  /* [parks] COPPICE_E_FULL if it was dropped at the receiver's bound; a missing receiver is no error.
   * `flags`: COPPICE_PRIORITY, COPPICE_NO_CONNECT, COPPICE_NO_WAIT. */
  int32_t (*send)(coppice_actor* self, coppice_bytes destination, coppice_message* term_take, uint32_t flags);

  /* Links. A link to a missing process gives an exit signal with noproc, as in Erlang. `flags`:
   * COPPICE_PRIORITY: the exit signal that this link ends with is, if it is trapped here, a priority
   * message; until link is called for it again; the other end is not changed. COPPICE_NO_CONNECT. */
  int32_t (*link)(coppice_actor* self, coppice_bytes pid, uint32_t flags);
  int32_t (*unlink)(coppice_actor* self, coppice_bytes pid);
  /* The exit signal exit(Pid, Reason). It may be oneself, or an alias: nothing, if that has been given back.
   * `flags`: COPPICE_PRIORITY: if it is trapped, that message has priority; no signal is faster for it.
   * COPPICE_NO_CONNECT. */
  int32_t (*exit)(coppice_actor* self, coppice_bytes pid_or_alias, coppice_bytes reason, uint32_t flags);
  /* 0 or 1; the old value through out_old, which may be NULL. */
  int32_t (*trap_exit)(coppice_actor* self, int32_t on, int32_t* out_old);

  /* The end arrives at handle_info as {'DOWN', Ref, process, PidOrName, Reason}. `options` may be NULL.
   * `flags`: COPPICE_PRIORITY: that message has priority. COPPICE_NO_CONNECT. */
  int32_t (*monitor)(coppice_actor* self, coppice_bytes destination, uint32_t flags,
                     const coppice_monitor_options* options, coppice_message* out_reference_new);
  /* `flush` also removes a DOWN that has already arrived. */
  int32_t (*demonitor)(coppice_actor* self, coppice_bytes reference, int32_t flush);
  /* {nodedown, Node} at handle_info when that node is lost, or at once if it cannot be reached: as often as
   * it was switched on. `node` is an atom. */
  int32_t (*monitor_node)(coppice_actor* self, coppice_bytes node, int32_t on);

  /* A reference that can be sent to until it is given back. `flags`: COPPICE_PRIORITY: what is sent to it
   * with priority is a priority message, all else to it is not; COPPICE_ONCE. */
  int32_t (*alias)(coppice_actor* self, uint32_t flags, coppice_message* out_reference_new);
  int32_t (*unalias)(coppice_actor* self, coppice_bytes reference);

  /* One name a process. Names are UTF-8 without quotes. COPPICE_E_EXISTS if another has it, or if
     the actor has one already. */
  int32_t (*register_name)(coppice_actor* self, coppice_bytes name);
  int32_t (*unregister_name)(coppice_actor* self, coppice_bytes name);
  /* COPPICE_E_NOT_FOUND if nobody here has it. */
  int32_t (*whereis)(coppice_actor* self, coppice_bytes name, coppice_message* out_pid_new);

  /* [parks] Starts an actor and waits until its init is through. COPPICE_E_EXIT: it failed, and out_pid_new
   * is the reason. out_reference_new may be NULL unless COPPICE_SPAWN_MONITOR is given. */
  int32_t (*spawn)(coppice_actor* self, const coppice_spawn_options* options, coppice_message* out_pid_new,
                   coppice_message* out_reference_new);

  /* [look] The error object of the running callback: read when it returns COPPICE_STOP or an error. Copied.
   */
  void (*set_error)(coppice_actor* self, int32_t code, coppice_bytes text);
  int32_t (*set_reason)(coppice_actor* self, coppice_bytes reason);

  /* One word or two for `coppice ps`; UTF-8, at most 64 bytes. */
  int32_t (*set_label)(coppice_actor* self, coppice_bytes text);

  /* [parks] Asks another node for a process, connecting to it if need be, and waits for the answer; not
   * for what the new process does first, whose failure is its exit. Link and monitor stand with the answer,
   * which comes before any message or exit of the new process. out_reference_new: as in spawn.
   * COPPICE_E_NODEDOWN: it cannot be reached, or was lost meanwhile. COPPICE_E_TIMEOUT: no answer in time;
   * a process that is made all the same is killed. COPPICE_E_UNSUPPORTED: that node spawns nothing for
   * others. COPPICE_E_INVALID: also of one's own node's name. Where the node said
   * why there is no process, out_pid_new is its word: with COPPICE_E_REFUSED not_allowed, with
   * COPPICE_E_INVALID badopt or badarg, with COPPICE_E_MEMORY system_limit, with COPPICE_E_EXIT any other. */
  int32_t (*spawn_at)(coppice_actor* self, const coppice_remote_spawn* what, coppice_message* out_pid_new,
                      coppice_message* out_reference_new);
} coppice_actor_api;
#define COPPICE_ACTOR_API_LEAST COPPICE_SIZE_THROUGH(coppice_actor_api, spawn_at)

#ifdef __cplusplus
}
#endif
#endif
