// SPDX-License-Identifier: MIT
// The descriptor a loaded file exports, held against what its note promised. Whoever maps a plugin, the
// daemon or the probe, asks this before any of its functions runs. The pointers in a descriptor are the
// plugin's and are trusted as its code is; numbers and texts are not. Any thread.
#pragma once

#include <coppice/plugin.h>

#include "base/error.hpp"
#include "manifest/manifest.hpp"

namespace coppice::loader {

// errc::refused, with a sentence for the plugin's author.
base::status check_descriptor(const coppice_descriptor& found, const manifest::manifest& promised);

} // namespace coppice::loader
