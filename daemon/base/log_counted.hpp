// SPDX-License-Identifier: MIT
// Log lines that peers or clients can cause as often as they like. The first line of a kind is written. Lines
// of the same kind within the next ten seconds are counted, and one line gives their number. So a flood costs
// one line in ten seconds, and a single mistake is seen at once. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace coppice::base::log {

// As submit(), for a line of this kind. Lines with the same module and kind are counted together.
void submit_counted(std::string_view kind, record line);

template <class... Arguments>
void counted(level of, std::string_view module, std::string_view kind, fmt::format_string<Arguments...> text,
             Arguments&&... arguments) {
  if (!enabled(of, module)) return;
  submit_counted(kind, record_of(of, module, bounded_text(text, fmt::make_format_args(arguments...)), {}));
}

} // namespace coppice::base::log
