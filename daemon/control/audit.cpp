// SPDX-License-Identifier: MIT
// See audit.hpp.
#include "control/audit.hpp"

#include <fmt/format.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.hpp"
#include "base/log_event.hpp"
#include "base/log_settings.hpp"
#include "base/printable.hpp"
#include "control/command_table.hpp"
#include "control/hidden_terms.hpp"
#include "control/user_names.hpp"

namespace coppice::control {
namespace {

constexpr std::size_t most_said = 200;   // bytes of one argument
constexpr std::size_t most_in_list = 10; // elements of a list

// The user's name; empty: the machine knows none, or cannot tell now. The control socket's thread.
const std::string& user_name(std::uint32_t uid) {
  static user_names names([](std::uint32_t of) -> std::optional<std::string> {
    std::array<char, 4096> space{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(of, &entry, space.data(), space.size(), &found) != 0) return std::nullopt;
    return found == nullptr ? "" : entry.pw_name;
  });
  return names.of(uid, base::mono_now());
}

std::string_view command_of(const asked& a) {
  return std::string_view(a.what).substr(0, a.what.find(' '));
}

// Whether the command has this argument. The control socket passes any other argument on, which does not
// change what the command does.
bool has(const asked& a, std::string_view name) {
  const bool is_path = command_of(a) == "apply" && (name == "file" || name == "only"); // not over HTTP
  return is_path || std::ranges::any_of(commands(), [&](const command& one) {
           return one.name == command_of(a) &&
                  std::ranges::any_of(one.arguments, [&](const argument& its) { return its.name == name; });
         });
}
bool has_flag(const asked& a, const char* name) {
  return a.flag(name) && has(a, name);
}

// A client's text, in quotes unless it is a plain name or path: it cannot be taken for words of the log, and
// begins no line of its own. A text that was cut says so.
std::string said(std::string_view text) {
  const auto is_plain = [](char c) {
    const char lower = base::ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("_@.:/-+<>$").find(c) != std::string_view::npos;
  };
  if (text.size() <= most_said && std::ranges::all_of(text, is_plain)) return std::string(text);
  return base::in_quotes(text, most_said / 2); // an escape is four times as long
}

bool only_asks(const asked& a) {
  if (has_flag(a, "dry_run") || a.what == "log-level") return true;
  if (a.what.starts_with("pool ")) return !a.arguments.contains("size");
  const bool looks_at = a.what.starts_with("listener ") || a.what.starts_with("raft ") ||
                        a.what.starts_with("saga ") || a.what == "cron" || a.what == "drain" ||
                        a.what.starts_with("events");
  return looks_at && a.text("change").empty();
}

} // namespace

std::string by(const caller& who) {
  if (!who.http.empty())
    return fmt::format("http, {}, {}", who.http,
                       who.token.empty() ? "without the token" : "with the token named " + who.token);
  std::string out = fmt::format("uid {}, pid {}", who.uid, who.pid);
  if (const std::string& name = user_name(who.uid); !name.empty()) out += ", user " + name;
  if (!who.claims.sudo_user.empty()) out += ", sudo by " + base::printable(who.claims.sudo_user);
  if (!who.claims.terminal.empty()) out += ", on " + base::printable(who.claims.terminal);
  return out;
}

std::vector<base::log::field> fields_of(const caller& who) {
  if (!who.http.empty())
    return {{"by", "http"}, {"address", who.http}, {"token", who.token.empty() ? "not given" : who.token}};
  std::vector<base::log::field> out{{"uid", std::to_string(who.uid)}, {"os_pid", std::to_string(who.pid)}};
  if (const std::string& name = user_name(who.uid); !name.empty()) out.push_back({"user", name});
  if (!who.claims.sudo_user.empty()) out.push_back({"sudo_user", who.claims.sudo_user});
  if (!who.claims.terminal.empty()) out.push_back({"terminal", who.claims.terminal});
  return out;
}

void log_change(const asked& a) {
  if (a.who.http.empty() && only_asks(a)) return;
  std::string what(command_of(a));
  if (what.size() < a.what.size()) what += " " + said(std::string_view(a.what).substr(what.size() + 1));
  if (has_flag(a, "dry_run")) what += " (dry run)";
  if (has_flag(a, "carry_only")) what += " (carry only)";
  if (has_flag(a, "back")) what += " back";
  for (const char* more : {"file", "of", "change", "member", "tx", "decision"}) {
    if (const std::string text = a.text(more); !text.empty() && has(a, more)) what += " " + said(text);
  }
  if (has_flag(a, "alone")) what += " alone";
  if (const std::string reason = a.text("reason"); !reason.empty() && has(a, "reason"))
    what += " " + shape_of(reason);
  if (const auto serial = a.number("serial"); serial && has(a, "serial")) what += fmt::format(" {}", *serial);
  if (const auto size = a.number("size"); size && has(a, "size")) what += fmt::format(" resize {}", *size);
  if (const auto time = a.number("for_ms"); time && has(a, "for_ms"))
    what += fmt::format(" for {} ms", *time);
  if (const std::string term = a.text("term"); !term.empty() && has(a, "term") && base::log::shows_messages())
    what += " " + shape_of(term);
  if (const auto only = a.arguments.find("only");
      only != a.arguments.end() && only->is_array() && has(a, "only")) {
    for (std::size_t i = 0; i < std::min(only->size(), most_in_list); ++i)
      if (only->at(i).is_string()) what += " only " + said(only->at(i).get_ref<const std::string&>());
    if (only->size() > most_in_list) what += fmt::format(" and {} more", only->size() - most_in_list);
  }
  // Requests to actors have a lower level, since there may be many a second.
  const bool of_actor = command_of(a) == "call" || command_of(a) == "cast" || command_of(a) == "send";
  base::log::tell(base::log::events::asked_by_operator,
                  of_actor ? base::log::level::info : base::log::level::notice, "control", fields_of(a.who),
                  "asked to {} ({})", what, by(a.who));
}

void log_following(const caller& who, std::string_view event, std::string_view node) {
  base::log::tell(base::log::events::asked_by_operator, base::log::level::notice, "control", fields_of(who),
                  "asked to follow {} ({})", said(fmt::format("{}@{}", event, node)), by(who));
}

} // namespace coppice::control
