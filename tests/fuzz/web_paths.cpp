// SPDX-License-Identifier: MIT
// Paths and patterns of a web server under arbitrary bytes: the pattern up to the first line end, then the
// path. No path has a segment that leads to another folder, and the parameters that a pattern takes consist
// of the path's bytes.
// rooms: base
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/path_pattern.hpp"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  const std::string_view text = base::as_text({data, size});
  const std::size_t cut = text.find('\n');
  const std::string_view path = cut == std::string_view::npos ? text : text.substr(cut + 1);
  static_cast<void>(base::query_parameters(text));
  const auto segments = base::path_segments(path);
  if (!segments) return 0;
  std::size_t bytes = 0;
  for (const std::string& one : *segments) {
    check(one != "." && one != ".." && one.find('\0') == std::string::npos);
    bytes += one.size() + 1;
  }
  check(bytes <= path.size());
  const auto pattern = base::path_pattern::parse(text.substr(0, cut));
  if (!pattern) return 0;
  const auto found = pattern->match(*segments);
  if (!found) return 0;
  std::size_t taken = 0;
  for (const auto& [name, value] : *found) taken += value.size();
  check(taken <= path.size());
  return 0;
}
