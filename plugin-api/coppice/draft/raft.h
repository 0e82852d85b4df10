/* SPDX-License-Identifier: MIT
 * "coppice.raft/draft-3" (DRAFT): a replicated state machine. The behaviour "raft" needs this table beside
 * coppice.lifecycle/1. Each member of a group of nodes has an actor of this type; the host keeps the group's
 * log on the disks of a majority and shows every command to every member's actor, in the same order. So
 * `apply` must give the same state and the same reply everywhere: it depends on the state, the command and
 * the entry alone, and on no clock, random number, file, environment, address or order of a hash table.
 *
 * The state is written by save_state or `save`, for snapshots, new members and reloads alike, and read by
 * restore_state. A member's actor begins with create and init, and a snapshot that the member has replaces
 * that state: then create and restore_state run, as at a reload. So init sets up nothing that commands
 * change. Without save_state no snapshot is taken, and the log grows for ever.
 *
 * Versions. The group has one version: the log keeps it, and every member applies by its rules and writes its
 * state in its form, whatever code it runs. The code knows state_version, its newest one, and
 * `older_versions` before that. Versions count up by one. A new group begins with the oldest version that its
 * first leader knows. Once the code of every voter knows the present and the next version, the leader logs
 * the next one. At that entry each member writes its state in the next version, by save_state or `save`, and
 * goes on with what create and restore_state make of that; before the first command, the state stays as it
 * is. A member whose code does not know the group's version stores and votes, and applies nothing. A reload
 * keeps the old code where the new one does not know the group's version.
 *
 * A member that crashes in `apply` begins again from its last snapshot and applies the later entries once
 * more. A command that crashes it three times makes the member stop applying; it goes on to store and to
 * vote.
 *
 * validate, apply, apply_info and handle_query are [look]: any host call that is not marked [look] or [any]
 * gives COPPICE_E_CONTEXT. A NULL entry means the default stated beside it. All functions are [actor];
 * messages and bytes are borrowed.
 *
 * Effects. In apply and apply_info these calls are allowed, and do nothing by themselves: they are noted as
 * effects of the entry, and return the same in all members. Effects of an entry that is discarded are
 * forgotten. The member that leads carries the others out, once it has applied the entry.
 *   send, cast       At most once: a change of leader may lose the message, and never doubles it. A name
 *                    without a node is one on the leader's node. COPPICE_E_MEMORY: more than 10,000 messages
 *                    or 16 MiB by one entry.
 *   monitor          `flags` is 0 and `options` have no alias, else COPPICE_E_UNSUPPORTED. The reference
 *                    stands for the monitor in the group, and in no process.
 *   demonitor        A 'DOWN' that was not applied yet is not applied any more, as with `flush`.
 *   timer start      `deadline`: ns since 1970, for example the entry's `time` * 1,000,000 plus a delay. A
 *                    deadline of another clock, before 2001, gives COPPICE_E_CONTEXT.
 *   timer cancel     For a timer that apply or apply_info has started.
 * Timers and monitors are a part of the group's state and of its snapshots, and each new leader sets them
 * again. The group has at most 100,000 of them, whose terms have at most 32 MiB together; COPPICE_E_MEMORY
 * beyond that. The message of each is one entry, for apply_info. After a change of leader the reason in a
 * 'DOWN' may be noproc, as the process has ended before. */
#ifndef COPPICE_DRAFT_RAFT_H
#define COPPICE_DRAFT_RAFT_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_RAFT_DRAFT_3 "coppice.raft/draft-3"

/* A status of validate and apply, besides those of status.h: the command is discarded, and its caller gets
 * {error, {discarded, Reason}} from validate, {error, {discarded, Reason, Serial}} from apply. Reason is the
 * term given to set_reason, else the text given to set_error, else the atom `discarded`. COPPICE_UNHANDLED
 * does the same, with the atom `bad_command` instead. */
#define COPPICE_DISCARD 64

