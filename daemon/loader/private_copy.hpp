// SPDX-License-Identifier: MIT
// Where plugin files live while they are loaded: copies of our own under DATA/plugins, one for each
// generation, because the dynamic linker takes the same path for the same library and because a file that
// is replaced in place would change under running code. Blocking; not on a worker's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace coppice::loader {

class copy_folder {
 public:
  // DATA/plugins, mode 0700.
  explicit copy_folder(std::string data) : path_(std::move(data) + "/plugins") {}

  // Makes the folder and notes what an earlier run left. errc::refused: it belongs to someone else or lies on
  // a mount from which nothing may be executed; the sentence names it.
  base::status prepare();
  // Copies an open file, from its beginning, to NAME-BUILDID-GENERATION.so, mode 0600, and gives the copy's
  // path. An equal copy that an earlier run left is given that name instead, so that a node starts on a full
  // disk too.
  base::result<std::string> copy(int file, const std::string& name, const std::string& build_id,
                                 std::uint64_t generation);
  // Removes what an earlier run left and nobody has asked for since.
  void sweep();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::string> former_; // names of files that an earlier run left
};

// Whether two open files hold the same bytes. One that shrinks or grows meanwhile differs.
bool same_contents(int one, int other);

} // namespace coppice::loader
