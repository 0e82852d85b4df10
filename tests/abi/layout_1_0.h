/* SPDX-License-Identifier: MIT
 * The plugin ABI as it was in 1.0, written down once more: each struct's members by offset, size and count.
 * A change of a header that moves or resizes one does not compile. Structs that grow get a new file beside
 * this one; this one stays. Drafts (order, post, metric, stream) are not in it. 64-bit, C and C++. */
#include <coppice/log.h>
#include <coppice/server.h>
#include <coppice/timer.h>
#include <coppice/work.h>
#include <stddef.h>

#ifdef __cplusplus
#define HOLDS(what) static_assert(what, #what)
#else
#define HOLDS(what) _Static_assert(what, #what)
#endif
#define AT(type, member, offset) HOLDS(offsetof(type, member) == (offset))
/* The nth pointer of a table that begins with size and reserved. */
#define ENTRY(type, member, index) AT(type, member, 8 + 8 * (index))
/* What a table begins with. */
#define HEAD(type)   \
  AT(type, size, 0); \
  AT(type, reserved, 4)
#define SIZE(type, size) HOLDS(sizeof(type) == (size))
#define AT_LEAST(type, size) HOLDS(sizeof(type) >= (size))

HOLDS(COPPICE_ABI_MAJOR == 1);
HOLDS(COPPICE_MAGIC == 0x0065636970706f63ull);

/* Never grow. */
SIZE(coppice_bytes, 16);
AT(coppice_bytes, data, 0);
AT(coppice_bytes, size, 8);
SIZE(coppice_message, 24);
AT(coppice_message, data, 0);
AT(coppice_message, size, 8);
AT(coppice_message, owner, 16);
SIZE(coppice_writer, 104);
AT(coppice_writer, at, 0);
AT(coppice_writer, end, 8);
AT(coppice_writer, begin, 16);
AT(coppice_writer, api, 24);
AT(coppice_writer, status, 32);
AT(coppice_writer, reserved, 36);
AT(coppice_writer, host, 40);
SIZE(coppice_call_item, 32);
AT(coppice_call_item, destination, 0);
AT(coppice_call_item, request, 16);
SIZE(coppice_call_answer, 32);
AT(coppice_call_answer, message, 0);
AT(coppice_call_answer, status, 24);
AT(coppice_call_answer, reserved, 28);
SIZE(coppice_log_field, 48);
AT(coppice_log_field, name, 0);
AT(coppice_log_field, text, 16);
AT(coppice_log_field, term, 32);

/* Grow at the end. */
AT_LEAST(coppice_host, 40);
AT(coppice_host, size, 0);
AT(coppice_host, abi_major, 4);
AT(coppice_host, abi_minor, 8);
AT(coppice_host, reserved, 12);
AT(coppice_host, version_borrowed, 16);
AT(coppice_host, get_interface, 24);
AT(coppice_host, set_error, 32);
AT_LEAST(coppice_actor_type, 48);
AT(coppice_actor_type, size, 0);
AT(coppice_actor_type, state_version, 4);
AT(coppice_actor_type, name, 8);
AT(coppice_actor_type, behaviour, 16);
AT(coppice_actor_type, table, 24);
AT(coppice_actor_type, callbacks, 32);
AT(coppice_actor_type, args_schema, 40);
AT_LEAST(coppice_descriptor, 80);
AT(coppice_descriptor, magic, 0);
AT(coppice_descriptor, size, 8);
AT(coppice_descriptor, abi_major, 12);
AT(coppice_descriptor, abi_minor, 16);
AT(coppice_descriptor, abi_minor_needed, 20);
AT(coppice_descriptor, id, 24);
AT(coppice_descriptor, version, 32);
AT(coppice_descriptor, build_id, 40);
AT(coppice_descriptor, actor_count, 48);
AT(coppice_descriptor, actors, 56);
AT(coppice_descriptor, init, 64);
AT(coppice_descriptor, deinit, 72);
AT_LEAST(coppice_spawn_options, 64);
AT(coppice_spawn_options, size, 0);
AT(coppice_spawn_options, flags, 4);
AT(coppice_spawn_options, actor, 8);
AT(coppice_spawn_options, name, 24);
AT(coppice_spawn_options, args, 40);
AT(coppice_spawn_options, deadline, 56);

