// SPDX-License-Identifier: MIT
// The node is told once, and is then asked repeatedly how many connections are left.
#include "cli/drain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/render.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr const char* command = "drain";
constexpr std::chrono::milliseconds pause{200};

struct parameters {
  std::string timeout = "infinity";
  bool undo = false;
};

std::string left_text(const json& document) {
  std::vector<std::vector<std::string>> rows{{"LISTENER", "OPEN"}};
  for (const json& one : document.value("listeners", json::array()))
    rows.push_back({one.value("name", ""), std::to_string(one.value("open", 0ULL))});
  return table(rows);
}

api::exit_code drain(const parameters& given, const common_options& common) {
  const auto timeout = parse_timeout(given.timeout);
  if (!timeout) {
    complain("--timeout", timeout.error().text);
    return api::exit_code::usage;
  }
  const auto until =
      clock::now() + std::chrono::milliseconds(std::clamp(*timeout, 0LL, api::longest_timeout_ms));
  auto connection = reach(common);
  if (!connection) return fail(command, connection.error(), common);
  json arguments{{"change", given.undo ? "off" : "on"}};
  for (;; arguments = json::object()) {
    const auto reply = connection->ask({command, arguments}, node_patience);
    if (!reply) return fail(command, reply.error(), common);
    if (!*reply) return fail(reply->error());
    const bool over = given.undo || (**reply).value("open", 0ULL) == 0;
    const bool late = !over && *timeout >= 0 && clock::now() >= until;
    if (over || late) {
      common.json ? print_json(**reply) : print(left_text(**reply));
      return late ? api::exit_code::timed_out : api::exit_code::done;
    }
    std::this_thread::sleep_for(pause);
  }
}

} // namespace

void declare_drain(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* sub = app.add_subcommand(
      command, "has the node's listeners accept nobody, and waits until their connections have ended");
  auto given = std::make_shared<parameters>(); // owned by the closures, which CLI11 keeps
  sub->add_flag("--undo", given->undo, "has them accept again");
  add_timeout(*sub, given->timeout);
  sub->callback([&common, &run, given] { run = [&common, given] { return drain(*given, common); }; });
}

} // namespace coppice::cli
