// SPDX-License-Identifier: MIT
// Finds the node's cookie, and the token of its page: in a file, the environment, a systemd credential, or
// the user's ~/.erlang.cookie. An absent file is made with a random cookie, readable by its owner only. A
// file that others may read is refused, as in erl. An error contains neither. Blocks.
#pragma once

#include <string>

#include "base/error.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

struct cookie {
  std::string value;
  std::string file; // file that it was read from or written to. Empty: none
};

base::result<cookie> find_cookie(const spec::cookie_source& source);

// The token of control.http, found as a cookie is. Empty: no source is set.
base::result<std::string> find_token(const spec::cookie_source& source);

} // namespace coppice::node
