// SPDX-License-Identifier: MIT
// Reads ELF from an untrusted file. Sizes are bounded before memory is allocated, and sums are checked for
// overflow by subtraction. The number of symbols comes from the hash table, because section headers may be
// stripped or false.
#include "manifest/elf_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace coppice::manifest {
namespace {

constexpr std::uint64_t segment_limit = 256;
constexpr std::uint64_t notes_limit = 1 << 20; // of all note segments together
constexpr std::uint64_t dynamic_limit = 1 << 20;
constexpr std::uint64_t string_limit = 64 << 20;
constexpr std::uint64_t symbol_limit = 1 << 18;

#if defined(__x86_64__)
constexpr std::uint16_t machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t machine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t machine = EM_RISCV;
#else
#error "name this machine's ELF number"
#endif

std::string machine_name(std::uint16_t number) {
  switch (number) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_RISCV:
      return "RISC-V";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    default:
      return "machine " + std::to_string(number);
  }
}

unexpected<elf_error> fail(elf_problem problem, std::string text) {
  return unexpected<elf_error>(elf_error{problem, std::move(text)});
}

unexpected<elf_error> damaged(std::string text) {
  return fail(elf_problem::damaged, std::move(text));
}

template <class T>
T load(const std::vector<std::uint8_t>& from, std::uint64_t offset) {
  T value;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

} // namespace

elf_result<elf_file> elf_file::open(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return fail(elf_problem::unreadable, std::strerror(errno));
  elf_file file(descriptor, static_cast<std::uint64_t>(status.st_size));
  if (auto done = file.read_headers(); !done) return unexpected(done.error());
  if (auto done = file.read_dynamic(); !done) return unexpected(done.error());
  return file;
}

elf_result<elf_file::bytes> elf_file::read(std::uint64_t offset, std::uint64_t length, std::uint64_t bound,
                                           const char* what) const {
  if (length > bound) return damaged(std::string(what) + " is too large");
  if (offset > size_ || length > size_ - offset) return damaged(std::string(what) + " lies outside the file");
  bytes result(length);
  std::size_t done = 0;
  while (done < result.size()) {
    ssize_t got =
        ::pread(descriptor_, result.data() + done, result.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(elf_problem::unreadable, std::strerror(errno));
    if (got == 0) return damaged(std::string(what) + " lies outside the file");
    done += static_cast<std::size_t>(got);
  }
  return result;
}

elf_result<void> elf_file::read_headers() {
  std::uint64_t head = std::min<std::uint64_t>(size_, sizeof(Elf64_Ehdr));
  auto raw = read(0, head, sizeof(Elf64_Ehdr), "the ELF header");
  if (!raw) return unexpected(raw.error());
  if (head < SELFMAG || std::memcmp(raw->data(), ELFMAG, SELFMAG) != 0)
    return fail(elf_problem::not_elf, "not an ELF file");
  if (head < sizeof(Elf64_Ehdr)) return damaged("the ELF header is cut off");
  auto header = load<Elf64_Ehdr>(*raw, 0);
  bool native = header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB;
  if (!native || header.e_machine != machine)
    return fail(elf_problem::wrong_architecture,
                "built for " + machine_name(header.e_machine) + ", this is " + machine_name(machine));
  if (header.e_type != ET_DYN)
    return fail(elf_problem::not_a_library, header.e_type == ET_REL    ? "an object file, not a shared object"
                                            : header.e_type == ET_EXEC ? "a program, not a shared object"
                                                                       : "not a shared object");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > segment_limit)
    return damaged("the program headers make no sense");
  auto table = read(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr), segment_limit * sizeof(Elf64_Phdr),
                    "the program header table");
  if (!table) return unexpected(table.error());
  for (std::uint64_t at = 0; at < table->size(); at += sizeof(Elf64_Phdr))
    segments_.push_back(load<Elf64_Phdr>(*table, at));
  return {};
}

