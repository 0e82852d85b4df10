/* SPDX-License-Identifier: MIT
 * Every type of the plugin ABI that is no draft, reachable from an exported name, so that abidw and abidiff
 * see it. Built and compared, never run. */
#include <coppice/lifecycle.h>
#include <coppice/log.h>
#include <coppice/server.h>
#include <coppice/timer.h>
#include <coppice/work.h>

const coppice_message_api* surface_message;
const coppice_actor_api* surface_actor;
const coppice_call_api* surface_call;
const coppice_timer_api* surface_timer;
const coppice_work_api* surface_work;
const coppice_log_api* surface_log;
const coppice_lifecycle* surface_lifecycle;
const coppice_server* surface_server;
const coppice_descriptor* surface_descriptor;