/* The data that comes with a command. Alike in all members. Borrowed until the callback returns. */
typedef struct coppice_entry {
  uint32_t size;
  uint32_t version; /* the group's, by whose rules the command is applied */
  /* The first command is 1, the next one more. Entries for apply_info are counted too. */
  uint64_t serial;
  int64_t time;    /* ms since 1970 by the leader's clock; never falls while one member leads */
  uint64_t random; /* drawn by the leader */
} coppice_entry;
#define COPPICE_ENTRY_LEAST COPPICE_SIZE_THROUGH(coppice_entry, random)

typedef struct coppice_raft {
  uint32_t size;
  /* How many versions before the actor type's state_version the code knows too. 0: none. Above 0 it needs
   * `save`. */
  uint32_t older_versions;

  /* [look] At the leader, before the command is in the log: a command that is refused here costs nothing. The
   * state may be older than the one that `apply` will see. COPPICE_OK: it goes into the log. Default:
   * COPPICE_OK. */
  int32_t (*validate)(coppice_actor* self, void* state, const coppice_message* command);
  /* [look] Changes the state. Writes one term, the caller's Reply of {ok, Serial, Reply}; if nothing is
   * written: `ok`. Any status but COPPICE_OK, COPPICE_HIBERNATE, COPPICE_DISCARD and COPPICE_UNHANDLED ends
   * the actor. A command that is discarded must have changed nothing. Default: COPPICE_UNHANDLED. */
  int32_t (*apply)(coppice_actor* self, void* state, const coppice_entry* at, const coppice_message* command,
                   coppice_writer* reply);
  /* [look] Changes nothing. Writes one term, the caller's Reply of {ok, Reply}; if nothing is written: `ok`.
   * Default, and for COPPICE_UNHANDLED: {error, {bad_request, Text}}. */
  int32_t (*handle_query)(coppice_actor* self, void* state, const coppice_message* query,
                          coppice_writer* reply);

  /* These tell what this member sees of its group. They are no part of the replicated state, may not change
   * it, and may call the host as a server's callbacks may. */

  /* The leader or the term has changed. `leader`: the term {Name, Node}, or `undefined`. The term is a
   * fencing token: it never falls. Default: nothing. */
  int32_t (*on_leader)(coppice_actor* self, void* state, coppice_bytes leader, uint64_t term);
  /* The number of voters, and whether this member hears a leader that a majority follows: 1 or 0. Default:
   * nothing. */
  int32_t (*on_quorum)(coppice_actor* self, void* state, uint64_t voters, int32_t reachable);
  /* The members have changed: [{{Name, Node}, voter | joining | learner}]. Default: nothing. */
  int32_t (*on_member)(coppice_actor* self, void* state, const coppice_message* members);

  /* [look] In all members, as apply: the message of a timer or a monitor that apply or apply_info has set: a
   * timer's term, unless it has another destination, or {'DOWN', Reference, process, PidOrName, Reason}. No
   * client can append such an entry. No client waits for an answer: COPPICE_DISCARD means that it has changed
   * nothing and its effects are forgotten, and so does COPPICE_UNHANDLED, which is logged. Any other status
   * but COPPICE_OK and COPPICE_HIBERNATE ends the actor. Default: COPPICE_UNHANDLED. */
  int32_t (*apply_info)(coppice_actor* self, void* state, const coppice_entry* at,
                        const coppice_message* what);

  /* [look] Writes the state as one term in an older version, which the code knows; restore_state gets that
   * version with it. save_state writes state_version. The state is one that was restored from an older
   * version or has gone over from it. Default: COPPICE_E_VERSION. */
  int32_t (*save)(coppice_actor* self, void* state, uint32_t version, coppice_writer* out);
} coppice_raft;
#define COPPICE_RAFT_LEAST COPPICE_SIZE_THROUGH(coppice_raft, save)

#ifdef __cplusplus
}
#endif
#endif
