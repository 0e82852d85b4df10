/* SPDX-License-Identifier: MIT
 * The plugin ABI of 1.0, written down once more: each struct's members by offset and size, and the numbers
 * that both sides compile in. A change of a header that moves or resizes one does not compile. What a struct
 * grows by stands in a file for that minor, and this one stays as it is. Drafts are not in it. 64-bit, C and
 * C++. */
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
/* Of a struct that grows: what it was in 1.0, by the headers of any minor. */
#define GROWS_FROM(type, least, size) \
  HOLDS((least) == (size));           \
  HOLDS(sizeof(type) >= (size))

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
SIZE(coppice_table, 16);
AT(coppice_table, name, 0);
AT(coppice_table, callbacks, 8);
SIZE(coppice_log_field, 48);
AT(coppice_log_field, name, 0);
AT(coppice_log_field, text, 16);
AT(coppice_log_field, term, 32);

/* Grow at the end. */
GROWS_FROM(coppice_host, COPPICE_HOST_LEAST, 40);
AT(coppice_host, size, 0);
AT(coppice_host, abi_major, 4);
AT(coppice_host, abi_minor, 8);
AT(coppice_host, reserved, 12);
AT(coppice_host, version_borrowed, 16);
AT(coppice_host, get_interface, 24);
AT(coppice_host, set_error, 32);
GROWS_FROM(coppice_actor_type, COPPICE_ACTOR_TYPE_LEAST, 40);
AT(coppice_actor_type, size, 0);
AT(coppice_actor_type, state_version, 4);
AT(coppice_actor_type, name, 8);
AT(coppice_actor_type, behaviour, 16);
AT(coppice_actor_type, tables, 24);
AT(coppice_actor_type, args_schema, 32);
GROWS_FROM(coppice_descriptor, COPPICE_DESCRIPTOR_LEAST, 80);
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
GROWS_FROM(coppice_spawn_options, COPPICE_SPAWN_OPTIONS_LEAST, 64);
AT(coppice_spawn_options, size, 0);
AT(coppice_spawn_options, flags, 4);
AT(coppice_spawn_options, actor, 8);
AT(coppice_spawn_options, name, 24);
AT(coppice_spawn_options, args, 40);
AT(coppice_spawn_options, deadline, 56);
GROWS_FROM(coppice_remote_spawn, COPPICE_REMOTE_SPAWN_LEAST, 96);
AT(coppice_remote_spawn, size, 0);
AT(coppice_remote_spawn, flags, 4);
AT(coppice_remote_spawn, node, 8);
AT(coppice_remote_spawn, module, 24);
AT(coppice_remote_spawn, function, 40);
AT(coppice_remote_spawn, args, 56);
AT(coppice_remote_spawn, options, 72);
AT(coppice_remote_spawn, deadline, 88);
GROWS_FROM(coppice_monitor_options, COPPICE_MONITOR_OPTIONS_LEAST, 24);
AT(coppice_monitor_options, size, 0);
AT(coppice_monitor_options, alias, 4);
AT(coppice_monitor_options, tag, 8);
GROWS_FROM(coppice_timer_options, COPPICE_TIMER_OPTIONS_LEAST, 40);
AT(coppice_timer_options, size, 0);
AT(coppice_timer_options, reserved, 4);
AT(coppice_timer_options, deadline, 8);
AT(coppice_timer_options, period, 16);
AT(coppice_timer_options, destination, 24);

GROWS_FROM(coppice_message_api, COPPICE_MESSAGE_API_LEAST, 8 + 8 * 9);
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

GROWS_FROM(coppice_actor_api, COPPICE_ACTOR_API_LEAST, 8 + 8 * 23);
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
ENTRY(coppice_actor_api, spawn_at, 22);

GROWS_FROM(coppice_call_api, COPPICE_CALL_API_LEAST, 8 + 8 * 6);
HEAD(coppice_call_api);
ENTRY(coppice_call_api, reply, 0);
ENTRY(coppice_call_api, call, 1);
ENTRY(coppice_call_api, call_many, 2);
ENTRY(coppice_call_api, request, 3);
ENTRY(coppice_call_api, cancel, 4);
ENTRY(coppice_call_api, cast, 5);

