/* SPDX-License-Identifier: MIT
 * The door between a plugin file and its host. A plugin exports exactly one symbol, the constant
 * descriptor `coppice_plugin`, and carries the same facts in an ELF note so that it can be judged without
 * being run. It resolves no symbol of the host: all it may call comes from the table given to init.
 *
 * Rules that hold for every header of this folder (STABILITY.md says how they hold over the years):
 *  - Structs that begin with `size` only ever grow at the end; the side that made one sets size to
 *    sizeof, the side that reads one takes what lies beyond size as zero. None may be smaller than its
 *    …_LEAST, which is what it was in its first release. The others never change.
 *  - An interface is fetched by "coppice.NAME/REVISION" and its revision never changes but by growing;
 *    check `size` before using a member newer than the minor you need. A header marked DRAFT may still
 *    change: its name ends in "/draft-N", N rises with each change, and get_interface gives NULL for what
 *    this host does not have.
 *  - `_borrowed` belongs to the other side and lives until the callback or call returns; `_take` is
 *    consumed by the call, also when it fails; `_new` is yours and must be given back.
 *  - Every function says where it may be called: [actor] in a callback of that actor, on its own stack;
 *    [blocking] in a function run by blocking_run; [plugin] in the plugin's init and deinit, on a thread
 *    that runs no actor; [any] in all of these, and on threads of the plugin's own. Elsewhere a call returns
 *    COPPICE_E_CONTEXT where that can be told, and the log of the host names it.
 *  - A call marked [parks] may take the actor off its thread while it waits and go on on another one. It
 *    ends the validity of errno, of the address and value of anything thread_local, and of every lock held:
 *    keep none of them across it.
 *  - The host table and interfaces stay valid, at the same address, until deinit returns: keep them in
 *    statics. Nothing else the host hands over outlives the callback it came with: what is kept is ids
 *    (uint64_t), bytes, and retained messages, so that all of it survives a reload.
 *  - A bit of `flags` that this host does not know, or the function does not take, is
 *    COPPICE_E_UNSUPPORTED, and nothing is done; members called `reserved` are 0.
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

#define COPPICE_ABI_MAJOR 1u /* a break raises it; STABILITY.md says which a host loads */
#define COPPICE_ABI_MINOR 0u /* of these headers; a host loads what needs this minor of it or less */
#define COPPICE_MAGIC 0x0065636970706f63ull /* "coppice" and a zero, read as a little-endian number */

typedef struct coppice_host coppice_host;
typedef struct coppice_error coppice_error; /* the host's: where init says what went wrong */

struct coppice_host {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  const char* version_borrowed; /* of the host program, for logs */
  /* [any] The interface of that name, or NULL. The same pointer each time. */
  const void* (*get_interface)(const coppice_host* host, const char* name);
  /* [plugin] Sets the sentence a person reads when init fails; UTF-8, copied. */
  void (*set_error)(coppice_error* error, int32_t code, coppice_bytes text);
};
#define COPPICE_HOST_LEAST COPPICE_SIZE_THROUGH(coppice_host, set_error)

/* Callbacks of one interface, under its name. Never grows; what it points to begins with its size. */
typedef struct coppice_table {
  const char* name;      /* "coppice.server/1"; NULL: the end of an array of tables */
  const void* callbacks; /* const coppice_server* for "coppice.server/1" */
} coppice_table;

/* One kind of actor the plugin offers. */
typedef struct coppice_actor_type {
  uint32_t size;
  uint32_t state_version; /* of what save_state writes; 0 if it has none */
  const char* name;       /* [a-z][a-z0-9_]*, at most 64, unique in the plugin */
  const char* behaviour;  /* the engine that runs it, one of coppice/behaviours.h: "server" */
  /* What it implements, in any order, up to {NULL, NULL}: every table its behaviour needs, and those it may
   * have. Several revisions of one interface may stand here, and the host takes the highest it knows; one
   * that it knows nothing of is skipped. A name that stands here twice, or a table or an entry that the
   * behaviour would never call, refuses the plugin. */
  const coppice_table* tables;
  const char* args_schema; /* JSON Schema of its arguments, or NULL: as in the note */
} coppice_actor_type;
#define COPPICE_ACTOR_TYPE_LEAST COPPICE_SIZE_THROUGH(coppice_actor_type, args_schema)

typedef struct coppice_descriptor {
  uint64_t magic;            /* COPPICE_MAGIC */
  uint32_t size;             /* sizeof(coppice_descriptor) */
  uint32_t abi_major;        /* COPPICE_ABI_MAJOR */
  uint32_t abi_minor;        /* COPPICE_ABI_MINOR: what it was built for */
  uint32_t abi_minor_needed; /* the least host minor it can live with */
  const char* id;            /* as in the note; the file is called ID.so */
  const char* version;
  const char* build_id; /* "" or NULL: the file's GNU build id */
  uint64_t actor_count;
  const coppice_actor_type* const* actors;
  /* [plugin] Once after loading, before any actor; never twice. Fetches interfaces. May be NULL. Anything but
   * COPPICE_OK refuses the plugin as a whole, and deinit is not called. */
  int32_t (*init)(const coppice_host* host, coppice_error* error);
  /* [plugin] Once, when the last actor, buffer and thread of this generation are gone; perhaps on another
   * thread than init. May be NULL. */
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

/* COPPICE_NOTE("{\"coppice\":1, …}"); at file scope, once a plugin: the manifest, as a string literal of at
 * most 64 KiB. It lies in an allocated note section, which `strip` keeps. Its keys: coppice (1), id,
 * version, build_id (optional), abi ([major, minor needed]), actors ([{name, behaviour, tables: [names],
 * state_version, args_schema, unhandled (optional: exit, reply_error, log or ignore, of calls and casts
 * that it does not take), takes (optional: a list of calls, casts, messages, web)}]). Whatever the descriptor
 * says too must be equal. C++ plugins use COPPICE_PLUGIN.
 */
#define COPPICE_NOTE(json)                                                          \
  __attribute__((used, aligned(4), section(".note.coppice"))) static const struct { \
    uint32_t name_size, text_size, type;                                            \
    char name[8];                                                                   \
    char text[sizeof(json)];                                                        \
  } coppice_note_ = {8, sizeof(json), 1, "Coppice", json}

#endif
