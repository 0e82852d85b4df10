// SPDX-License-Identifier: MIT
// Tests of files with wrong headers: each field of a header is changed, and the reader must report it, not
// crash.
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

namespace {

// A library of this machine whose symbols all have one name, which is as long as the string table.
std::string many_long_names(std::uint32_t symbols, std::size_t length, std::uint32_t libraries) {
  const std::size_t dynamic_at = 4096;
  const std::size_t dynamic_size = (5 + libraries) * sizeof(Elf64_Dyn);
  const std::size_t hash_at = (dynamic_at + dynamic_size + 4095) / 4096 * 4096;
  const std::size_t symbols_at = hash_at + 4096;
  const std::size_t strings_at = symbols_at + (symbols + 1) * sizeof(Elf64_Sym);
  std::string file(strings_at + length + 1, '\0');
  std::memset(file.data() + strings_at, 'a', length);
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  const auto real = good();
  std::memcpy(&head.e_machine, real.data() + offsetof(Elf64_Ehdr, e_machine), sizeof head.e_machine);
  head.e_type = ET_DYN;
  head.e_phoff = sizeof head;
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = 2;
  put(file, 0, head);
  Elf64_Phdr load{};
  load.p_type = PT_LOAD;
  load.p_filesz = load.p_memsz = file.size();
  put(file, sizeof head, load);
  Elf64_Phdr dynamic{};
  dynamic.p_type = PT_DYNAMIC;
  dynamic.p_offset = dynamic.p_vaddr = dynamic_at;
  dynamic.p_filesz = dynamic_size;
  put(file, sizeof head + sizeof load, dynamic);
  std::size_t at = dynamic_at;
  const auto entry = [&](std::int64_t tag, std::uint64_t value) {
    Elf64_Dyn one{};
    one.d_tag = tag;
    one.d_un.d_val = value;
    put(file, at, one);
    at += sizeof one;
  };
  entry(DT_STRTAB, strings_at);
  entry(DT_STRSZ, length + 1);
  entry(DT_HASH, hash_at);
  entry(DT_SYMTAB, symbols_at);
  for (std::uint32_t i = 0; i < libraries; ++i) entry(DT_NEEDED, 0);
  put(file, hash_at + 4, symbols + 1);
  Elf64_Sym symbol{};
  symbol.st_info = ELF64_ST_INFO(STB_GNU_UNIQUE, STT_OBJECT);
  symbol.st_shndx = 1;
  for (std::uint32_t i = 1; i <= symbols; ++i) put(file, symbols_at + i * sizeof symbol, symbol);
  return file;
}

} // namespace

// Keeping a name of 8 MiB for each of 200,000 symbols would take more memory than there is.
TEST_CASE("many symbols of one long name take no more memory than their file") {
  test::temporary_folder folder;
  const auto path = folder.write("x.so", many_long_names(200'000, 8 << 20, 1));
  const auto found = manifest::inspect(path, {.file_safety = false});
  REQUIRE(found.linked);
  CHECK(found.linked->exports.size() == 16);
  CHECK(found.linked->unique_symbols.size() == 16);
  CHECK(found.linked->unique_symbols.front().size() == 4096);
  CHECK(found.linked->libraries.front().name.size() == 4096);
  CHECK(manifest::inspect(folder.write("y.so", many_long_names(1, 100, 257)), {.file_safety = false})
            .verdict.has(objection::damaged));
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
