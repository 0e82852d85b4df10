// SPDX-License-Identifier: MIT
// A folder of plugins for one test, in a place that is safe to load from and gone afterwards, and a loader
// that searches it.
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

  // Puts a fixture into the folder under the name it is loaded by.
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

  // The bundled plugins as they are built.
  loader::loader_options bundled() const {
    loader::loader_options out = options();
    out.path = {PLUGIN_FOLDER};
    return out;
  }

 private:
  temporary_folder root_;
};

} // namespace coppice::test