GROWS_FROM(coppice_timer_api, COPPICE_TIMER_API_LEAST, 8 + 8 * 5);
HEAD(coppice_timer_api);
ENTRY(coppice_timer_api, now, 0);
ENTRY(coppice_timer_api, wall_clock, 1);
ENTRY(coppice_timer_api, start, 2);
ENTRY(coppice_timer_api, cancel, 3);
ENTRY(coppice_timer_api, remaining, 4);

GROWS_FROM(coppice_work_api, COPPICE_WORK_API_LEAST, 8 + 8 * 5);
HEAD(coppice_work_api);
ENTRY(coppice_work_api, blocking_run, 0);
ENTRY(coppice_work_api, reductions, 1);
ENTRY(coppice_work_api, should_yield, 2);
ENTRY(coppice_work_api, yield, 3);
ENTRY(coppice_work_api, sleep_until, 4);

GROWS_FROM(coppice_log_api, COPPICE_LOG_API_LEAST, 8 + 8 * 2);
HEAD(coppice_log_api);
ENTRY(coppice_log_api, write, 0);
ENTRY(coppice_log_api, enabled, 1);

GROWS_FROM(coppice_lifecycle, COPPICE_LIFECYCLE_LEAST, 8 + 8 * 10);
HEAD(coppice_lifecycle);
ENTRY(coppice_lifecycle, create, 0);
ENTRY(coppice_lifecycle, init, 1);
ENTRY(coppice_lifecycle, handle_continue, 2);
ENTRY(coppice_lifecycle, config_change, 3);
ENTRY(coppice_lifecycle, save_state, 4);
ENTRY(coppice_lifecycle, restore_state, 5);
ENTRY(coppice_lifecycle, after_restore, 6);
ENTRY(coppice_lifecycle, format_status, 7);
ENTRY(coppice_lifecycle, terminate, 8);
ENTRY(coppice_lifecycle, destroy, 9);

GROWS_FROM(coppice_server, COPPICE_SERVER_LEAST, 8 + 8 * 4);
HEAD(coppice_server);
ENTRY(coppice_server, handle_call, 0);
ENTRY(coppice_server, handle_cast, 1);
ENTRY(coppice_server, handle_info, 2);
ENTRY(coppice_server, on_response, 3);

/* Numbers. */
HOLDS(COPPICE_OK == 0 && COPPICE_CONTINUE == 1 && COPPICE_STOP == 2 && COPPICE_UNHANDLED == 3);
HOLDS(COPPICE_HIBERNATE == 4 && COPPICE_IGNORE == 5);
HOLDS(COPPICE_BEHAVIOUR_FIRST == 64 && COPPICE_BEHAVIOUR_LAST == 127);
HOLDS(COPPICE_E_INVALID == -1 && COPPICE_E_MEMORY == -2 && COPPICE_E_UNSUPPORTED == -3);
HOLDS(COPPICE_E_EXITING == -4 && COPPICE_E_TIMEOUT == -5 && COPPICE_E_NOPROC == -6);
HOLDS(COPPICE_E_NODEDOWN == -7 && COPPICE_E_EXIT == -8 && COPPICE_E_SELF == -9 && COPPICE_E_USED == -10);
HOLDS(COPPICE_E_FULL == -11 && COPPICE_E_EXISTS == -12 && COPPICE_E_NOT_FOUND == -13);
HOLDS(COPPICE_E_CONTEXT == -14 && COPPICE_E_TERM == -15 && COPPICE_E_VERSION == -16);
HOLDS(COPPICE_E_EXCEPTION == -17 && COPPICE_E_INTERNAL == -18 && COPPICE_E_REFUSED == -19);
HOLDS(COPPICE_E_UNKNOWN_OUTCOME == -20);
HOLDS(COPPICE_PRIORITY == 1 && COPPICE_NO_CONNECT == 2 && COPPICE_NO_WAIT == 4 && COPPICE_ONCE == 8);
HOLDS(COPPICE_ALIAS_NONE == 0 && COPPICE_ALIAS_EXPLICIT == 1 && COPPICE_ALIAS_DEMONITOR == 2);
HOLDS(COPPICE_ALIAS_REPLY == 3);
HOLDS(COPPICE_SPAWN_LINK == 1 && COPPICE_SPAWN_MONITOR == 2);
HOLDS(COPPICE_FOREVER == INT64_MAX);
HOLDS(COPPICE_LOG_ERROR == 0 && COPPICE_LOG_WARNING == 1 && COPPICE_LOG_INFO == 2 && COPPICE_LOG_DEBUG == 3);
