// SPDX-License-Identifier: MIT
// Tests of every refusal of a plugin file, each with a file that deserves it.
#include "manifest/manifest.hpp"

#include <doctest/doctest.h>

#include "behaviour_names.hpp"
#include "fixtures.hpp"
#include "no_descriptors.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using manifest::objection;

namespace {

manifest::inspection inspect(const std::string& name) {
  return manifest::inspect(std::string(fixture_folder) + "/" + name + ".so", {.file_safety = false});
}

// The first refusal as text and remedy.
std::string refusal(const manifest::inspection& result) {
  return result.verdict.text();
}

} // namespace

TEST_CASE("a good plugin is accepted and says what it is") {
  auto result = inspect("good");
  CHECK(refusal(result) == "");
  CHECK(result.verdict.reasons.empty());
  REQUIRE(result.declared);
  CHECK(result.declared->id == "good");
  CHECK(result.declared->version == "1.2.3");
  CHECK(result.declared->build_id == result.linked->build_id);
  CHECK(result.declared->abi_major == 1);
  CHECK(result.declared->abi_minor_needs == 0);
  REQUIRE(result.declared->actors.size() == 2);
  CHECK(result.declared->actors[0].behaviour == "server");
  CHECK(result.declared->actors[0].tables ==
        std::vector<std::string>{"coppice.lifecycle/1", "coppice.server/1"});
  CHECK(result.declared->actors[0].state_version == 2);
  CHECK(result.declared->actors[0].args_schema == R"({"type":"object"})");
  CHECK(result.declared->find("other"));
  CHECK_FALSE(result.declared->find("third"));
}

TEST_CASE("a stripped plugin with an old-style hash table is still read") {
  auto result = inspect("stripped");
  CHECK(refusal(result) == "");
  REQUIRE(result.declared);
  CHECK(result.linked->has_descriptor);
}

TEST_CASE("a refused plugin is told why and what to do") {
  struct row {
    const char* file;
    objection kind;
    std::string text;
  };
  const row rows[] = {
      {"no_note", objection::no_note,
       "not a Coppice plugin, or built without COPPICE_PLUGIN (declare the plugin with COPPICE_PLUGIN in one "
       "of its "
       "files)"},
      {"two_notes", objection::bad_note,
       "declares itself 2 times (use COPPICE_PLUGIN once in all of the plugin's files)"},
      {"no_descriptor", objection::no_descriptor,
       "does not export coppice_plugin (declare it with COPPICE_PLUGIN and keep it visible in the version "
       "script)"},
      {"newer_minor", objection::newer_abi,
       "good 1.2.3 needs plugin ABI 1.99, and this host, coppice " COPPICE_VERSION
       ", has 1.0 (install a coppice whose plugin ABI is at least 1.99)"},
      {"newer_major", objection::newer_abi,
       "good 1.2.3 needs plugin ABI 2.0, and this host, coppice " COPPICE_VERSION
       ", has 1.0 (install a coppice whose plugin ABI is at least 2.0)"},
      {"older_major", objection::older_abi,
       "good 1.2.3 needs plugin ABI 0.9, and this host, coppice " COPPICE_VERSION
       ", has 1.0 (rebuild it with this host's headers)"},
      {"newer_format", objection::newer_format, "the note has format 2, this host reads 1 (update the host)"},
      {"unknown_behaviour", objection::unknown_behaviour,
       "actor good: unknown behaviour \"pond\", this host has " + test::behaviour_names() +
           " (name one it has, or use a newer host)"},
      {"mistyped_behaviour", objection::unknown_behaviour,
       "actor good: unknown behaviour \"servre\", this host has " + test::behaviour_names() +
           " (did you mean "
           "'server'?)"},
      {"lacks_table", objection::bad_tables,
       "actor good: the behaviour server needs the table coppice.server/1, which is missing (give the actor "
       "type that table, in its code and its note)"},
      {"other_revision", objection::bad_tables,
       "actor good: the behaviour server needs the table coppice.server/1, which is missing; this host does "
       "not know its coppice.server/draft-1 (rebuild it with this host's headers)"},
      {"table_twice", objection::bad_tables,
       "actor good: its table coppice.server/1 stands there twice (keep one)"},
      {"runpath", objection::search_path,
       "has a library search path (RPATH or RUNPATH): /opt/lib (link without -rpath; a private library is "
       "linked "
       "statically)"},
      {"no_delete", objection::no_delete,
       "is linked with -z nodelete, so that it could never be reloaded (link without -z nodelete)"},
      {"text_relocations", objection::text_relocations,
       "has text relocations (compile all of it with -fPIC)"},
      {"executable_stack", objection::executable_stack,
       "asks for an executable stack (link with -z noexecstack)"},
  };
  for (const auto& one : rows) {
    CAPTURE(one.file);
    auto result = inspect(one.file);
    CHECK_FALSE(result.verdict.accepted());
    CHECK(result.verdict.has(one.kind));
    CHECK(refusal(result) == one.text);
  }
}

