// SPDX-License-Identifier: MIT
// Function names by addresses: in this program, and in files with wrong contents.
#include "base/function_names.hpp"

#include <doctest/doctest.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace coppice::base {

// A function that has a name of its own in the symbol table.
[[gnu::noinline]] int function_to_find(int of) {
  return of * 3 + 1;
}

namespace {

std::uint64_t address_here(const void* function) {
  std::uint64_t begin = 0;
  // The first entry is the program itself.
  dl_iterate_phdr(
      [](dl_phdr_info* of, std::size_t, void* to) {
        *static_cast<std::uint64_t*>(to) = of->dlpi_addr;
        return 1;
      },
      &begin);
  return reinterpret_cast<std::uintptr_t>(function) - begin;
}

std::string bytes_of_this_program() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The name of the function above, according to a file with these bytes. Empty: the file does not tell it.
std::string known_of(const std::string& bytes) {
  const auto path = std::filesystem::temp_directory_path() / ("function_names_" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << bytes;
  std::string found =
      function_names::of_file(path.string()).at(address_here(reinterpret_cast<void*>(&function_to_find)));
  std::filesystem::remove(path);
  return found;
}

} // namespace

TEST_CASE("an address in a function has the function's name as it stands in source, one in none has none") {
  const auto names = function_names::of_file("/proc/self/exe");
  const std::uint64_t address = address_here(reinterpret_cast<void*>(&function_to_find));
  CHECK(names.at(address) == "coppice::base::function_to_find(int)");
  CHECK(names.at(address + 1) == "coppice::base::function_to_find(int)");
  CHECK(names.at(0).empty());
  CHECK(names.at(UINT64_MAX).empty());
}

TEST_CASE("a file that is no ELF file, or a damaged one, knows no functions") {
  CHECK(function_names::of_file("/nowhere").at(0x1000).empty());
  CHECK(function_names::of_file("/").at(0x1000).empty());
  CHECK(known_of("").empty());
  CHECK(known_of(std::string(4096, 'x')).empty());
  const std::string whole = bytes_of_this_program();
  CHECK(known_of(whole) == "coppice::base::function_to_find(int)");
  CHECK(known_of(whole.substr(0, whole.size() / 2)).empty()); // the section headers are at its end

  const auto with = [&](auto change) {
    std::string damaged = whole;
    Elf64_Ehdr head;
    std::memcpy(&head, damaged.data(), sizeof head);
    change(head);
    std::memcpy(damaged.data(), &head, sizeof head);
    return known_of(damaged);
  };
  CHECK(with([](Elf64_Ehdr& head) { head.e_shoff = UINT64_MAX - 7; }).empty());
  CHECK(with([](Elf64_Ehdr& head) { head.e_shnum = 0; }).empty());
  CHECK(with([](Elf64_Ehdr& head) { head.e_shentsize = 1; }).empty());
  CHECK(with([](Elf64_Ehdr& head) { head.e_ident[EI_CLASS] = ELFCLASS32; }).empty());

  // Every section has the greatest possible size, or an invalid index of its names.
  for (const bool endless : {true, false}) {
    std::string damaged = whole;
    Elf64_Ehdr head;
    std::memcpy(&head, damaged.data(), sizeof head);
    for (unsigned i = 0; i < head.e_shnum; ++i) {
      Elf64_Shdr section;
      char* const at = damaged.data() + head.e_shoff + i * sizeof section;
      std::memcpy(&section, at, sizeof section);
      if (endless) section.sh_size = UINT64_MAX;
      if (!endless) section.sh_link = UINT32_MAX;
      std::memcpy(at, &section, sizeof section);
    }
    CAPTURE(endless);
    CHECK(known_of(damaged).empty());
  }
}

TEST_CASE("a name is shown as in source where it is one of C++, and cut where it is long") {
  CHECK(readable_function_name("main") == "main");
  CHECK(readable_function_name("_ZN4shop5priceEi") == "shop::price(int)");
  const std::string cut = readable_function_name(std::string(1000, 'x').c_str());
  CHECK(cut.size() == 200);
  CHECK(cut.substr(196) == "x...");
}

} // namespace coppice::base
