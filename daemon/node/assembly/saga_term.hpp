// SPDX-License-Identifier: MIT
// What the configuration says of a saga, as behaviours/saga/saga_settings.hpp reads it. Any thread.
#pragma once

#include "runtime/messages/message.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

runtime::message saga_term(const spec::saga_options& of);

} // namespace coppice::node
