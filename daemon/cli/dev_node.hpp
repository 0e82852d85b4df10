// SPDX-License-Identifier: MIT
// The node of `coppice dev`: a coppiced in the foreground with data, ports, plugins and control socket of its
// own. If it ends by itself it is started again, after a pause that grows. For the loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/program.hpp"
#include "base/uv.hpp"
#include "cli/aside.hpp"
#include "cli/client.hpp"
#include "cli/development.hpp"
#include "spec/load.hpp"

namespace coppice::cli {

// Absolute paths.
struct dev_place {
  std::string program;       // coppiced
  std::string project;       // the folder
  std::string configuration; // the file
  std::string build;         // the build folder
  std::string folder;        // what belongs to the node: data, plugins, control.sock

  std::string plugins() const { return folder + "/plugins"; }
  std::string data() const { return folder + "/data"; }
  std::string socket() const { return folder + "/control.sock"; }
};

// The changes that `coppice dev` makes to a configuration, as --set takes them. `http_port`: where /metrics
// is, if the configuration has it.
std::vector<spec::override_value> dev_settings(const spec::node_spec& of, const dev_place& place,
                                               std::uint16_t http_port);

// Why there is no document: the node's own sentence, or that it has gone.
struct no_document {
  base::errc code = base::errc::internal;
  std::string why;
  bool gone = false; // the node has not answered
};

class dev_node {
 public:
  enum class state {
    down,     // not started
    starting, // it runs and is not ready
    ready,
    pausing, // it has ended by itself and is started again later
    refused, // it has not taken its configuration; it is started again when something changes
    ending,  // it was told to end
  };
  struct listener {
    std::function<void(const std::string& line)> say;
    std::function<void(std::string_view text, bool errors)> output; // what the node prints
    std::function<void()> stopped;                                  // after stop()
  };

  dev_node(const base::uv::loop& on, dev_place place, listener to);
  dev_node(const dev_node&) = delete;
  dev_node& operator=(const dev_node&) = delete;
  ~dev_node() = default;

  state now() const { return state_; }
  // Starts it, or ends it and starts it again. Says what is wrong with the configuration.
  void start();
  // Ends it for good; `stopped` is called when it has ended, maybe at once. A second call shortens the end.
  void stop();
  // Only if it is ready, and one at a time. `done` is called on the loop.
  void ask(api::request what, std::function<void(expected<nlohmann::json, no_document>)> done);

 private:
  void launch();
  void wait_until_up();
  void forward(base::unique_fd& from, base::uv::poll& by, bool errors);
  void ended(base::program_end how);

  const base::uv::loop& on_;
  dev_place place_;
  listener to_;
  state state_ = state::down;
  bool again_ = false; // ending: it is started again
  bool stops_ = false;
  std::uint16_t http_port_ = 0;
  std::chrono::steady_clock::time_point began_;
  back_off pause_;
  base::program program_;
  base::uv::poll output_, errors_;
  base::uv::timer later_;
  std::shared_ptr<std::atomic<bool>> life_ended_; // read by the thread that waits for this life
  std::unique_ptr<aside> waiting_;
  std::unique_ptr<aside> asking_;
};

} // namespace coppice::cli
