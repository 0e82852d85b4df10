// SPDX-License-Identifier: MIT
// Where plugin files live while they are loaded: copies of our own under DATA/plugins, one for each
// generation, because the dynamic linker takes the same path for the same library and because a file that
// is replaced in place would change under running code. Blocking; not on a worker's thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"

namespace coppice::loader {

class copy_folder {
 public:
  // DATA/plugins, mode 0700.
  explicit copy_folder(std::string data) : path_(std::move(data) + "/plugins") {}

  // Makes the folder and removes what an earlier run left. errc::refused: it belongs to someone else or
  // lies on a mount from which nothing may be executed; the sentence names it.
  base::status prepare();
  // Copies an open file, from its beginning, to NAME-BUILDID-GENERATION.so, mode 0600, and gives the copy's
  // path.
  base::result<std::string> copy(int file, const std::string& name, const std::string& build_id,
                                 std::uint64_t generation) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

} // namespace coppice::loader
