// SPDX-License-Identifier: MIT
// Tests which changes of files are reported, in the ways in which editors make them, and that no other is.
#include "cli/watched_files.hpp"
#include "net/loop_until.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace coppice;
using namespace coppice::cli;
namespace fs = std::filesystem;

namespace {

struct watched {
  test::temporary_folder folder;
  base::uv::loop on = base::uv::loop::make().value();
  changed_paths told{};
  int times = 0;
  std::unique_ptr<watched_files> watch{};

  watched() {
    folder.write("src/cart/cart.cpp", "one");
    folder.write("build/cart.so", "one");
    watch = watched_files::make(
                on, folder.path(), [](const std::string& one) { return one.starts_with("src"); },
                [this](const changed_paths& paths) {
                  told.insert(paths.begin(), paths.end());
                  ++times;
                })
                .value();
  }
  // Waits until that file has been reported. False: it was not.
  bool hears(const std::string& path) {
    return test::loop_until(on, [&] { return told.contains(path); });
  }
  // All changes that were reported before the test's last change.
  changed_paths all() {
    folder.write("src/last", "");
    CHECK(hears("src/last"));
    told.erase("src/last");
    return told;
  }
};

} // namespace

TEST_CASE("files of editors are passed over") {
  for (const char* name : {".cart.cpp.swp", ".#cart.cpp", "#cart.cpp#", "cart.cpp~", "4913", "cart.tmp",
                           "cart.swp", ".git", "cart.cpp___jb_tmp___"})
    CHECK(is_of_editor(name));
  for (const char* name : {"cart.cpp", "4914", "#cart.cpp", "tmp", "cart.cpp.orig"})
    CHECK(!is_of_editor(name));
}

TEST_CASE(
    "a file is told when it was written, renamed into its place, linked or removed, and only where it is "
    "wanted") {
  watched it;
  it.folder.write("src/cart/cart.cpp", "two");
  CHECK(it.hears("src/cart/cart.cpp"));
  it.told.clear();
  it.folder.write("src/cart/.cart.cpp.new", "three");
  fs::rename(it.folder.file("src/cart/.cart.cpp.new"), it.folder.file("src/cart/cart.cpp"));
  CHECK(it.hears("src/cart/cart.cpp"));
  it.told.clear();
  fs::create_symlink("cart.cpp", it.folder.file("src/cart/link.cpp"));
  CHECK(it.hears("src/cart/link.cpp"));
  fs::remove(it.folder.file("src/cart/link.cpp"));
  it.told.clear();
  it.folder.write("build/cart.so", "two");
  it.folder.write("src/cart/4913", "");
  it.folder.write("src/cart/.cart.cpp.swp", "");
  it.folder.write("src/cart/cart.cpp~", "");
  it.folder.write("meson.build", "");
  CHECK(it.all() == changed_paths{"meson.build", "src/cart/link.cpp"});
}

TEST_CASE("several changes that follow each other are told once") {
  watched it;
  it.folder.write("src/cart/cart.cpp", "two");
  it.folder.write("src/cart/test.cpp", "two");
  CHECK(it.hears("src/cart/test.cpp"));
  CHECK(it.told.contains("src/cart/cart.cpp"));
  CHECK(it.times == 1);
}

TEST_CASE("a folder that appears is told with its files and watched, and one that goes is told") {
  watched it;
  it.folder.write("src/audit/deep/audit.cpp", "one");
  CHECK(it.hears("src/audit/deep/audit.cpp"));
  it.told.clear();
  it.folder.write("src/audit/deep/audit.cpp", "two");
  CHECK(it.hears("src/audit/deep/audit.cpp"));
  it.told.clear();
  fs::rename(it.folder.file("src/audit"), it.folder.file("src/ledger"));
  CHECK(it.hears("src/ledger/deep/audit.cpp"));
  CHECK(it.told.contains("src/audit"));
  it.told.clear();
  it.folder.write("src/ledger/deep/audit.cpp", "three");
  CHECK(it.hears("src/ledger/deep/audit.cpp"));
  fs::remove_all(it.folder.file("src/ledger"));
  CHECK(it.hears("src/ledger"));
  it.told.clear();
  it.folder.write("src/ledger/deep/audit.cpp", "four");
  CHECK(it.hears("src/ledger/deep/audit.cpp"));
}
