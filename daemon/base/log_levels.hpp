// SPDX-License-Identifier: MIT
// Log levels that an operator changes while the node runs. Beside the configured levels (set_level() in
// log.hpp), the common level, that of a module and that of a process can be overridden, for good or for a
// time. An override whose time is over no longer counts; no one has to remove it. The most specific level
// applies: the process's, then the module's, then the common one. Any thread.
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

// The override stays until it is removed.
inline constexpr nanos no_end = 0;

// Overrides the common level (`of` is empty), or that of a module or process; nullopt removes the override. A
// process is given by its pid as text, or by a registered name. `until` is monotonic, or no_end. errc::limit:
// 256 modules or 64 processes have a level of their own. errc::invalid: no module or process can have such a
// name.
status override_level(level_scope scope, std::string_view of, std::optional<level> lowest,
                      nanos until = no_end);

struct level_difference {
  level_scope scope = level_scope::common;
  std::string of; // empty: all modules
  level now = level::info;
  nanos until = no_end; // monotonic
};

// All overrides: the common one first, then modules, then processes, each by name.
std::vector<level_difference> level_differences();

// The configured levels.
level configured_level();
std::vector<std::pair<std::string, level>> configured_levels();

// Whether any process has a level of its own. If not, process_level() need not be called.
bool any_process_level();
std::optional<level> process_level(std::string_view pid, std::string_view name);

// The module names that the node's own code logs under. A plugin's lines have its id.
bool is_module_of_node(std::string_view name);
std::vector<std::string_view> modules_of_node();

} // namespace coppice::base::log
