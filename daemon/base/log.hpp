// SPDX-License-Identifier: MIT
// The one logger. A caller formats its line, puts it in a bounded queue and goes on: it never waits
// for a disk or a terminal. One thread writes; when the queue is full lines are dropped and counted,
// and the count is logged once there is room. So is a line bounded: what is cut of it is said at its end.
// Before start() and after stop() lines go straight to stderr. Any thread.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::base::log {

enum class level : std::uint8_t { trace, debug, info, notice, warning, error };

std::string_view level_name(level of);
// Also "warn". None of these: nothing.
std::optional<level> parse_level(std::string_view name);

enum class format : std::uint8_t {
  automatic, // journald when stderr is the journal's, else text
  text,
  json,     // one object a line: time, level, module, message, and each field
  journald, // native protocol with fields; text where systemd's library is missing
};

std::optional<format> parse_format(std::string_view name); // auto, text, json, journald

struct options {
  log::level level = log::level::info;
  log::format format = log::format::automatic;
  std::size_t queue = 16384; // lines
};

// A name (lower case, [a-z0-9_]) and its value; the text sink appends them as name=value.
struct field {
  std::string name;
  std::string value;
};

// Bytes of a record's text and its fields' values together.
inline constexpr std::size_t most_bytes = 8192;

struct record {
  nanos wall = 0;
  log::level level = log::level::info;
  std::string module;
  std::string text;
  std::vector<field> fields;
};

// Starts the writer; a second start replaces the options.
void start(const options& chosen);
// Writes out what is queued and ends the writer.
void stop();
// Waits until everything logged before the call is written.
void flush();

// The level of all modules, or of one; nullopt gives a module the common level again. At most 64
// modules can have a level of their own: errc::limit.
void set_level(level lowest);
status set_level(std::string_view module, std::optional<level> lowest);
level current_level();
std::vector<std::pair<std::string, level>> module_levels();

bool enabled(level of, std::string_view module);

// Lines dropped since the process began because the queue was full.
std::uint64_t dropped();

// Called by the writer thread for every line written, e.g. to follow the log over the control socket.
// Must return soon and may not log. remove_tap returns once no call is under way.
using tap = std::function<void(const record&)>;
std::uint64_t add_tap(tap function);
void remove_tap(std::uint64_t id);

// Queues a finished line without asking whether its level is enabled. Of one of more than most_bytes the end
// is cut.
void submit(record line);
// A line as the text and JSON sinks write it, without the line feed.
std::string render_text(const record& line);
std::string render_json(const record& line);

// What write() makes of its arguments; of what is longer than a record may be only that much is kept.
std::string bounded_text(fmt::string_view text, fmt::format_args arguments);

template <class... Arguments>
[[gnu::cold]] void write(level of, std::string_view module, std::initializer_list<field> fields,
                         fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  if (!enabled(of, module)) return;
  submit(
      {wall_now(), of, std::string(module), bounded_text(text, fmt::make_format_args(arguments...)), fields});
}

template <class... Arguments>
void trace(std::string_view module, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(level::trace, module, {}, text, std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
void debug(std::string_view module, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(level::debug, module, {}, text, std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
void info(std::string_view module, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(level::info, module, {}, text, std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
void notice(std::string_view module, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(level::notice, module, {}, text, std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
void warning(std::string_view module, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(level::warning, module, {}, text, std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
void error(std::string_view module, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(level::error, module, {}, text, std::forward<Arguments>(arguments)...);
}

} // namespace coppice::base::log
