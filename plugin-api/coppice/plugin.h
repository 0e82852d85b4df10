/* SPDX-License-Identifier: MIT
 * The interface between a plugin file and its host. A plugin exports exactly one symbol, the constant
 * descriptor `coppice_plugin`, and has the same facts in an ELF note, so that it can be inspected without
 * being run. It uses no symbol of the host: every function that it may call comes from the table given to
 * init.
 *
 * Rules for every header of this folder (STABILITY.md says how long they hold):
 *  - Structs that begin with `size` grow only at the end. The side that makes one sets size to sizeof; the
 *    side that reads one treats members beyond size as zero. No struct may be smaller than its …_LEAST,
 *    its size in the first release. Structs without `size` never change.
 *  - An interface is fetched by "coppice.NAME/REVISION". A revision never changes except by growing; check
 *    `size` before using a member newer than the minor version you need. A header marked DRAFT may still
 *    change: its name ends in "/draft-N", N rises with each change, and get_interface returns NULL for a
 *    draft that this host does not have.
 *  - `_borrowed` belongs to the other side and is valid until the callback or call returns; `_take` is
 *    consumed by the call, also if it fails; `_new` belongs to the caller, who must give it back.
 *  - Every function says where it may be called: [actor] in a callback of that actor, on its own stack;
 *    [blocking] in a function run by blocking_run; [plugin] in the plugin's init and deinit, on a thread
 *    that runs no actor; [any] in all of these, and on threads that the plugin made. A call from elsewhere
 *    returns COPPICE_E_CONTEXT if the host can tell, and the host logs it.
 *  - A call marked [parks] may take the actor off its thread while it waits and continue it on another
 *    thread. Across such a call errno, the address and value of anything thread_local, and held locks
 *    become invalid: keep none of them.
 *  - The host table and interfaces stay valid, at the same address, until deinit returns: keep them in
 *    statics. Nothing else that the host passes outlives its callback. Keep ids (uint64_t), bytes, and
 *    retained messages; all of these survive a reload.
 *  - A bit of `flags` that this host does not know, or that the function does not take, gives
 *    COPPICE_E_UNSUPPORTED, and nothing is done. Members called `reserved` are 0.
 *  - No exception, longjmp or signal handler crosses this boundary, and no function here sets errno. */
#ifndef COPPICE_PLUGIN_H
#define COPPICE_PLUGIN_H

#include <coppice/message.h>
#include <coppice/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_ABI_MAJOR 1u /* rises with an incompatible change: see STABILITY.md */
#define COPPICE_ABI_MINOR 0u /* of these headers; a host needs at least the minor that a plugin needs */
#define COPPICE_MAGIC 0x0065636970706f63ull /* "coppice" and a zero, read as a little-endian number */

typedef struct coppice_host coppice_host;
typedef struct coppice_error coppice_error; /* belongs to the host: where init says what went wrong */

struct coppice_host {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  const char* version_borrowed; /* of the host program, for logs */
  /* [any] The interface of that name, the same pointer each time. NULL: this host has none. */
  const void* (*get_interface)(const coppice_host* host, const char* name);
  /* [plugin] Sets the sentence that is reported when init fails; UTF-8, copied. */
  void (*set_error)(coppice_error* error, int32_t code, coppice_bytes text);
};
#define COPPICE_HOST_LEAST COPPICE_SIZE_THROUGH(coppice_host, set_error)

/* Callbacks of one interface, under its name. Never grows; the struct that `callbacks` points to begins with
 * its size. */
typedef struct coppice_table {
  const char* name;      /* "coppice.server/1"; NULL: the end of an array of tables */
  const void* callbacks; /* const coppice_server* for "coppice.server/1" */
} coppice_table;

/* A type of actor that the plugin offers. */
typedef struct coppice_actor_type {
  uint32_t size;
  uint32_t state_version; /* version of what save_state writes; 0: no save_state */
  const char* name;       /* [a-z][a-z0-9_]*, at most 64, unique in the plugin */
  const char* behaviour;  /* the behaviour that runs it, one of coppice/detail/behaviours.h: "server" */
  /* The tables that it implements, in any order, ended by {NULL, NULL}: every table that its behaviour needs,
   * and any that the behaviour allows. Several revisions of one interface may be listed; the host takes the
   * highest that it knows. An unknown table is skipped. The plugin is refused if a name is listed twice, or
   * if a table or a function of it would never be called by the behaviour. */
  const coppice_table* tables;
  const char* args_schema; /* JSON Schema of its arguments, as in the note; NULL: none */
} coppice_actor_type;
#define COPPICE_ACTOR_TYPE_LEAST COPPICE_SIZE_THROUGH(coppice_actor_type, args_schema)

typedef struct coppice_descriptor {
  uint64_t magic;            /* COPPICE_MAGIC */
  uint32_t size;             /* sizeof(coppice_descriptor) */
  uint32_t abi_major;        /* COPPICE_ABI_MAJOR */
  uint32_t abi_minor;        /* COPPICE_ABI_MINOR of the headers it was built with */
  uint32_t abi_minor_needed; /* the lowest minor of a host that it works with */
  const char* id;            /* as in the note; the file is called ID.so */
  const char* version;
  const char* build_id; /* "" or NULL: the file's GNU build id */
  uint64_t actor_count;
  const coppice_actor_type* const* actors;
  /* [plugin] Runs once after loading, before any actor. Fetches interfaces. May be NULL. Any status but
   * COPPICE_OK refuses the whole plugin, and deinit is not called. */
  int32_t (*init)(const coppice_host* host, coppice_error* error);
  /* [plugin] Runs once, when the last actor, buffer and thread of this generation are gone; perhaps on
   * another thread than init. May be NULL. */
  void (*deinit)(void);
} coppice_descriptor;
#define COPPICE_DESCRIPTOR_LEAST COPPICE_SIZE_THROUGH(coppice_descriptor, deinit)

/* The first members of a descriptor, up to abi_minor_needed, which is 0. */
#define COPPICE_DESCRIPTOR_HEAD \
  COPPICE_MAGIC, sizeof(coppice_descriptor), COPPICE_ABI_MAJOR, COPPICE_ABI_MINOR, 0

/* Makes a symbol visible outside the plugin file. A plugin exports coppice_plugin only. */
#define COPPICE_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
}
/* Declares with C linkage, in C and in C++. */
#define COPPICE_EXTERN_C extern "C"
#else
#define COPPICE_EXTERN_C extern
#endif

/* The one exported symbol, declared so that a definition of another type does not compile. */
COPPICE_EXTERN_C COPPICE_EXPORT const coppice_descriptor coppice_plugin;

/* COPPICE_NOTE("{\"coppice\":1, …}"); at file scope, once in a plugin: the manifest, as a string literal of
 * at most 64 KiB. It is in an allocated note section, which `strip` keeps. Its keys: coppice (1), id,
 * version, build_id (optional), abi ([major, minor needed]), actors ([{name, behaviour, tables: [names],
 * state_version, args_schema, unhandled (optional: exit, reply_error, log or ignore, for calls and casts that
 * it does not handle), takes (optional: a list of calls, casts, messages, web)}]). Values that the descriptor
 * has too must be equal there. C++ plugins use COPPICE_PLUGIN. */
#define COPPICE_NOTE(json)                                                          \
  __attribute__((used, aligned(4), section(".note.coppice"))) static const struct { \
    uint32_t name_size, text_size, type;                                            \
    char name[8];                                                                   \
    char text[sizeof(json)];                                                        \
  } coppice_note_ = {8, sizeof(json), 1, "Coppice", json}

#endif
