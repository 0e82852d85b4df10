// SPDX-License-Identifier: MIT
// One plugin file mapped into this process. It is checked against its note, initialised, and closed again
// when nothing needs its code. The file is a private copy that no other program opens or replaces. open() and
// close() are called by one thread at a time.
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
  // identities outlive the image. A failure undoes everything.
  static base::result<std::unique_ptr<image>> open(const std::string& file,
                                                   const manifest::manifest& promised,
                                                   std::uint64_t generation, host::identity_book& identities);
  // Leaves the code mapped if there are still pins, since code that still needs it would crash.
  ~image();

  const coppice_descriptor& descriptor() const { return *descriptor_; }
  // Runs deinit and unmaps. errc::exists: pins are left, and nothing was done. False: dlclose was called, but
  // the code is still mapped (a thread_local destructor keeps it).
  base::result<bool> close();

 private:
  image(const manifest::manifest& promised, std::uint64_t generation, void* handle,
        const coppice_descriptor* descriptor);

  void* handle_;
  const coppice_descriptor* descriptor_;
};

// Whether this process has mapped a file whose code covers `address`, or a file of that path.
bool is_mapped(const void* address);
bool is_mapped(const std::string& file);

} // namespace coppice::loader
