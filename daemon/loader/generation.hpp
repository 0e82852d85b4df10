// SPDX-License-Identifier: MIT
// One generation of a plugin: what its file declared, where the file lies, the loader's copy of it, and its
// code. The loader owns generations; a reload owns one that is not in use yet.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/boundary/actor_code.hpp"
#include "loader/image.hpp"
#include "manifest/manifest.hpp"

namespace coppice::loader {

struct plugin_generation {
  manifest::manifest declared;
  std::string file;        // path of the plugin's file
  std::string copy;        // path of the copy that is mapped
  bool copy_stays = false; // the copy is kept for the node's next start when the code is closed
  std::unique_ptr<image> mapped;

  std::uint64_t number() const { return mapped->generation(); }
};

// Code of a former generation that could not be unmapped yet.
struct kept_image {
  std::string plugin;
  std::uint64_t generation = 0;
  std::string reason; // in words
};

} // namespace coppice::loader
