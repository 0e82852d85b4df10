// SPDX-License-Identifier: MIT
// `coppice wait-ready`: waits for a node that may not be up yet, and through whatever becomes of it
// meanwhile, until every application has started. A node that is there is asked once and answers when it is
// so far; one that is not is looked for again and again, at growing intervals of a quarter of a second at
// most. Blocks; one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/remote.hpp"

namespace coppice::cli {

// Which socket to ask, looked up anew for each attempt. errc::not_found: none yet; errc::invalid ends the
// wait.
using socket_choice = std::function<base::result<std::filesystem::path>()>;

// Why the wait came to nothing.
struct never_ready {
  api::exit_code code = api::exit_code::failed;
  std::string why;      // timed_out: what was seen last, "no node: …", "starting: …", "not ready: …"
  bool no_node = false; // nobody answered
};

// Absent `timeout`: for ever; zero: one attempt. `saw` is called with what is in the way whenever that
// changes. The document is the node's, its waited_ms the whole wait.
expected<nlohmann::json, never_ready> wait_until_ready(const socket_choice& choose,
                                                       std::optional<std::chrono::milliseconds> timeout,
                                                       const std::function<void(const std::string&)>& saw);

void declare_wait_ready(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
