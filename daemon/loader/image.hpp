// SPDX-License-Identifier: MIT
// One plugin file mapped into this process: found to be what its note says, initialised, and closed again
// when nothing needs its code. The file is a private one that no one else opens or replaces. open() and
// close() on one thread at a time.
#pragma once

#include <coppice/plugin.h>

#include <memory>
#include <string>

#include "base/error.hpp"
#include "host/boundary/plugin_image.hpp"
#include "manifest/manifest.hpp"

namespace coppice::loader {

class image final : public host::plugin_image {
 public:
  // Maps the file, checks its descriptor against `promised`, runs its init and reads its actor types, whose
  // identities outlive it. Whatever fails is undone.
  static base::result<std::unique_ptr<image>> open(const std::string& file,
                                                   const manifest::manifest& promised,
                                                   std::uint64_t generation, host::identity_book& identities);
  // Leaves the code mapped while pins are left: what still needs it would crash.
  ~image();

  const coppice_descriptor& descriptor() const { return *descriptor_; }
  // Runs deinit and unmaps. errc::exists: something still needs it, nothing was done. False: unmapping was
  // asked for and the code is mapped still (a thread_local destructor keeps it).
  base::result<bool> close();

 private:
  image(const manifest::manifest& promised, std::uint64_t generation, void* handle,
        const coppice_descriptor* descriptor);

  void* handle_;
  const coppice_descriptor* descriptor_;
};

// Whether this process has a file mapped whose code covers `address`, or of that path.
bool is_mapped(const void* address);
bool is_mapped(const std::string& file);

} // namespace coppice::loader