TEST_CASE("a manifest that is no JSON is refused with the parser's words") {
  auto result = inspect("bad_json");
  CHECK(result.verdict.has(objection::bad_json));
  CHECK(refusal(result).find("its manifest is wrong: not JSON: parse error at line 1") == 0);
}

TEST_CASE("a private library is refused, for a second generation would get the first one's copy") {
  const auto result = inspect("private_library");
  CHECK(result.verdict.has(objection::private_library));
  CHECK(refusal(result).find("libcoppice-test-private.so, which is not in the system's library folders") !=
        std::string::npos);
  for (const auto& library : result.linked->libraries)
    CHECK(library.path.empty() == (library.name == "libcoppice-test-private.so"));
}

#if have_unique
TEST_CASE("unique symbols are refused, for they keep a plugin in memory for ever") {
  auto result = inspect("unique");
  CHECK(result.verdict.has(objection::unique_symbol));
  CHECK(refusal(result).find("exports unique symbols, which keep it in memory for ever: ") == 0);
}
#endif

TEST_CASE("further exports and weak hardening are warned about, not refused") {
  auto extra = inspect("extra");
  CHECK(extra.verdict.accepted());
  CHECK(extra.verdict.has(objection::extra_exports));
  CHECK(extra.verdict.reasons.at(0).text == "exports more than coppice_plugin: helper");
  auto lazy = inspect("lazy");
  CHECK(lazy.verdict.accepted());
  CHECK(lazy.verdict.has(objection::weak_hardening));
}

TEST_CASE("the drafts a file uses are found in its note and among its constants, none in a sentence") {
  CHECK(inspect("good").drafts.empty());
  const auto found = inspect("drafts");
  CHECK(found.drafts == std::vector<std::string>{"coppice.brook/draft-2", "coppice.metric/draft-7",
                                                 "coppice.order/draft-1", "coppice.pond/draft-3"});
  CHECK(found.verdict.accepted());
  std::vector<std::string> warnings;
  for (const auto& one : found.verdict.reasons)
    if (one.kind == objection::unknown_draft) warnings.push_back(one.sentence());
  CHECK(
      warnings ==
      std::vector<std::string>{
          "uses coppice.brook/draft-2, which this host does not have (rebuild it without, or use the host it "
          "was built for)",
          "uses coppice.metric/draft-7, this host has draft-1 (use a newer host, or rebuild it with this "
          "host's headers)",
          "uses coppice.pond/draft-3, which this host does not have (rebuild it without, or use the host it "
          "was built for)"});
}

TEST_CASE("a file that no descriptor is left for is not taken for one without permissions") {
  const manifest::inspection result = [] {
    const test::no_descriptors left;
    return inspect("good");
  }();
  CHECK(refusal(result) ==
        "cannot be read: Too many open files (the process may open no more files: raise LimitNOFILE= in its "
        "unit, or "
        "ulimit -n)");
}

TEST_CASE("what is no plugin at all is said so") {
  test::temporary_folder folder;
  auto check = [](const std::string& path, objection kind, const char* text) {
    auto result = manifest::inspect(path, {.file_safety = false});
    CHECK(result.verdict.has(kind));
    CHECK(refusal(result) == text);
  };
  check(folder.path() + "/none.so", objection::unreadable,
        "cannot be read: No such file or directory (check the path and the file's permissions)");
  check(folder.path(), objection::unreadable,
        "cannot be read: not a regular file (check the path and the file's permissions)");
  check(folder.write("empty.so", ""), objection::not_elf,
        "not an ELF file (a plugin is a shared object (.so): compile and link it)");
  check(folder.write("text.so", "hello"), objection::not_elf,
        "not an ELF file (a plugin is a shared object (.so): compile and link it)");
  check("/proc/self/exe", objection::not_a_library, "a program, not a shared object (link it with -shared)");
}

TEST_CASE("read() gives the manifest or the whole verdict") {
  auto good = manifest::read(std::string(fixture_folder) + "/good.so", {.file_safety = false});
  REQUIRE(good);
  CHECK(good->id == "good");
  test::temporary_folder folder;
  auto path = folder.write("x.so", "x");
  auto bad = manifest::read(path);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == base::errc::refused);
  CHECK(bad.error().text ==
        path + ": not an ELF file (a plugin is a shared object (.so): compile and link it)");
}
