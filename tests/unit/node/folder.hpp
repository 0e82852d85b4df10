// SPDX-License-Identifier: MIT
// A temporary folder that goes with what is in it.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace coppice::test {

class folder {
 public:
  folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coppice-node-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

} // namespace coppice::test
