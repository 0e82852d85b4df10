// SPDX-License-Identifier: MIT
// The story of a run, for people: what happened, a sentence each, with its simulated time and the host whose
// thread says it. Sentences are made in every run, so that a run is the same whether its story is printed or
// not. The baton's holder.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace coppice::simulated {

// Prints the line if the run's story is asked for. `is_fault`: it is not part of the workload.
void tell_line(bool is_fault, std::string_view line);

template <class... Parts>
void tell_as(bool is_fault, fmt::format_string<Parts...> text, Parts&&... parts) {
  std::array<char, 400> line;
  const auto made = fmt::format_to_n(line.data(), line.size(), text, std::forward<Parts>(parts)...);
  const std::size_t size = std::min(made.size, line.size());
  std::replace(line.data(), line.data() + size, '\n', ' ');
  tell_line(is_fault, {line.data(), size});
}

// What a workload does, or what it has seen.
template <class... Parts>
void tell(fmt::format_string<Parts...> text, Parts&&... parts) {
  tell_as(false, text, std::forward<Parts>(parts)...);
}

// What happens to the cluster.
template <class... Parts>
void tell_fault(fmt::format_string<Parts...> text, Parts&&... parts) {
  tell_as(true, text, std::forward<Parts>(parts)...);
}

} // namespace coppice::simulated
