// SPDX-License-Identifier: MIT
// coppice, the command-line client: parses the command line, runs one command, and exits with its status.
// Results go to stdout, problems to stderr.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/suggest.hpp"
#include "cli/add.hpp"
#include "cli/certificate.hpp"
#include "cli/completion.hpp"
#include "cli/cron.hpp"
#include "cli/dev.hpp"
#include "cli/drain.hpp"
#include "cli/events.hpp"
#include "cli/examples.hpp"
#include "cli/init.hpp"
#include "cli/local.hpp"
#include "cli/log_check.hpp"
#include "cli/logs.hpp"
#include "cli/new_plugin.hpp"
#include "cli/remote.hpp"
#include "cli/top.hpp"
#include "cli/wait_ready.hpp"

namespace {

using coppice::api::exit_code;

// Such as "there is no command staus", with a suggestion in `hint`. Empty: all commands exist.
std::string unknown_command(CLI::App& app, int argc, char** argv, std::string& hint) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--socket") ++i;
    if (word.starts_with('-')) continue;
    std::vector<std::string_view> known;
    const CLI::App* next = nullptr;
    for (const CLI::App* one : at->get_subcommands(nullptr)) {
      if (one->get_name() == word) next = one;
      if (!one->get_group().empty()) known.push_back(one->get_name());
    }
    if (known.empty()) return {};
    if (next == nullptr) {
      hint = coppice::base::did_you_mean(word, known);
      return fmt::format("there is no command {}{}", at == &app ? "" : at->get_name() + " ", word);
    }
    at = next;
  }
  return {};
}

int run_command_line(int argc, char** argv) {
  CLI::App app{"Talks to a running Coppice node.", "coppice"};
  coppice::cli::common_options common;
  std::function<exit_code()> run;
  app.add_flag("--json", common.json, "one JSON document on stdout, nothing else");
  app.add_option("--socket", common.socket,
                 "the node's control socket (else COPPICE_SOCKET, else the only one)");
  app.set_version_flag("--version", "coppice " COPPICE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  coppice::cli::declare_remote_commands(app, common, run);
  coppice::cli::declare_logs(app, common, run);
  coppice::cli::declare_top(app, common, run);
  coppice::cli::declare_wait_ready(app, common, run);
  coppice::cli::declare_local_commands(app, common, run);
  coppice::cli::declare_certificate(app, common, run);
  coppice::cli::declare_log_check(app, common, run);
  coppice::cli::declare_cron(app, common, run);
  coppice::cli::declare_events(app, common, run);
  coppice::cli::declare_drain(app, common, run);
  coppice::cli::declare_new(app, common, run);
  coppice::cli::declare_init(app, common, run);
  coppice::cli::declare_add(app, common, run);
  coppice::cli::declare_dev(app, common, run);
  coppice::cli::declare_completion(app, run);
  coppice::cli::add_examples(app);
  if (argc > 2 && std::string_view(argv[1]) == "complete" && std::string_view(argv[2]) == "--")
    return static_cast<int>(coppice::cli::complete(app, {argv + 3, argv + argc}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked); // for --help and --version
  } catch (const CLI::ParseError& problem) {
    constexpr const char* list = "coppice --help lists the commands";
    std::string hint;
    const std::string unknown = unknown_command(app, argc, argv, hint);
    coppice::cli::complain("usage", unknown.empty() ? problem.what() : unknown, hint.empty() ? list : hint);
    return static_cast<int>(exit_code::usage);
  }
  return static_cast<int>(run());
}

// The exit status after `status`: a command whose results were lost, as on a full disk, has failed.
int with_output(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  coppice::cli::complain("standard output", "not all of it could be written");
  return status == static_cast<int>(exit_code::done) ? static_cast<int>(exit_code::failed) : status;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return with_output(run_command_line(argc, argv));
  } catch (const std::exception& problem) { // out of memory, or a bug of a library
    coppice::cli::print_error(fmt::format("coppice: {}\n", problem.what()));
    return static_cast<int>(exit_code::failed);
  }
}
