// SPDX-License-Identifier: MIT
// Checks control.http, which says from where and with which rights clients reach the node's page and API.
// Beyond loopback both need a token and TLS. Rights that are written there without them are an error.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// `root`: the whole configuration.
void check_http(report& to, const node& root, const control_options& control);

} // namespace coppice::spec
