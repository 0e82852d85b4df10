// SPDX-License-Identifier: MIT
// Checks control.http: who reaches the node's page and API from where. Beyond loopback both need a token, so
// rights that are written there without a token are an error.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// `root`: the whole configuration.
void check_http(report& to, const node& root, const control_options& control);

} // namespace coppice::spec
