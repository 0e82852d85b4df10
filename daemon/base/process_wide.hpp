// SPDX-License-Identifier: MIT
// State of which each process has one: bounds over all loops of a node, and what all of them remember. Such
// state is asked for here, rather than being a plain static, where a process that is killed would otherwise
// leave it in disorder: the simulated machine (tests/simulated) runs several nodes in one process, and kills
// them one by one. It compiles the sources that use this header with COPPICE_HOSTS_SHARE_PROCESS.
#pragma once

#ifdef COPPICE_HOSTS_SHARE_PROCESS
#include <unistd.h>

#include <map>
#endif

namespace coppice::base {

/// The T of this process, default-constructed by the first call. Any thread; T has to be safe for use by
/// several of them. With COPPICE_HOSTS_SHARE_PROCESS, the T of the simulated process that getpid() names.
template <class T>
T& of_process() {
#ifdef COPPICE_HOSTS_SHARE_PROCESS
  static auto* const all = new std::map<pid_t, T>; // NOLINT: lives as long as the real process
  return (*all)[getpid()];
#else
  static T one;
  return one;
#endif
}

} // namespace coppice::base
