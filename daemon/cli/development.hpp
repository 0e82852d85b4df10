// SPDX-License-Identifier: MIT
// The decisions of `coppice dev`, without I/O: what a changed file makes necessary, how the plugins of a
// project are built and tested, and the line that says how a step ended. Any thread.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/program.hpp"

namespace coppice::cli {

// The test that Meson has under a plugin's name.
struct plugin_test {
  std::vector<std::string> command; // empty: there is none
  std::map<std::string, std::string> environment;
  std::string folder;             // its working directory; empty: the build folder
  std::chrono::seconds timeout{}; // 0: none
};

// A plugin that a build makes as NAME.so directly in the build folder.
struct built_plugin {
  std::vector<std::string> targets; // for ninja: the plugin, and what its test needs
  plugin_test test;
};

using built_plugins = std::map<std::string, built_plugin>; // by NAME

// From the texts of meson-info/intro-targets.json and intro-tests.json in `build`, an absolute path.
base::result<built_plugins> plugins_of_build(const std::string& targets, const std::string& tests,
                                             const std::string& build);

// The folder whose build this is, from the text of meson-info/meson-info.json; empty: it does not say.
std::string source_of_build(const std::string& information);

// The work that is to be done.
struct due_work {
  bool build = false; // everything
  std::set<std::string> plugins;
  bool configuration = false;

  bool any() const { return build || configuration || !plugins.empty(); }
  void add(const due_work& other);
};

// Paths are relative to the project's folder. `configuration` is the path of the configuration.
bool is_watched_folder(const std::string& folder, const std::string& configuration);
due_work work_for(const std::string& changed, const built_plugins& known, const std::string& configuration);

// The first line with an error of a compiler, a linker or Meson, else the first line with text; empty: there
// is no text.
std::string first_error(std::string_view output);

// "2 carried over, 1 restarted", from the reply to a reload.
std::string reload_text(const nlohmann::json& reply);
// "add shop/front/audit, set node.log.level", from the reply to an apply.
std::string changes_text(const nlohmann::json& reply);

// How long a node that ended by itself stays down.
class back_off {
 public:
  // A node has ended after it ran for so long. 1 s at first, twice as long each time, at most 30 s; 1 s again
  // after it ran for a minute.
  std::chrono::seconds after(std::chrono::steady_clock::duration ran);
  void reset() { next_ = first; }

 private:
  static constexpr std::chrono::seconds first{1};
  std::chrono::seconds next_ = first;
};

} // namespace coppice::cli
