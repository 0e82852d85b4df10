// SPDX-License-Identifier: MIT
// Reads the secrets of the children that a change of the configuration starts, before any child is stopped: a
// child whose secret cannot be read would be stopped, and neither the new nor the old one could start. Any
// thread; blocks for as long as the disk does.
#pragma once

#include "base/error.hpp"
#include "spec/diff.hpp"

namespace coppice::node {

// Errors as in base::read_secret(), with the path of the child: "shop/site: args.password: …". Children of a
// template are left out, because the change starts none.
base::status check_secrets(const spec::difference& of);

} // namespace coppice::node
