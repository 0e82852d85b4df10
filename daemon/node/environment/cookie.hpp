// SPDX-License-Identifier: MIT
// Where a node's cookie comes from: a file, the environment, a systemd credential, or the user's own
// ~/.erlang.cookie. A file that is absent is made, readable by its owner only, with a fresh random
// cookie; one that others may read is refused, as erl does. No cookie ever stands in an error. Blocks.
#pragma once

#include <string>

#include "base/error.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

struct cookie {
  std::string value;
  std::string file; // it was read from or written to; empty: it has none
};

base::result<cookie> find_cookie(const spec::cookie_source& source);

} // namespace coppice::node
