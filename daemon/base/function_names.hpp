// SPDX-License-Identifier: MIT
// Finds the function at an address of an ELF file, in the file's symbol table, for the backtrace of an
// exception that a plugin has thrown. The dynamic linker is not enough: it knows only exported functions, and
// a plugin exports one symbol. Blocks, since it reads the file. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coppice::base {

class function_names {
 public:
  // Has no functions if the file cannot be read, is for another machine, is damaged or was stripped.
  static function_names of_file(const std::string& path);

  // `address` counts from the place where the file is mapped. Empty: no function of the table contains it.
  std::string at(std::uint64_t address) const;

 private:
  struct function {
    std::uint64_t begin;
    std::uint64_t size;
    std::uint32_t name; // offset in names_
  };
  std::vector<function> functions_;
  std::string names_; // each ends with a NUL, and so does the whole text
};

// A C++ symbol as in source; another symbol as it is. At most 200 bytes.
std::string readable_function_name(const char* symbol);

} // namespace coppice::base
