// SPDX-License-Identifier: MIT
// Tests of the habits that `coppice inspect --lint` finds: each in a file that has it, and none in other
// files.
#include "manifest/lint.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "fixtures.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

namespace {

std::string path_of(const std::string& name) {
  return std::string(fixture_folder) + "/" + name + ".so";
}

manifest::lint_report lint(const std::string& name) {
  auto report = manifest::lint(path_of(name));
  REQUIRE(report);
  return *report;
}

std::vector<std::string> kinds_of(const manifest::lint_report& report) {
  std::vector<std::string> kinds;
  for (const auto& one : report.findings) kinds.push_back(one.kind);
  return kinds;
}

std::string sentence(const manifest::lint_report& report, const std::string& kind) {
  const auto found = std::ranges::find(report.findings, kind, &manifest::finding::kind);
  return found == report.findings.end() ? "" : found->text + " (" + found->remedy + ")";
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a plugin without bad habits has no finding, and one without a state needs no version") {
  const auto report = lint("no_habits");
  CHECK(kinds_of(report).empty());
  CHECK(report.not_judged.empty());
}

TEST_CASE("each habit is found and has its remedy") {
  const auto report = lint("habits");
  CHECK(kinds_of(report) == std::vector<std::string>{"blocking_call", "ends_node", "thread_local",
                                                     "writable_data", "state_version"});
  CHECK(sentence(report, "blocking_call") ==
        "calls sleep, which holds a worker of the node and every actor on it (wait with a timer of the "
        "actor, or with the host's sleep)");
  CHECK(sentence(report, "ends_node") ==
        "calls exit, which ends the whole node (end the actor instead: return COPPICE_STOP, or throw)");
  CHECK(sentence(report, "thread_local") ==
        "has a thread_local variable with a destructor, which keeps the old code in memory after each reload "
        "(keep it in the actor, or give it a type without a destructor)");
  CHECK(sentence(report, "state_version") ==
        "actor keeper saves a state, and its state_version is 0, which stands for none (give its type a "
        "state_version from 1 on, and raise it when save_state changes)");
  CHECK(report.not_judged.empty());
}

TEST_CASE("the plugin's own variables are named, and nothing of the classes, the libraries or the compiler") {
  const auto text = sentence(lint("habits"), "writable_data");
  CHECK(has(text, "has writable data of 36 bytes, which all of its actors share: ")); // 4, and a string of 32
  CHECK(has(text, "shop::total"));
  CHECK(has(text, "shop::(anonymous namespace)::last"));
  CHECK_FALSE(has(text, "sizes"));
  CHECK_FALSE(has(text, "mine"));
  CHECK_FALSE(has(text, "coppice"));
}

TEST_CASE("without a symbol table variables are not judged, and all else is") {
  const auto report = lint("habits_stripped");
  CHECK(kinds_of(report) ==
        std::vector<std::string>{"blocking_call", "ends_node", "thread_local", "state_version"});
  CHECK(report.not_judged == std::vector<std::string>{"writable data: the file has no symbol table"});
}

TEST_CASE("in C abort is the author's own, and a pointer that init sets is passed over") {
  const auto report = lint("habits_in_c");
  CHECK(kinds_of(report) == std::vector<std::string>{"blocking_call", "ends_node", "writable_data"});
  CHECK(has(sentence(report, "blocking_call"), "calls poll"));
  CHECK(has(sentence(report, "ends_node"), "calls abort"));
  const auto text = sentence(report, "writable_data");
  CHECK(has(text, "of 16 bytes"));
  CHECK(has(text, ": counts ("));
}

TEST_CASE("what is no plugin is an error in the words of its verdict") {
  const auto report = manifest::lint(path_of("no_note"));
  REQUIRE_FALSE(report);
  CHECK(has(report.error().text, "not a Coppice plugin, or built without COPPICE_PLUGIN"));
  test::temporary_folder folder;
  CHECK_FALSE(manifest::lint(folder.path() + "/none.so"));
}

TEST_CASE("random damage ends in a report or an error") {
  test::temporary_folder folder;
  const auto whole = test::read_file(path_of("habits"));
  // The section headers are at the file's end; the parts that the dynamic linker needs are at its beginning.
  const std::size_t edge = std::min<std::size_t>(whole.size(), 4096);
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    auto file = whole;
    for (unsigned changes = 1 + random() % 8; changes > 0; --changes) {
      const std::size_t at = random() % edge;
      file[random() % 2 ? at : file.size() - 1 - at] = static_cast<char>(random() % 3 ? random() : 0xff);
    }
    const auto report = manifest::lint(folder.write("x.so", file));
    if (!report) CHECK_FALSE(report.error().text.empty());
  }
}
