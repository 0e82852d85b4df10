// SPDX-License-Identifier: MIT
// rooms: spec
// Any text as a configuration: it is refused with at least one error, or accepted. An accepted one prints as
// a whole configuration, which is accepted too and prints as itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "spec/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  spec::load_options options;
  options.host = "box";
  options.plugins = false;
  auto first = spec::load_text({reinterpret_cast<const char*>(data), size}, "fuzz.yaml", "/f", options);
  static_cast<void>(spec::render(first.diagnostics));
  if (first.spec.has_value() == spec::has_errors(first.diagnostics)) std::abort();
  if (!first.spec) return 0;
  const auto text = spec::effective_yaml(*first.spec);
  auto second = spec::load_text(text, "effective.yaml", "/", options);
  if (!second.spec || spec::effective_yaml(*second.spec) != text) std::abort();
  return 0;
}
