/* SPDX-License-Identifier: MIT
 * Moved: include <coppice/draft/raft.h>. This file goes with the next minor version. */
#ifndef COPPICE_MOVED_RAFT_H
#define COPPICE_MOVED_RAFT_H
#pragma GCC warning "<coppice/raft.h> is <coppice/draft/raft.h> now"
#include <coppice/draft/raft.h>
#endif
