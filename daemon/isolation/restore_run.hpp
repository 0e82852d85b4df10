// SPDX-License-Identifier: MIT
// Restoring saved states in the probe's process: a small runtime with one worker, one actor at a time, each
// made from a saved state instead of by init. Blocks until all are through.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "loader/image.hpp"
#include "loader/trial.hpp"

namespace coppice::isolation {

// errc::refused: some state was not taken; the sentence names its actor. The image has no pins afterwards.
base::status restore_all(loader::image& image, const std::vector<loader::trial_state>& states);

} // namespace coppice::isolation
