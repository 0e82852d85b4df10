// SPDX-License-Identifier: MIT
// What check says of the files of authorities (ca), certificates and keys that a configuration names, as a
// start would read them. A file that is not there is not looked at: it may be made before the node starts.
// Reads files.
#pragma once

#include <vector>

#include "spec/diagnostic.hpp"
#include "spec/node_spec.hpp"

namespace coppice::cli {

// A warning for each authority that is left out, an error for each file without one that can be read.
std::vector<spec::diagnostic> check_authorities(const spec::node_spec& of);

// Where root asks for a configuration of the service's: an error for each certificate and key that is there
// and that the service's user cannot read.
std::vector<spec::diagnostic> check_readable(const spec::node_spec& of,
                                             const std::vector<std::string>& configuration);

} // namespace coppice::cli
