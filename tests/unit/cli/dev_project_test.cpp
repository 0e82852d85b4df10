// SPDX-License-Identifier: MIT
// Tests of the folder of the node of `coppice dev`, in a build folder that other users may share.
#include "cli/dev_project.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <iterator>
#include <string>

using namespace coppice;
using namespace coppice::cli;
namespace fs = std::filesystem;

namespace {

struct shared_build {
  test::temporary_folder elsewhere{};
  test::temporary_folder build{};
  std::string kept = elsewhere.write("kept.so", "of another project");
  dev_place place{};

  shared_build() {
    place.build = build.path();
    place.folder = build.file("dev");
  }
  // The error of claim_dev_folder(). Empty: it took the folder.
  std::string refusal() const {
    const auto claimed = claim_dev_folder(place);
    if (claimed) return "";
    CHECK(claimed.error().code == base::errc::refused);
    return claimed.error().text;
  }
};

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("plugins of an earlier run are removed, and nothing else") {
  const shared_build in;
  fs::create_directories(in.place.plugins());
  fs::permissions(in.place.folder, fs::perms(0755));
  fs::permissions(in.place.plugins(), fs::perms(0755));
  const std::string old = in.build.write("dev/plugins/old.so", "");
  const std::string text = in.build.write("dev/plugins/old.txt", "");
  fs::create_symlink(in.kept, in.place.plugins() + "/link.so");
  CHECK(in.refusal().empty());
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(text));
  CHECK(fs::exists(in.place.data()));
  CHECK(fs::exists(in.kept));
}

TEST_CASE("a symbolic link in place of a folder of the node is refused, and what it leads to stays") {
  for (const char* linked : {"dev", "dev/plugins", "dev/data"}) {
    CAPTURE(linked);
    const shared_build in;
    fs::create_directories(fs::path(in.build.file(linked)).parent_path());
    if (fs::exists(in.place.folder)) fs::permissions(in.place.folder, fs::perms(0755));
    fs::create_directory_symlink(in.elsewhere.path(), in.build.file(linked));
    CHECK(says(in.refusal(), in.build.file(linked) + " is a symbolic link"));
    CHECK(fs::exists(in.kept));
    CHECK(std::distance(fs::directory_iterator(in.elsewhere.path()), fs::directory_iterator()) == 1);
  }
}

TEST_CASE("a symbolic link in place of the lock is not followed") {
  const shared_build in;
  fs::create_directory(in.place.folder);
  fs::permissions(in.place.folder, fs::perms(0755));
  fs::create_symlink(in.elsewhere.file("made"), in.place.folder + "/lock");
  CHECK_FALSE(claim_dev_folder(in.place));
  CHECK_FALSE(fs::exists(in.elsewhere.file("made")));
}

TEST_CASE("a folder that other users can write is refused") {
  const shared_build in;
  fs::create_directory(in.place.folder);
  fs::permissions(in.place.folder, fs::perms(0777));
  CHECK(says(in.refusal(), "can be written by other users"));
  CHECK_FALSE(fs::exists(in.place.folder + "/lock"));
}

TEST_CASE("a file in place of a folder of the node is refused") {
  const shared_build in;
  in.build.write("dev", "");
  CHECK(says(in.refusal(), "is no folder"));
}
