// SPDX-License-Identifier: MIT
// What an operator changes about levels while the node runs: beside the configured levels (log.hpp's
// set_level) the common one, that of a module and that of a process may have another, for good or for a time.
// One that has ended counts no more from that moment on; nobody has to take it away. The most special counts:
// a process's, its module's, the common one. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace coppice::base::log {

enum class level_scope : std::uint8_t { common, module, process };

// Until it is taken back.
inline constexpr nanos no_end = 0;

// Gives the common level (`of` is empty), a module or a process another level; nullopt takes that back. A
// process goes by its pid as text, or by its name, whoever has that then. `until` is monotonic, or no_end.
// errc::limit: 256 modules or 64 processes have one; errc::invalid: no module or process has such a name.
status override_level(level_scope scope, std::string_view of, std::optional<level> lowest,
                      nanos until = no_end);

struct level_difference {
  level_scope scope = level_scope::common;
  std::string of; // empty: all
  level now = level::info;
  nanos until = no_end; // monotonic
};

// All that differs from the configured levels: the common one first, then modules, then processes by name.
std::vector<level_difference> level_differences();

// Those of the configuration.
level configured_level();
std::vector<std::pair<std::string, level>> configured_levels();

// Whether any process has a level of its own: whether process_level() is worth its arguments.
bool any_process_level();
std::optional<level> process_level(std::string_view pid, std::string_view name);

// What the node itself logs under. A plugin's lines go by its id.
bool is_module_of_node(std::string_view name);
std::vector<std::string_view> modules_of_node();

} // namespace coppice::base::log
