// SPDX-License-Identifier: MIT
// Walks the lists with a stack of remaining lengths. Any thread.
#include "behaviours/web/iodata.hpp"

#include <vector>

namespace coppice::behaviours {

bool read_iodata(etf::cursor& at, std::string& into) {
  std::vector<std::uint32_t> left; // remaining elements of each open list, including its tail
  do {
    etf::bytes bytes;
    std::uint32_t length = 0;
    std::uint64_t byte = 0;
    if (at.read_binary(bytes) || at.read_string(bytes)) {
      into.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else if (at.read_list(length)) {
      if (length != 0) {
        left.push_back(length + 1);
        continue;
      }
    } else if (!left.empty() && left.back() != 1 && at.read_unsigned(byte) && byte < 256) {
      into += static_cast<char>(byte); // not allowed as a tail
    } else {
      return false;
    }
    while (!left.empty() && --left.back() == 0) left.pop_back();
  } while (!left.empty());
  return true;
}

} // namespace coppice::behaviours
