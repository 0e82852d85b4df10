// SPDX-License-Identifier: MIT
// See function_names.hpp. All offsets and sizes in the file are checked, and all reads copy into memory: if
// the file shrinks meanwhile, a read is short.
#include "base/function_names.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "base/file.hpp"

namespace coppice::base {
namespace {

constexpr std::uint64_t most_sections = 65'536;
constexpr std::uint64_t longest_table = 64 * 1024 * 1024;
constexpr std::size_t longest_name = 200;

template <class T>
std::optional<std::vector<T>> read_array(int fd, std::uint64_t offset, std::uint64_t count) {
  if (count > longest_table / sizeof(T) || offset > INT64_MAX) return std::nullopt;
  std::vector<T> out(static_cast<std::size_t>(count));
  const std::size_t size = out.size() * sizeof(T);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t more =
        ::pread(fd, reinterpret_cast<char*>(out.data()) + got, size - got, static_cast<off_t>(offset + got));
    if (more <= 0) return std::nullopt;
    got += static_cast<std::size_t>(more);
  }
  return out;
}

std::optional<std::vector<Elf64_Shdr>> sections_of(int fd) {
  const auto head = read_array<Elf64_Ehdr>(fd, 0, 1);
  if (!head || std::memcmp(head->front().e_ident, ELFMAG, SELFMAG) != 0 ||
      head->front().e_ident[EI_CLASS] != ELFCLASS64 || head->front().e_shentsize != sizeof(Elf64_Shdr))
    return std::nullopt;
  const Elf64_Ehdr& at = head->front();
  std::uint64_t count = at.e_shnum;
  if (count == 0 && at.e_shoff != 0) { // too many for the header: the first section has the number
    const auto first = read_array<Elf64_Shdr>(fd, at.e_shoff, 1);
    if (!first) return std::nullopt;
    count = first->front().sh_size;
  }
  if (count > most_sections) return std::nullopt;
  return read_array<Elf64_Shdr>(fd, at.e_shoff, count);
}

} // namespace

function_names function_names::of_file(const std::string& path) {
  function_names out;
  const auto file = open_file(path, O_RDONLY | O_NOCTTY);
  if (!file) return out;
  const auto sections = sections_of(file->get());
  if (!sections) return out;
  const auto table = std::ranges::find(*sections, std::uint32_t{SHT_SYMTAB}, &Elf64_Shdr::sh_type);
  if (table == sections->end() || table->sh_link >= sections->size()) return out;
  const Elf64_Shdr& strings = (*sections)[table->sh_link];
  const auto symbols =
      read_array<Elf64_Sym>(file->get(), table->sh_offset, table->sh_size / sizeof(Elf64_Sym));
  const auto names = read_array<char>(file->get(), strings.sh_offset, strings.sh_size);
  if (!symbols || !names) return out;
  out.names_.assign(names->begin(), names->end());
  out.names_ += '\0';
  for (const Elf64_Sym& each : *symbols) {
    if (ELF64_ST_TYPE(each.st_info) == STT_FUNC && each.st_shndx != SHN_UNDEF &&
        each.st_name < out.names_.size())
      out.functions_.push_back({each.st_value, each.st_size, each.st_name});
  }
  return out;
}

std::string function_names::at(std::uint64_t address) const {
  for (const function& each : functions_)
    if (each.begin <= address && address - each.begin < each.size)
      return readable_function_name(names_.c_str() + each.name);
  return {};
}

std::string readable_function_name(const char* symbol) {
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &failed), &std::free);
  const std::string_view name(readable ? readable.get() : symbol);
  if (name.size() <= longest_name) return std::string(name);
  return std::string(name.substr(0, longest_name - 3)) + "...";
}

} // namespace coppice::base