elf_result<void> elf_file::read_dynamic() {
  auto found = std::find_if(segments_.begin(), segments_.end(),
                            [](const Elf64_Phdr& segment) { return segment.p_type == PT_DYNAMIC; });
  if (found == segments_.end())
    return fail(elf_problem::not_a_library, "a static program, not a shared object");
  auto raw = read(found->p_offset, found->p_filesz, dynamic_limit, "the dynamic section");
  if (!raw) return unexpected(raw.error());
  for (std::uint64_t at = 0; at + sizeof(Elf64_Dyn) <= raw->size(); at += sizeof(Elf64_Dyn)) {
    auto one = load<Elf64_Dyn>(*raw, at);
    if (one.d_tag == DT_NULL) break;
    dynamic_.push_back(one);
  }
  if (entry(DT_FLAGS_1).value_or(0) & DF_1_PIE)
    return fail(elf_problem::not_a_library, "a program, not a shared object");
  auto address = entry(DT_STRTAB);
  auto length = entry(DT_STRSZ);
  if (!address || !length) return damaged("there is no dynamic string table");
  auto offset = offset_of(*address);
  if (!offset) return damaged("the dynamic string table lies outside the file");
  auto strings = read(*offset, *length, string_limit, "the dynamic string table");
  if (!strings) return unexpected(strings.error());
  strings_ = std::move(*strings);
  return {};
}

std::optional<std::uint64_t> elf_file::offset_of(std::uint64_t address) const {
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    std::uint64_t inside = address - segment.p_vaddr;
    if (inside < segment.p_filesz && segment.p_offset <= size_ && inside < size_ - segment.p_offset)
      return segment.p_offset + inside;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> elf_file::entry(std::int64_t tag) const {
  for (const auto& one : dynamic_)
    if (one.d_tag == tag) return one.d_un.d_val;
  return std::nullopt;
}

std::optional<std::string_view> elf_file::string(std::uint64_t offset) const {
  if (offset >= strings_.size()) return std::nullopt;
  const auto* const begin = reinterpret_cast<const char*>(strings_.data()) + offset;
  const std::size_t most = std::min(strings_.size() - offset, longest_string);
  const std::size_t length = ::strnlen(begin, most);
  if (length == most && most < longest_string) return std::nullopt;
  return std::string_view(begin, length);
}

elf_result<void> elf_file::notes(const std::function<void(const note&)>& each) const {
  std::uint64_t left = notes_limit;
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_NOTE) continue;
    auto raw = read(segment.p_offset, segment.p_filesz, left, "a note segment");
    if (!raw) return unexpected(raw.error());
    left -= raw->size();
    const std::uint64_t align = segment.p_align == 8 ? 8 : 4;
    auto padded = [align](std::uint64_t length) { return (length + align - 1) / align * align; };
    const std::uint64_t size = raw->size();
    std::uint64_t at = 0;
    while (size - at >= sizeof(Elf64_Nhdr)) {
      auto head = load<Elf64_Nhdr>(*raw, at);
      // 32-bit lengths: these sums cannot overflow 64 bits.
      std::uint64_t name = at + sizeof head;
      std::uint64_t desc = at + padded(sizeof head + std::uint64_t{head.n_namesz});
      if (name + head.n_namesz > size || desc + head.n_descsz > size)
        return damaged("a note is longer than its segment");
      const char* text = reinterpret_cast<const char*>(raw->data());
      std::string_view label(text + name, head.n_namesz);
      if (!label.empty() && label.back() == '\0') label.remove_suffix(1);
      each({label, head.n_type, std::string_view(text + desc, head.n_descsz)});
      at = std::min(size, desc + padded(head.n_descsz));
    }
  }
  return {};
}

elf_result<void> elf_file::read_only(std::uint64_t bound,
                                     const std::function<void(std::string_view)>& each) const {
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uint64_t length = std::min(segment.p_filesz, bound);
    if (length == 0) continue;
    auto raw = read(segment.p_offset, length, bound, "a segment");
    if (!raw) return unexpected(raw.error());
    each({reinterpret_cast<const char*>(raw->data()), raw->size()});
    bound -= length;
  }
  return {};
}

