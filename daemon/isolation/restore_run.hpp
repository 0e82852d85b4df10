// SPDX-License-Identifier: MIT
// Restores saved states in the probe's process: a small runtime with one worker makes one actor after another
// from its saved state instead of by init. Blocks until all are done.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "loader/image.hpp"
#include "loader/trial.hpp"

namespace coppice::isolation {

// errc::refused: a state was not accepted; the sentence names its actor. The image has no pins afterwards.
base::status restore_all(loader::image& image, const std::vector<loader::trial_state>& states);

} // namespace coppice::isolation
