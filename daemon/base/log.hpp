// SPDX-License-Identifier: MIT
// The logger. A caller formats its line, puts it into a bounded queue and goes on: it never waits for a disk
// or a terminal. One thread writes. If the queue is full, lines are dropped and counted, and the count is
// logged when there is room again. A line that is too long is cut and says so at its end. Before start() and
// after stop() lines go straight to stderr. Any thread.
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
// Also accepts "warn". nullopt: `name` is no level.
std::optional<level> parse_level(std::string_view name);

enum class format : std::uint8_t {
  automatic, // journald if stderr is connected to the journal, else text
  text,
  json,     // one object in each line: time, level, module, message, and each field
  journald, // the native protocol with fields; text if systemd's library is missing
};

std::optional<format> parse_format(std::string_view name); // auto, text, json, journald

struct options {
  log::level level = log::level::info;
  log::format format = log::format::automatic;
  std::size_t queue = 16384; // in lines
};

// A name (lower case, [a-z0-9_]) and its value; the text sink appends them as name=value.
struct field {
  std::string name;
  std::string value;
};

// Most bytes of a record's text and its fields' values together. submit() cuts the longest of them until they
// fit, so that a short value is whole beside a long one, and says at the end of each how much is missing.
inline constexpr std::size_t most_bytes = 8192;

struct record {
  nanos wall = 0;
  log::level level = log::level::info;
  std::string module;
  std::string text;
  std::vector<field> fields;
  // Set by submit(), see set_cause(). Not shown.
  std::vector<std::string> caused_by{};
  std::size_t text_left_out = 0; // bytes that are missing at the end of the text; submit() says so there
};

// Starts the writer thread. If it runs already, replaces the options.
void start(const options& chosen);
// Writes what is queued and ends the writer thread.
void stop();
// Waits until all lines logged before the call are written.
void flush();

// The level of all modules, or of one module; nullopt: the module has the common level again. errc::limit:
// too many modules have a level of their own. errc::invalid: not a name of 1 to 31 characters.
void set_level(level lowest);
status set_level(std::string_view module, std::optional<level> lowest);
level current_level();
std::vector<std::pair<std::string, level>> module_levels();

bool enabled(level of, std::string_view module);

// Lines dropped since the process began because the queue was full.
std::uint64_t dropped();

// Called by the writer thread for every line that it writes, for example to follow the log over the control
// socket. Has to return soon and may not log. After remove_tap() no call is under way.
using tap = std::function<void(const record&)>;
std::uint64_t add_tap(tap function);
void remove_tap(std::uint64_t id);

// Asked on the thread that submits a line for the processes that cause the line, as record::caused_by has
// them: the process that runs, and the process for which it works. Must neither wait nor log. Null: none is
// asked, which is cheaper.
using cause = std::vector<std::string> (*)();
void set_cause(cause asked);

// Queues a line without asking whether its level is enabled. A line of more than most_bytes is cut.
void submit(record line);
// A line as the text and JSON sinks write it, without the line feed.
std::string render_text(const record& line);
std::string render_json(const record& line);

// A formatted text, cut to most_bytes.
struct formatted {
  std::string text;
  std::size_t left_out = 0; // bytes that are missing at its end

  std::string with_note() const; // says at its end how much is missing
};
formatted bounded_text(fmt::string_view text, fmt::format_args arguments);
// The record of such a text.
record record_of(level of, std::string_view module, formatted text, std::vector<field> fields);

template <class... Arguments>
[[gnu::cold]] void write(level of, std::string_view module, std::initializer_list<field> fields,
                         fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  if (!enabled(of, module)) return;
  submit(record_of(of, module, bounded_text(text, fmt::make_format_args(arguments...)), fields));
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
