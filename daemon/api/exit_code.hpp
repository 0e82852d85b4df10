// SPDX-License-Identifier: MIT
// The exit statuses of the programs, in one place for both ends of the control socket: the node answers with
// a failure's kind, and the client turns the kind into its exit status.
#pragma once

#include "base/error.hpp"

namespace coppice::api {

enum class exit_code : int {
  done = 0,
  failed = 1,  // refused or failed; of diff: there are differences
  usage = 2,   // the command line is wrong
  no_node = 3, // no node answers on the socket
  timed_out = 4,
  not_only = 5,          // apply --only: other files differ from what runs, too
  bad_configuration = 78 // EX_CONFIG of sysexits.h
};

// The exit status of a failure that the node reported.
constexpr exit_code exit_code_of(base::errc code) {
  return code == base::errc::timeout ? exit_code::timed_out : exit_code::failed;
}

} // namespace coppice::api
