// SPDX-License-Identifier: MIT
// Converts the configuration of a stage to the options that the stage's own init could give: a keyword list
// of GenStage's names. Any thread.
#pragma once

#include <string_view>

#include "behaviours/supervision/child_spec.hpp"
#include "runtime/messages/message.hpp"
#include "spec/kinds/stage.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Writes only the options that a stage of this behaviour can have. The configuration was checked to have no
// others.
runtime::message stage_term(const spec::stage_options& of, std::string_view behaviour);

} // namespace coppice::node
