// SPDX-License-Identifier: MIT
// rooms: api-cpp
// Any bytes as JSON: what is read can be written, and what was written reads back to the same value.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/json.hpp>

namespace {

enum class colour { red, green };
struct leaf {
  double width = 0;
  std::optional<std::int64_t> count;
};
struct tree {
  std::optional<std::string> name;
  std::map<std::string, std::vector<leaf>> groups = {};
  std::vector<tree> children = {};
  colour paint = colour::red;
  bool sold = false;
};

template <class T>
void take(std::string_view given) {
  const auto read = coppice::json::read<T>(given);
  if (!read) {
    if (read.error().empty()) std::abort();
    return;
  }
  const std::string written = coppice::json::text(*read);
  const auto again = coppice::json::read<T>(written);
  if (!again || coppice::json::text(*again) != written) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  take<tree>(given);
  take<std::string>(given);
  take<std::vector<double>>(given);
  return 0;
}
