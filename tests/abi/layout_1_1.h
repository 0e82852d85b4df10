/* SPDX-License-Identifier: MIT
 * What 1.1 has beyond 1.0, as layout_1_0.h has that: grown tables by the members behind the old ones, new
 * structs whole. 64-bit, C and C++. */
#include "layout_1_0.h"

AT_LEAST(coppice_remote_spawn, 96);
AT(coppice_remote_spawn, size, 0);
AT(coppice_remote_spawn, flags, 4);
AT(coppice_remote_spawn, node, 8);
AT(coppice_remote_spawn, module, 24);
AT(coppice_remote_spawn, function, 40);
AT(coppice_remote_spawn, args, 56);
AT(coppice_remote_spawn, options, 72);
AT(coppice_remote_spawn, deadline, 88);

ENTRY(coppice_actor_api, spawn_at, 22);
ENTRY(coppice_actor_api, priority_alias, 23);
ENTRY(coppice_actor_api, send_priority, 24);
ENTRY(coppice_actor_api, exit_priority, 25);
ENTRY(coppice_actor_api, link_priority, 26);
ENTRY(coppice_actor_api, monitor_priority, 27);