HEAD(coppice_message_api);
ENTRY(coppice_message_api, retain, 0);
ENTRY(coppice_message_api, release, 1);
ENTRY(coppice_message_api, write_begin, 2);
ENTRY(coppice_message_api, reserve, 3);
ENTRY(coppice_message_api, splice, 4);
ENTRY(coppice_message_api, finish, 5);
ENTRY(coppice_message_api, discard, 6);
ENTRY(coppice_message_api, adopt, 7);
ENTRY(coppice_message_api, validate, 8);

HEAD(coppice_actor_api);
ENTRY(coppice_actor_api, self_borrowed, 0);
ENTRY(coppice_actor_api, parent_borrowed, 1);
ENTRY(coppice_actor_api, node_borrowed, 2);
ENTRY(coppice_actor_api, args_borrowed, 3);
ENTRY(coppice_actor_api, env_borrowed, 4);
ENTRY(coppice_actor_api, send, 5);
ENTRY(coppice_actor_api, link, 6);
ENTRY(coppice_actor_api, unlink, 7);
ENTRY(coppice_actor_api, exit, 8);
ENTRY(coppice_actor_api, trap_exit, 9);
ENTRY(coppice_actor_api, monitor, 10);
ENTRY(coppice_actor_api, demonitor, 11);
ENTRY(coppice_actor_api, monitor_node, 12);
ENTRY(coppice_actor_api, alias, 13);
ENTRY(coppice_actor_api, unalias, 14);
ENTRY(coppice_actor_api, register_name, 15);
ENTRY(coppice_actor_api, unregister_name, 16);
ENTRY(coppice_actor_api, whereis, 17);
ENTRY(coppice_actor_api, spawn, 18);
ENTRY(coppice_actor_api, set_error, 19);
ENTRY(coppice_actor_api, set_reason, 20);
ENTRY(coppice_actor_api, set_label, 21);

HEAD(coppice_call_api);
ENTRY(coppice_call_api, reply, 0);
ENTRY(coppice_call_api, call, 1);
ENTRY(coppice_call_api, call_many, 2);
ENTRY(coppice_call_api, request, 3);
ENTRY(coppice_call_api, cancel, 4);
ENTRY(coppice_call_api, cast, 5);

HEAD(coppice_timer_api);
ENTRY(coppice_timer_api, now, 0);
ENTRY(coppice_timer_api, wall_clock, 1);
ENTRY(coppice_timer_api, start, 2);
ENTRY(coppice_timer_api, cancel, 3);
ENTRY(coppice_timer_api, remaining, 4);

HEAD(coppice_work_api);
ENTRY(coppice_work_api, blocking_run, 0);
ENTRY(coppice_work_api, reductions, 1);
ENTRY(coppice_work_api, should_yield, 2);
ENTRY(coppice_work_api, yield, 3);
ENTRY(coppice_work_api, sleep_until, 4);

HEAD(coppice_log_api);
ENTRY(coppice_log_api, write, 0);
ENTRY(coppice_log_api, enabled, 1);

HEAD(coppice_server);
ENTRY(coppice_server, create, 0);
ENTRY(coppice_server, init, 1);
ENTRY(coppice_server, handle_continue, 2);
ENTRY(coppice_server, handle_call, 3);
ENTRY(coppice_server, handle_cast, 4);
ENTRY(coppice_server, handle_info, 5);
ENTRY(coppice_server, on_response, 6);
ENTRY(coppice_server, config_change, 7);
ENTRY(coppice_server, save_state, 8);
ENTRY(coppice_server, restore_state, 9);
ENTRY(coppice_server, format_status, 10);
ENTRY(coppice_server, terminate, 11);
ENTRY(coppice_server, destroy, 12);

/* Numbers. */
HOLDS(COPPICE_OK == 0 && COPPICE_CONTINUE == 1 && COPPICE_STOP == 2 && COPPICE_UNHANDLED == 3);
HOLDS(COPPICE_HIBERNATE == 4 && COPPICE_IGNORE == 5);
HOLDS(COPPICE_E_INVALID == -1 && COPPICE_E_EXITING == -4 && COPPICE_E_TIMEOUT == -5);
HOLDS(COPPICE_E_SELF == -9 && COPPICE_E_USED == -10 && COPPICE_E_FULL == -11);
HOLDS(COPPICE_E_VERSION == -16 && COPPICE_E_EXCEPTION == -17 && COPPICE_E_UNKNOWN_OUTCOME == -20);
HOLDS(COPPICE_SPAWN_LINK == 1 && COPPICE_SPAWN_MONITOR == 2);
