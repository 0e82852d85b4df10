// SPDX-License-Identifier: MIT
// Which function of an ELF file an address is in, by the file's symbol table: what the dynamic linker knows
// is only what a library exports, and a plugin exports one symbol. Blocking, since it reads the file. Any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coppice::base {

class function_names {
 public:
  // Empty where the file cannot be read, is not of this machine, is damaged or has been stripped.
  static function_names of_file(const std::string& path);

  // `address` counts from where the file is mapped. "": it is in no function that the table knows.
  std::string at(std::uint64_t address) const;

 private:
  struct function {
    std::uint64_t begin;
    std::uint64_t size;
    std::uint32_t name; // in names_
  };
  std::vector<function> functions_;
  std::string names_; // each ends with a NUL, and so does all of it
};

// As it stands in source, where it is a C++ symbol; at most 200 bytes.
std::string readable_function_name(const char* symbol);

} // namespace coppice::base
