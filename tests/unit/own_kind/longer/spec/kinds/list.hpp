// SPDX-License-Identifier: MIT
// The kinds of children that a configuration can have, a line each, in the order of the keys: first the
// kinds beside an actor, then the kinds in place of an actor. For each, NAME_kind() has its options
// (kinds.hpp), and in the node NAME_assembly() turns them into what its engine takes. A test program can
// have a longer list in place of this one.
#pragma once

// clang-format off
#define COPPICE_KINDS(KIND) \
  KIND(statem) \
  KIND(stage) \
  KIND(router) \
  KIND(raft) \
  KIND(saga) \
  KIND(pool) \
  KIND(tcp) \
  KIND(udp) \
  KIND(port) \
  KIND(event_manager) \
  KIND(web) \
  KIND(consumer_supervisor) \
  KIND(tally)
// clang-format on
