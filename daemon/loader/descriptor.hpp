// SPDX-License-Identifier: MIT
// Compares the descriptor that a loaded file exports with what the file's note promised. The daemon and the
// probe call this after mapping a plugin and before any of its functions runs. The pointers in a descriptor
// belong to the plugin and are trusted as much as its code; numbers and texts are not. Any thread.
#pragma once

#include <coppice/plugin.h>

#include "base/error.hpp"
#include "manifest/manifest.hpp"

namespace coppice::loader {

// errc::refused: they differ; the sentence is for the plugin's author.
base::status check_descriptor(const coppice_descriptor& found, const manifest::manifest& promised);

} // namespace coppice::loader
