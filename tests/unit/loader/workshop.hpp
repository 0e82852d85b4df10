// SPDX-License-Identifier: MIT
// A folder of plugins for one test, from which it is safe to load and which is removed afterwards, and the
// options of a loader that searches it. One thread.
#pragma once

#include <filesystem>
#include <string>

#include "loader/loader.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

namespace coppice::test {

class workshop {
 public:
  workshop() { std::filesystem::create_directory(plugins()); }

  std::filesystem::path plugins() const { return root_.file("plugins"); }
  std::filesystem::path data() const { return root_.file("data"); }

  // Copies a fixture into the folder, under the name by which it is loaded.
  std::filesystem::path put(std::string_view fixture, std::string_view as = "fixture") {
    const auto file = plugins() / (std::string(as) + ".so");
    std::filesystem::copy_file(std::filesystem::path(FIXTURE_FOLDER) / (std::string(fixture) + ".so"), file,
                               std::filesystem::copy_options::overwrite_existing);
    using perms = std::filesystem::perms;
    std::filesystem::permissions(file, perms::owner_all | perms::group_read | perms::others_read);
    return file;
  }

  loader::loader_options options() const {
    loader::loader_options out;
    out.path = {plugins().string()};
    out.data = data().string();
    out.plugin_host = PLUGIN_HOST_PROGRAM;
    return out;
  }

  // The options for the bundled plugins in the build folder.
  loader::loader_options bundled() const {
    loader::loader_options out = options();
    out.path = {PLUGIN_FOLDER};
    return out;
  }

 private:
  temporary_folder root_;
};

} // namespace coppice::test
