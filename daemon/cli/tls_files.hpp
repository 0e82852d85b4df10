// SPDX-License-Identifier: MIT
// The checks of `check` for the files that a configuration names: of authorities (ca), certificates and keys,
// of cookies, of the token and of secrets; a start reads them in the same way. A missing file is ignored,
// since it may be made before the node starts. Reads files.
#pragma once

#include <vector>

#include "spec/node_spec.hpp"
#include "spec/schema/diagnostic.hpp"

namespace coppice::cli {

// A warning for each authority that is left out, and an error for each file without a readable one.
std::vector<spec::diagnostic> check_authorities(const spec::node_spec& of);

// For root, if the configuration is the service's: an error for each existing file of these kinds
// that the service's user cannot read.
std::vector<spec::diagnostic> check_readable(const spec::node_spec& of,
                                             const std::vector<std::string>& configuration);

} // namespace coppice::cli
