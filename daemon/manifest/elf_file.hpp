// SPDX-License-Identifier: MIT
// A 64-bit ELF shared object of this machine, read with bounds: every offset and count in the file is
// untrusted and checked, every read is a pread into memory of the daemon. It knows nothing of plugins: it
// gives segments, notes, the dynamic section, the dynamic symbols, and, in elf_contents.cpp, variables and
// the memory that the dynamic linker would make. One thread at a time.
#pragma once

#include <elf.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::manifest {

enum class elf_problem { unreadable, not_elf, wrong_architecture, not_a_library, damaged };

struct elf_error {
  elf_problem problem;
  std::string text;
};

template <class T>
using elf_result = expected<T, elf_error>;

class elf_file {
 public:
  // Checks the header and the program headers of a regular file. The caller owns the descriptor, and keeps it
  // open as long as this object.
  static elf_result<elf_file> open(int descriptor);

  const std::vector<Elf64_Phdr>& segments() const { return segments_; }
  const std::vector<Elf64_Dyn>& dynamic() const { return dynamic_; }

  // Calls `each` with every note of every PT_NOTE segment. All these segments together may have at most 1
  // MiB.
  struct note {
    std::string_view name; // without its NUL
    std::uint32_t type;
    std::string_view desc;
  };
  elf_result<void> notes(const std::function<void(const note&)>& each) const;

  // Calls `each` with the bytes of every segment that is loaded and never written to, `bound` bytes in all at
  // most.
  elf_result<void> read_only(std::uint64_t bound, const std::function<void(std::string_view)>& each) const;

  // A borrowed string of the dynamic string table. A longer string is cut to its first longest_string bytes,
  // since many entries may name one string. Empty: the offset is outside of the table, or the string is
  // unterminated.
  static constexpr std::size_t longest_string = 4096;
  std::optional<std::string_view> string(std::uint64_t offset) const;

  // Calls `each` with every defined dynamic symbol that the hash table lists. The name is borrowed.
  elf_result<void> symbols(
      const std::function<void(std::string_view name, unsigned char binding)>& each) const;
  // Calls `each` with every dynamic symbol that another file has to define. The name is borrowed.
  elf_result<void> imports(const std::function<void(std::string_view name)>& each) const;
  // Where a defined dynamic symbol is, as an address of the file. Empty: there is none of that name.
  elf_result<std::optional<std::uint64_t>> address_of(std::string_view name) const;

  // A variable of the file's own that stays writable while the file is loaded.
  struct variable {
    std::string_view name; // as the linker has it
    std::uint64_t size;    // bytes
    bool begins_as_zero;   // it takes no room in the file
  };
  // Calls `each` with every such variable of the symbol table that debuggers use. Thread-local variables are
  // not among them. False: the file has no such table, as after strip.
  elf_result<bool> variables(const std::function<void(const variable&)>& each) const;

  // The memory that the dynamic linker makes of the file, as far as the file alone decides it. Addresses are
  // those of the file. One object reads the relocations once.
  class memory {
   public:
    static elf_result<memory> of(const elf_file& file);
    // Empty: the address is not in the file.
    std::optional<std::uint32_t> number(std::uint64_t address) const; // of 32 bits
    // 0: null. Empty: the address is not in the file, or the pointer points into another file.
    std::optional<std::uint64_t> pointer(std::uint64_t address) const;
    // Up to the NUL. Empty: there is none in the first `most` bytes.
    std::optional<std::string> text(std::uint64_t address, std::size_t most) const;

   private:
    explicit memory(const elf_file& file) : file_(&file) {}

    const elf_file* file_;
    std::map<std::uint64_t, std::optional<std::uint64_t>> relocated_; // by the place that is filled
  };

 private:
  elf_file(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}

  using bytes = std::vector<std::uint8_t>;
  elf_result<bytes> read(std::uint64_t offset, std::uint64_t length, std::uint64_t bound,
                         const char* what) const;
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const;
  std::optional<std::uint64_t> entry(std::int64_t tag) const;
  elf_result<void> read_headers();
  elf_result<void> read_dynamic();
  // The first symbol that the hash table lists, and one past the last.
  struct symbol_range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };
  elf_result<symbol_range> listed_symbols() const;
  elf_result<void> dynamic_symbols(symbol_range range,
                                   const std::function<elf_result<void>(const Elf64_Sym&)>& each) const;
  struct section_list {
    std::vector<Elf64_Shdr> headers; // empty: the file has none
    bytes names;                     // string table
  };
  elf_result<section_list> sections() const;

  int descriptor_;
  std::uint64_t size_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Dyn> dynamic_;
  bytes strings_;
};

} // namespace coppice::manifest
