// SPDX-License-Identifier: MIT
// What the configuration says of a stage, as the options that the stage's own init could give: a keyword list
// of GenStage's names. Any thread.
#pragma once

#include <string_view>

#include "behaviours/supervision/child_spec.hpp"
#include "runtime/messages/message.hpp"
#include "spec/kinds/stage.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Only what a stage of this behaviour can have; it was checked that nothing else is said.
runtime::message stage_term(const spec::stage_options& of, std::string_view behaviour);

} // namespace coppice::node
