// SPDX-License-Identifier: MIT
// Checks the files of the cookies and of the token of control.http, as the node reads them at its start.
// Reads files. Any thread.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// Reports each file with which the node would not start. An absent file is good: the node makes it. A file
// that the user of this process may not read is only warned about, since the node may run as another user.
// `root`: the whole configuration.
void check_secret_files(report& to, const node& root, const node_spec& spec);

} // namespace coppice::spec
