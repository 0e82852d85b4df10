// SPDX-License-Identifier: MIT
// Tests of what a shell is offered, for a command line with every kind of option and argument.
#include "cli/completion.hpp"

#include <doctest/doctest.h>

#include "cli/completion_scripts.hpp"
#include "cli/remote.hpp"

using namespace coppice;
using words = std::vector<std::string>;

namespace {

struct line {
  CLI::App app{"test", "coppice"};
  cli::common_options common;
  std::function<api::exit_code()> run;
  std::vector<cli::completes> asked;

  line() {
    app.add_flag("--json", common.json);
    app.add_option("--socket", common.socket);
    cli::declare_remote_commands(app, common, run);
    CLI::App* group = app.add_subcommand("certificate", "");
    group->add_subcommand("init", "");
    group->add_subcommand("issue", "");
    app.add_subcommand("hidden", "")->group("");
  }
  words after(const words& given) {
    return cli::candidates(app, given, [this](cli::completes kind) {
      asked.push_back(kind);
      return kind == cli::completes::node ? words{"b@h", "a@h", "a@h"} : words{"kv", "odd id", "two\nlines"};
    });
  }
};

} // namespace

TEST_CASE("commands complete by their beginning, and those that --help does not show do not") {
  line at;
  CHECK(at.after({"st"}) == words{"start", "status", "stop"});
  CHECK(at.after({"hid"}).empty());
  CHECK(at.after({"certificate", ""}) == words{"init", "issue"});
  CHECK(at.after({""}).size() > 15);
  CHECK(at.after({}).size() > 15);
}

TEST_CASE("options are those of the command and those of all") {
  line at;
  CHECK(at.after({"ps", "--s"}) == words{"--socket", "--sort"});
  CHECK(at.after({"status", "--s"}) == words{"--socket"});
  CHECK(at.after({"--j"}) == words{"--json"});
}

TEST_CASE("an option's value is one of its choices, and is no argument") {
  line at;
  CHECK(at.after({"ps", "--sort", "m"}) == words{"mailbox", "memory"});
  CHECK(at.after({"log-level", "de"}) == words{"debug", "default"});
  CHECK(at.after({"call", "--timeout", "5s", "k"}) == words{"kv"});
  CHECK(at.after({"--socket", "x", "ps", "--sort", "r"}) == words{"reductions"});
  CHECK(at.after({"call", "--timeout", ""}).empty());
}

TEST_CASE("names are asked for by what the argument stands for, sorted, each once, none over two lines") {
  line at;
  CHECK(at.after({"disconnect", ""}) == words{"a@h", "b@h"});
  CHECK(at.after({"info", ""}) == words{"kv", "odd id"});
  CHECK(at.after({"restart", "o"}) == words{"odd id"});
  CHECK(at.after({"reload", ""}) == words{"kv", "odd id"});
  CHECK(at.after({"start", ""}) == words{"kv", "odd id"});
  CHECK(at.after({"log-level", "debug", "--of", ""}) == words{"kv", "odd id"});
  using cli::completes;
  CHECK(at.asked == std::vector{completes::node, completes::process, completes::child, completes::plugin,
                                completes::application, completes::log_target});
}

TEST_CASE("where nothing is known nothing is offered, and files are left to the shell") {
  line at;
  CHECK(at.after({"call", "kv", ""}).empty());
  CHECK(at.after({"apply", ""}).empty());
  CHECK(at.after({"status", ""}).empty());
  CHECK(at.after({"nonsense", ""}).size() > 15); // an unknown word does not end the completion
  CHECK(at.after({"info", "kv", "more", "and more", ""}).empty());
}

TEST_CASE("paths go down through the supervisors") {
  const auto tree = nlohmann::json::parse(R"({"applications": [
    {"name": "a", "supervisor": {"children": [{"id": "x"}, {"id": "s", "children": [{"id": "y"}]}]}},
    {"name": "b", "supervisor": null}]})");
  CHECK(cli::child_paths(tree) == words{"a", "a/x", "a/s", "a/s/y", "b"});
  CHECK(cli::child_paths(nlohmann::json::object()).empty());
}

TEST_CASE("listeners are the children that listen") {
  const auto tree = nlohmann::json::parse(R"({"applications": [ {"name": "a", "supervisor": {"children": [
    {"id": "x", "behaviour": "server"}, {"id": "s", "children": [{"id": "y", "behaviour": "tcp"}]},
    {"id": "w", "behaviour": "web"}]}}]})");
  CHECK(cli::listener_paths(tree) == words{"a/s/y", "a/w"});
}

TEST_CASE("there is a script for each shell") {
  for (const char* shell : {"bash", "zsh", "fish"})
    CHECK(cli::completion_script(shell).find(" complete -- ") != std::string::npos);
  CHECK(cli::completion_script("csh").empty());
}
