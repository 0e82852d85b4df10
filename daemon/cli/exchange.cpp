// SPDX-License-Identifier: MIT
// See exchange.hpp.
#include "cli/exchange.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "api/socket_path.hpp"
#include "spec/scalar.hpp"

namespace coppice::cli {

void complain(const std::string& what, const std::string& why, const std::string& hint) {
  fmt::print(stderr, "coppice: {}: {}\n", what, why);
  if (!hint.empty()) fmt::print(stderr, "  {}\n", hint);
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

api::exit_code fail(const std::string& what, const no_reply& problem) {
  const bool nobody = problem.code == api::exit_code::no_node && !problem.forbidden;
  complain(what, problem.why, nobody ? no_node_hint : "");
  return problem.code;
}

api::exit_code fail(const api::failure& from) {
  complain(from.what, from.why, from.hint);
  return api::exit_code_of(from.code);
}

bool print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

bool print_json(const nlohmann::json& document) {
  return print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

} // namespace coppice::cli
