// SPDX-License-Identifier: MIT
// Finds the node, asks it, and prints. Everything that is printed is made printable first.
#include "cli/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>

#include "api/socket_path.hpp"
#include "base/json_text.hpp"
#include "base/printable_lines.hpp"
#include "base/utf8.hpp"
#include "spec/schema/scalar.hpp"

namespace coppice::cli {

void complain(const std::string& what, const std::string& why, const std::string& hint) {
  print_error(fmt::format("coppice: {}: {}\n", what, why));
  if (!hint.empty()) print_error(fmt::format("  {}\n", hint));
}

void print_error(const std::string& text) {
  std::fputs(base::printable_lines(text).c_str(), stderr);
}

void add_timeout(CLI::App& app, std::string& text) {
  app.add_option("--timeout", text, "how long to wait: 250ms, 5s, 2m, infinity")->capture_default_str();
}

base::result<long long> parse_timeout(const std::string& text) {
  if (text == "infinity") return -1;
  const auto time = spec::parse_duration(text);
  if (!time) {
    return base::fail(base::errc::invalid,
                      "\"" + text + "\" is no time; write 250ms, 5s, 2m, 1h or infinity");
  }
  return time->count();
}

expected<client, no_reply> reach(const common_options& common,
                                 std::optional<std::chrono::milliseconds> patience) {
  const auto socket = api::choose_socket(common.socket);
  if (!socket) {
    const base::errc code = socket.error().code;
    return unexpected(no_reply{code == base::errc::invalid ? api::exit_code::usage : api::exit_code::no_node,
                               socket.error().text, code == base::errc::refused});
  }
  return client::connect(*socket, patience);
}

expected<client, no_reply> reach_again(const std::string& what, const common_options& common) {
  constexpr std::chrono::milliseconds longest_pause{1000};
  std::chrono::milliseconds pause{50};
  complain(what, "the node is gone: waiting for its next start");
  for (;; pause = std::min(pause * 2, longest_pause)) {
    auto connection = reach(common);
    const bool may_come = !connection && connection.error().code == api::exit_code::no_node;
    if (connection) complain(what, "the node is back");
    if (!may_come) return connection;
    std::this_thread::sleep_for(pause);
  }
}

std::string unit_of(const std::string& socket) {
  const std::filesystem::path path = socket;
  if (path.parent_path() != api::service_folder) return {};
  const std::string name = path.stem().string();
  if (name == "node") return "coppice";
  return name.find('@') == std::string::npos ? "coppice@" + name : "";
}

bool has_service() {
  std::error_code ignored;
  for (const char* folder : {"/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system"})
    if (std::filesystem::exists(std::string(folder) + "/coppice.service", ignored)) return true;
  return false;
}

std::string no_node_hint(const std::string& socket, bool with_service, bool answered) {
  const std::string unit = socket.empty() && with_service ? "coppice" : unit_of(socket);
  if (!unit.empty()) return fmt::format("systemctl status {0}; journalctl -u {0} -e", unit);
  if (answered) return "it may stop, or have no descriptor left: its log says so";
  return "is the node running? start one with: coppiced --config FILE";
}

std::string no_node_hint(const common_options& common, bool answered) {
  const auto socket = api::choose_socket(common.socket);
  return no_node_hint(socket ? socket->string() : common.socket, has_service(), answered);
}

api::exit_code fail(const std::string& what, const no_reply& problem, const common_options& common) {
  const bool nobody = problem.code == api::exit_code::no_node && !problem.forbidden;
  const std::string hint = nobody ? no_node_hint(common, problem.answered) : "";
  complain(what, problem.why, problem.hint.empty() ? hint : problem.hint);
  return problem.code;
}

api::exit_code fail(const api::failure& from) {
  complain(from.what, from.why, from.hint);
  return api::exit_code_of(from.code);
}

// JSON escapes ASCII's control characters, except for DEL.
std::string json_to_show(const nlohmann::json& document, int indent) {
  const std::string text = base::json_text(document, indent);
  if (base::is_printable(text)) return text;
  std::string out;
  for (std::string_view left = text; !left.empty();) {
    const std::string_view character = left.substr(0, std::max<std::size_t>(base::utf8_length(left), 1));
    left.remove_prefix(character.size());
    if (character == "\n" || base::is_printable(character)) {
      out += character;
      continue;
    }
    // It has one to three bytes, as every unprintable character has.
    unsigned code = static_cast<unsigned char>(character[0]);
    if (character.size() == 2) code = (code & 0x1f) << 6;
    if (character.size() == 3)
      code = (code & 0x0f) << 12 | (static_cast<unsigned char>(character[1]) & 0x3fU) << 6;
    if (character.size() > 1) code |= static_cast<unsigned char>(character.back()) & 0x3fU;
    out += fmt::format("\\u{:04x}", code);
  }
  return out;
}

void make_printable(nlohmann::json& document) {
  if (document.is_string()) document = base::printable_lines(document.get_ref<const std::string&>());
  if (!document.is_structured()) return;
  for (nlohmann::json& one : document) make_printable(one);
}

bool print(const std::string& text) {
  return print_exactly(base::printable_lines(text));
}

bool print_exactly(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

bool print_json(const nlohmann::json& document) {
  return print_exactly(json_to_show(document, 2) + "\n");
}

} // namespace coppice::cli
