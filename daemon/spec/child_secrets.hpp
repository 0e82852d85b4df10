// SPDX-License-Identifier: MIT
// The secrets that the args of children name (secrets.hpp). Any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "spec/node_spec.hpp"

namespace coppice::spec {

// Whether the args of the child's actor, or of an actor that it starts itself, have markers.
bool has_secrets(const child_spec&);

// All secrets in the args that has_secrets() looks at.
std::vector<base::secret> secrets_of(const child_spec&);

// The paths of all files that the args of children and of log handlers name.
std::set<std::string> secret_files(const node_spec&);

} // namespace coppice::spec
