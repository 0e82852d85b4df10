// SPDX-License-Identifier: MIT
// The rows of a listener, some of which a web server has too, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<tcp_options>& tcp_table();
const table<tcp_listen_options>& tcp_listen_table();
const table<access_options>& access_table();
const table<frame_options>& frame_table();

} // namespace coppice::spec
