// SPDX-License-Identifier: MIT
// The command `coppice wait-ready`: waits until every application of a node has started. The node may start
// later, or restart meanwhile. A running node is asked once, and answers when it is ready. A missing node is
// looked for repeatedly, at intervals that grow to a quarter of a second. Blocks; one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/remote.hpp"

namespace coppice::cli {

// Chooses the socket, again for each attempt. errc::not_found: none yet; errc::invalid ends the wait.
using socket_choice = std::function<base::result<std::filesystem::path>()>;

// Why the wait failed.
struct never_ready {
  api::exit_code code = api::exit_code::failed;
  std::string why;      // timed_out: the last state seen: "no node: …", "starting: …", "not ready: …"
  bool no_node = false; // no node answered
};

// `timeout` empty: no limit; zero: one attempt. `saw` is called with the obstacle whenever that changes.
// Returns the node's document, with the whole waiting time in waited_ms.
expected<nlohmann::json, never_ready> wait_until_ready(const socket_choice& choose,
                                                       std::optional<std::chrono::milliseconds> timeout,
                                                       const std::function<void(const std::string&)>& saw);

void declare_wait_ready(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
