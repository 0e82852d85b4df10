// SPDX-License-Identifier: MIT
// Lines that somebody outside can cause as often as he likes. The first of a kind is written; those that come
// within ten seconds of it are counted, and a line says how many they were. So a flood costs a line every ten
// seconds, and a first mistake is seen at once. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace coppice::base::log {

// As submit(), for a line of this kind: whatever has a module and a kind in common is counted together.
void submit_counted(std::string_view kind, record line);

template <class... Arguments>
void counted(level of, std::string_view module, std::string_view kind, fmt::format_string<Arguments...> text,
             Arguments&&... arguments) {
  if (!enabled(of, module)) return;
  submit_counted(
      kind,
      {wall_now(), of, std::string(module), bounded_text(text, fmt::make_format_args(arguments...)), {}});
}

} // namespace coppice::base::log