elf_result<elf_file::symbol_range> elf_file::listed_symbols() const {
  if (auto address = entry(DT_GNU_HASH)) {
    auto offset = offset_of(*address);
    if (!offset) return damaged("the hash table lies outside the file");
    auto head = read(*offset, 16, 16, "the hash table");
    if (!head) return unexpected(head.error());
    auto buckets = std::uint64_t{load<std::uint32_t>(*head, 0)};
    auto first = std::uint64_t{load<std::uint32_t>(*head, 4)};
    auto filters = std::uint64_t{load<std::uint32_t>(*head, 8)};
    std::uint64_t bucket_offset = *offset + 16 + filters * 8;
    auto table = read(bucket_offset, buckets * 4, symbol_limit * 4, "the hash table");
    if (!table) return unexpected(table.error());
    std::uint64_t last = 0;
    for (std::uint64_t at = 0; at < table->size(); at += 4)
      last = std::max<std::uint64_t>(last, load<std::uint32_t>(*table, at));
    if (last < first) return symbol_range{};
    if (last > symbol_limit) return damaged("there are too many symbols");
    // The last bucket's chain ends at an entry with its low bit set.
    for (std::uint64_t chain = bucket_offset + buckets * 4; last <= symbol_limit; ++last) {
      auto link = read(chain + (last - first) * 4, 4, 4, "the hash table");
      if (!link) return unexpected(link.error());
      if (load<std::uint32_t>(*link, 0) & 1) return symbol_range{first, last + 1};
    }
    return damaged("there are too many symbols");
  }
  auto address = entry(DT_HASH);
  if (!address) return symbol_range{};
  auto offset = offset_of(*address);
  if (!offset) return damaged("the hash table lies outside the file");
  auto head = read(*offset, 8, 8, "the hash table");
  if (!head) return unexpected(head.error());
  return symbol_range{1, load<std::uint32_t>(*head, 4)};
}

elf_result<void> elf_file::dynamic_symbols(
    symbol_range range, const std::function<elf_result<void>(const Elf64_Sym&)>& each) const {
  if (range.end <= range.first) return {};
  auto address = entry(DT_SYMTAB);
  auto offset = address ? offset_of(*address) : std::nullopt;
  if (!offset) return damaged("there is no dynamic symbol table");
  auto raw = read(*offset + range.first * sizeof(Elf64_Sym), (range.end - range.first) * sizeof(Elf64_Sym),
                  symbol_limit * sizeof(Elf64_Sym), "the dynamic symbol table");
  if (!raw) return unexpected(raw.error());
  for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= raw->size(); at += sizeof(Elf64_Sym))
    if (auto done = each(load<Elf64_Sym>(*raw, at)); !done) return done;
  return {};
}

elf_result<void> elf_file::symbols(
    const std::function<void(std::string_view name, unsigned char binding)>& each) const {
  auto range = listed_symbols();
  if (!range) return unexpected(range.error());
  return dynamic_symbols(*range, [&](const Elf64_Sym& symbol) -> elf_result<void> {
    if (symbol.st_shndx == SHN_UNDEF) return {};
    auto name = string(symbol.st_name);
    if (!name) return damaged("a symbol has no name");
    each(*name, ELF64_ST_BIND(symbol.st_info));
    return {};
  });
}

elf_result<void> elf_file::imports(const std::function<void(std::string_view name)>& each) const {
  auto range = listed_symbols();
  if (!range) return unexpected(range.error());
  range->first = 1; // a GNU hash table lists the defined ones, which come last
  return dynamic_symbols(*range, [&](const Elf64_Sym& symbol) -> elf_result<void> {
    if (symbol.st_shndx != SHN_UNDEF) return {};
    auto name = string(symbol.st_name);
    if (!name) return damaged("a symbol has no name");
    each(*name);
    return {};
  });
}

elf_result<std::optional<std::uint64_t>> elf_file::address_of(std::string_view wanted) const {
  auto range = listed_symbols();
  if (!range) return unexpected(range.error());
  std::optional<std::uint64_t> found;
  auto read = dynamic_symbols(*range, [&](const Elf64_Sym& symbol) -> elf_result<void> {
    if (symbol.st_shndx != SHN_UNDEF && string(symbol.st_name) == wanted) found = symbol.st_value;
    return {};
  });
  if (!read) return unexpected(read.error());
  return found;
}

} // namespace coppice::manifest
