// SPDX-License-Identifier: MIT
// The parts of an ELF file that a node does not need to load it, but that tell how it was written: its
// variables, by the section headers and the symbol table for debuggers, and the memory that the dynamic
// linker would make of it. As untrusted as the rest; all sizes are bounded before memory is allocated.
#include <algorithm>
#include <cstring>
#include <utility>

#include "manifest/elf_file.hpp"

namespace coppice::manifest {
namespace {

constexpr std::uint64_t section_limit = 4096;
constexpr std::uint64_t table_limit = 64 << 20;
constexpr std::uint64_t relocation_limit = 1 << 20;

#if defined(__x86_64__)
constexpr std::uint32_t relative = R_X86_64_RELATIVE;
#elif defined(__aarch64__)
constexpr std::uint32_t relative = R_AARCH64_RELATIVE;
#elif defined(__riscv)
constexpr std::uint32_t relative = R_RISCV_RELATIVE;
#else
#error "name this machine's relative relocation"
#endif

unexpected<elf_error> damaged(std::string text) {
  return unexpected<elf_error>(elf_error{elf_problem::damaged, std::move(text)});
}

template <class T>
T load(const std::vector<std::uint8_t>& from, std::uint64_t offset) {
  T value;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

template <class T>
std::vector<T> entries(const std::vector<std::uint8_t>& raw) {
  std::vector<T> all;
  all.reserve(raw.size() / sizeof(T));
  for (std::uint64_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) all.push_back(load<T>(raw, at));
  return all;
}

// The string at that offset of a string table. Empty: none, or an unterminated one.
std::string_view string_at(const std::vector<std::uint8_t>& table, std::uint64_t offset) {
  if (offset >= table.size()) return {};
  const char* const begin = reinterpret_cast<const char*>(table.data()) + offset;
  const std::size_t most = std::min<std::size_t>(table.size() - offset, elf_file::longest_string);
  const std::size_t length = ::strnlen(begin, most);
  return length == most ? std::string_view() : std::string_view(begin, length);
}

// A section whose variables can be written to after the dynamic linker has filled it.
bool stays_writable(const Elf64_Shdr& section, std::string_view name) {
  constexpr std::uint64_t wanted = SHF_ALLOC | SHF_WRITE;
  return (section.sh_flags & (wanted | SHF_TLS)) == wanted &&
         (name.starts_with(".data") || name.starts_with(".bss")) && !name.starts_with(".data.rel.ro");
}

} // namespace

elf_result<elf_file::section_list> elf_file::sections() const {
  auto head = read(0, sizeof(Elf64_Ehdr), sizeof(Elf64_Ehdr), "the ELF header");
  if (!head) return unexpected(head.error());
  const auto header = load<Elf64_Ehdr>(*head, 0);
  if (header.e_shoff == 0 || header.e_shnum == 0) return section_list{};
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum > section_limit ||
      header.e_shstrndx >= header.e_shnum)
    return damaged("the section headers make no sense");
  auto raw = read(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), section_limit * sizeof(Elf64_Shdr),
                  "the section header table");
  if (!raw) return unexpected(raw.error());
  section_list all{entries<Elf64_Shdr>(*raw), {}};
  const Elf64_Shdr& names = all.headers[header.e_shstrndx];
  auto text = read(names.sh_offset, names.sh_size, table_limit, "the table of section names");
  if (!text) return unexpected(text.error());
  all.names = std::move(*text);
  return all;
}

elf_result<bool> elf_file::variables(const std::function<void(const variable&)>& each) const {
  auto found = sections();
  if (!found) return unexpected(found.error());
  const auto& all = found->headers;
  const auto table = std::ranges::find(all, std::uint32_t{SHT_SYMTAB}, &Elf64_Shdr::sh_type);
  if (table == all.end()) return false;
  if (table->sh_link >= all.size()) return damaged("the symbol table has no names");
  const Elf64_Shdr& strings_section = all[table->sh_link];
  auto strings =
      read(strings_section.sh_offset, strings_section.sh_size, table_limit, "the symbols' string table");
  if (!strings) return unexpected(strings.error());
  auto raw = read(table->sh_offset, table->sh_size, table_limit, "the symbol table");
  if (!raw) return unexpected(raw.error());
  for (const auto& symbol : entries<Elf64_Sym>(*raw)) {
    if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_size == 0 || symbol.st_shndx >= all.size())
      continue;
    const Elf64_Shdr& in = all[symbol.st_shndx];
    if (!stays_writable(in, string_at(found->names, in.sh_name))) continue;
    const auto name = string_at(*strings, symbol.st_name);
    if (!name.empty()) each({name, symbol.st_size, in.sh_type == SHT_NOBITS});
  }
  return true;
}

elf_result<elf_file::memory> elf_file::memory::of(const elf_file& file) {
  memory made(file);
  const auto address = file.entry(DT_RELA);
  const auto size = file.entry(DT_RELASZ);
  if (!address || !size) return made;
  const auto offset = file.offset_of(*address);
  if (!offset) return damaged("the relocations lie outside the file");
  auto raw = file.read(*offset, *size, relocation_limit * sizeof(Elf64_Rela), "the table of relocations");
  if (!raw) return unexpected(raw.error());
  for (const auto& one : entries<Elf64_Rela>(*raw)) {
    std::optional<std::uint64_t> into;
    if (ELF64_R_TYPE(one.r_info) == relative) into = static_cast<std::uint64_t>(one.r_addend);
    made.relocated_.insert_or_assign(one.r_offset, into);
  }
  return made;
}

std::optional<std::uint32_t> elf_file::memory::number(std::uint64_t address) const {
  const auto offset = file_->offset_of(address);
  const auto raw = offset ? file_->read(*offset, 4, 4, "a number") : elf_result<bytes>(bytes());
  if (!raw || raw->size() != 4) return std::nullopt;
  return load<std::uint32_t>(*raw, 0);
}

std::optional<std::uint64_t> elf_file::memory::pointer(std::uint64_t address) const {
  if (const auto found = relocated_.find(address); found != relocated_.end()) return found->second;
  // Without a relocation of its own: null, or packed relocations, which leave the address in its place.
  const auto offset = file_->offset_of(address);
  const auto raw = offset ? file_->read(*offset, 8, 8, "a pointer") : elf_result<bytes>(bytes());
  if (!raw || raw->size() != 8) return std::nullopt;
  return load<std::uint64_t>(*raw, 0);
}

std::optional<std::string> elf_file::memory::text(std::uint64_t address, std::size_t most) const {
  const auto offset = file_->offset_of(address);
  if (!offset) return std::nullopt;
  const std::uint64_t length = std::min<std::uint64_t>(most, file_->size_ - *offset);
  const auto raw = file_->read(*offset, length, length, "a string");
  if (!raw) return std::nullopt;
  const auto end = std::ranges::find(*raw, std::uint8_t{0});
  if (end == raw->end()) return std::nullopt;
  return std::string(raw->begin(), end);
}

} // namespace coppice::manifest
