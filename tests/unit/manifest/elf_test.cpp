// SPDX-License-Identifier: MIT
// Files that lie: each claim of a header is changed, and the reader must answer rather than fall.
#include <doctest/doctest.h>
#include <elf.h>

#include <cstring>
#include <random>

#include "fixtures.hpp"
#include "manifest/manifest.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using manifest::objection;

namespace {

std::string good() {
  return test::read_file(std::string(fixture_folder) + "/good.so");
}

template <class T>
void put(std::string& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

} // namespace

TEST_CASE("an ELF file of another machine or kind is named as such") {
  test::temporary_folder folder;
  auto verdict = [&folder](const std::string& content) {
    return manifest::inspect(folder.write("x.so", content), {.file_safety = false}).verdict;
  };
  auto file = good();
  put(file, offsetof(Elf64_Ehdr, e_machine), std::uint16_t{EM_386});
  CHECK(verdict(file).has(objection::wrong_architecture));
  file = good();
  file[EI_CLASS] = ELFCLASS32;
  CHECK(verdict(file).has(objection::wrong_architecture));
  file = good();
  put(file, offsetof(Elf64_Ehdr, e_type), std::uint16_t{ET_REL});
  CHECK(verdict(file).text() == "an object file, not a shared object (link it with -shared)");
}

TEST_CASE("a cut or lying file is damaged, never read out of bounds") {
  test::temporary_folder folder;
  auto verdict = [&folder](const std::string& content) {
    return manifest::inspect(folder.write("x.so", content), {.file_safety = false}).verdict;
  };
  auto whole = good();
  for (std::size_t length : {4ul, 63ul, 64ul, 200ul, 1000ul}) {
    CAPTURE(length);
    CHECK(verdict(whole.substr(0, length)).has(objection::damaged));
  }
  for (std::uint64_t offset :
       {~0ull, ~0ull - 100, 1ull << 63, static_cast<unsigned long long>(whole.size())}) {
    auto file = whole;
    put(file, offsetof(Elf64_Ehdr, e_phoff), offset);
    CHECK(verdict(file).has(objection::damaged));
  }
  auto file = whole;
  put(file, offsetof(Elf64_Ehdr, e_phnum), std::uint16_t{0xffff});
  CHECK(verdict(file).has(objection::damaged));
}

TEST_CASE("random damage always ends in a verdict") {
  test::temporary_folder folder;
  const auto whole = good();
  std::mt19937 random(1);
  for (int round = 0; round < 1500; ++round) {
    auto file = whole;
    for (unsigned changes = 1 + random() % 8; changes > 0; --changes) {
      // Headers, notes and tables of so small a library are in its first pages.
      std::size_t at = random() % std::min<std::size_t>(file.size(), 4096);
      file[at] = static_cast<char>(random() % 3 ? random() : 0xff);
    }
    auto result = manifest::inspect(folder.write("x.so", file), {.file_safety = false});
    CHECK((result.verdict.accepted() == (result.verdict.text() == "")));
    if (result.verdict.accepted()) CHECK(result.declared);
  }
}
