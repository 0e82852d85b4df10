// SPDX-License-Identifier: MIT
// One generation of a plugin: what its file declared, where it came from, our copy of it and its code. The
// loader's; a reload holds one that is not in use yet.
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
  std::string file;        // where it came from
  std::string copy;        // what is mapped
  bool copy_stays = false; // for the node's next start, when the code is closed
  std::unique_ptr<image> mapped;

  std::uint64_t number() const { return mapped->generation(); }
};

// Code of a former generation that could not be given back yet.
struct kept_image {
  std::string plugin;
  std::uint64_t generation = 0;
  std::string reason; // in words
};

} // namespace coppice::loader
