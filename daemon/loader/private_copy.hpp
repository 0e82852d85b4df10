// SPDX-License-Identifier: MIT
// The node's private copies of plugin files, under DATA/plugins, one for each generation. They are needed
// because the dynamic linker takes an equal path for the same library, and because a file that is replaced in
// place would change under running code. Blocking; not on a worker's thread.
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

  // Makes the folder and notes the files that an earlier run left. errc::refused: it belongs to another user
  // or lies on a mount without execution, which the sentence names.
  base::status prepare();
  // Copies an open file, from its beginning, to NAME-BUILDID-GENERATION.so with mode 0600, and returns the
  // copy's path. If an earlier run left an equal copy, that is renamed instead, so that a node can start on a
  // full disk.
  base::result<std::string> copy(int file, const std::string& name, const std::string& build_id,
                                 std::uint64_t generation);
  // Removes the copies of an earlier run that copy() has not used.
  void sweep();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::string> former_; // names of files that an earlier run left
};

// Whether two open files hold the same bytes. False if one shrinks or grows meanwhile.
bool same_contents(int one, int other);

} // namespace coppice::loader
