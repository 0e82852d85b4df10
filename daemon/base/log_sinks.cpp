// SPDX-License-Identifier: MIT
// Renders and writes log lines. A line is one write(2), so lines of several processes on one stderr do not
// mix. Control characters from peers never reach a terminal. For the writer thread.
#include "base/log_sinks.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "base/log_event.hpp"
#include "base/log_syslog.hpp"
#include "base/printable_lines.hpp"

#ifdef COPPICE_HAVE_SYSTEMD
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

namespace coppice::base::log {
namespace {

bool write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// If a line was only partly written, for example on a full disk, the next one begins on a new line.
bool write_stderr(std::string line) {
  static std::atomic<bool> broken_off{false};
  if (broken_off.exchange(false)) line.insert(0, "\n");
  const bool done = write_all(line);
  if (!done) broken_off = true;
  return done;
}

// The lines of one record are written below each other, all but the first indented.
void append_visible(std::string& out, std::string_view text) {
  for (;;) {
    const std::size_t end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == std::string_view::npos) return;
    out += "\n  ";
    text.remove_prefix(end + 1);
  }
}

void append_field_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\n\t") == std::string_view::npos;
  if (!plain) out.push_back('"');
  append_visible(out, value);
  if (!plain) out.push_back('"');
}

// As `coppice logs` has them: errors red, warnings yellow, what is for debugging dim. Empty: none.
std::string_view colour_of(level of) {
  switch (of) {
    case level::error:
      return "\x1b[31m";
    case level::warning:
      return "\x1b[33m";
    case level::debug:
    case level::trace:
      return "\x1b[2m";
    case level::info:
    case level::notice:
      break;
  }
  return "";
}

// Whether stderr is a terminal that shows colours, and the user has not set NO_COLOR (https://no-color.org).
bool with_colours() {
  static const bool they_are = [] {
    const char* const no = std::getenv("NO_COLOR");
    const char* const terminal = std::getenv("TERM");
    return (no == nullptr || *no == '\0') && terminal != nullptr && std::string_view(terminal) != "dumb" &&
           isatty(STDERR_FILENO) != 0;
  }();
  return they_are;
}

bool write_text(const record& line) {
  std::string text = render_text(line);
  if (const std::string_view colour = colour_of(line.level); !colour.empty() && with_colours())
    text.insert(0, colour).append("\x1b[0m");
  return write_stderr(std::move(text) + "\n");
}

#ifdef COPPICE_HAVE_SYSTEMD
bool write_journal(const record& line) {
  std::vector<std::string> entries = journal_entries(line, syslog_severity(line.level));
  std::vector<iovec> parts;
  parts.reserve(entries.size());
  for (std::string& entry : entries) parts.push_back({entry.data(), entry.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0 ||
         write_stderr(render_text(line) + "\n");
}
#endif

} // namespace

std::vector<std::string> journal_entries(const record& line, int priority) {
  std::vector<std::string> entries = {"MESSAGE=" + printable_lines(line.text),
                                      "PRIORITY=" + std::to_string(priority),
                                      "COPPICE_MODULE=" + line.module};
  for (const field& each : line.fields) {
    std::string name = (each.name == event_field ? "" : "COPPICE_") + each.name;
    for (char& c : name) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    entries.push_back(name + "=" + printable_lines(each.value));
  }
  return entries;
}

std::string render_text(const record& line) {
  return render_text(format_wall(line.wall), line);
}

std::string render_text(std::string_view time, const record& line) {
  std::string out(time);
  fmt::format_to(std::back_inserter(out), " {:<7} {}: ", level_name(line.level), line.module);
  append_visible(out, line.text);
  if (is_event(line)) return out; // the text of an event contains its fields
  for (const field& each : line.fields) {
    out.append(" ").append(each.name).append("=");
    append_field_value(out, each.value);
  }
  return out;
}

std::string render_json(const record& line) {
  nlohmann::ordered_json object;
  object["time"] = format_wall(line.wall);
  object["level"] = level_name(line.level);
  object["module"] = line.module;
  object["message"] = line.text;
  for (const field& each : line.fields) object[each.name] = each.value;
  return json_text(object);
}

bool is_journal(int descriptor) {
  // systemd sets it to device and inode of the stream that it has connected. A redirected stderr has others.
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  return stream != nullptr && fstat(descriptor, &info) == 0 &&
         fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

format resolve(format asked) {
#ifdef COPPICE_HAVE_SYSTEMD
  if (asked != format::automatic) return asked;
  return is_journal(STDERR_FILENO) ? format::journald : format::text;
#else
  return asked == format::json ? asked : format::text;
#endif
}

bool write_line(format to, const record& line) {
  switch (to) {
#ifdef COPPICE_HAVE_SYSTEMD
    case format::journald:
      return write_journal(line);
#endif
    case format::json:
      return write_stderr(render_json(line) + "\n");
    default:
      return write_text(line);
  }
}

} // namespace coppice::base::log
