// SPDX-License-Identifier: MIT
// See dev.hpp. Changes are handled in rounds. A change during a round is for the next one. A round is a list
// of steps, each of which starts a tool or asks the node and goes on when that has ended. Everything is on
// one loop.
#include "cli/dev.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/file.hpp"
#include "cli/dev_node.hpp"
#include "cli/dev_project.hpp"
#include "cli/development.hpp"
#include "cli/generated.hpp"
#include "cli/tool_run.hpp"
#include "cli/watched_files.hpp"
#include "manifest/manifest.hpp"

namespace coppice::cli {

namespace {

using clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr mode_t plugin_mode = 0755;
constexpr std::size_t most_plugin_bytes = std::size_t{1} << 30;

// Writes the output of the node, as it is, and lines of this program between its lines.
class shared_terminal {
 public:
  void output(std::string_view text, bool errors) {
    if (text.empty()) return;
    std::FILE* const to = errors ? stderr : stdout;
    std::fwrite(text.data(), 1, text.size(), to);
    std::fflush(to);
    in_line_ = text.back() != '\n';
  }
  void say(const std::string& line) { print((std::exchange(in_line_, false) ? "\n" : "") + line + "\n"); }

 private:
  bool in_line_ = false;
};

class session {
 public:
  session(base::uv::loop& on, dev_project with)
      : on_(on),
        with_(std::move(with)),
        node_(on, with_.place,
              {[this](const std::string& line) { terminal_.say(line); },
               [this](std::string_view text, bool errors) { terminal_.output(text, errors); },
               [this] {
                 node_stopped_ = true;
                 finish();
               }}) {}

  base::status run();

 private:
  using step = std::function<void()>;
  using after_tool = std::function<void(const tool_result&)>;

  void heard_signal();
  void finish();
  void changed(const changed_paths& paths);
  void consider();
  void next();
  void start_tool(base::program_options what, std::optional<std::chrono::milliseconds> timeout,
                  after_tool then);
  void build_everything();
  void run_ninja_for_all();
  void all_built();
  void build_plugin(const std::string& name);
  void test_plugin(const std::string& name);
  void take_plugin(const std::string& name, const std::string& done);
  void reload_plugin(const std::string& name, const std::string& done, std::optional<std::string> before);
  void apply_configuration();
  void say_and_go_on(const std::string& line);
  base::status read_plugins();
  bool differs(const std::string& name) const;
  void say(const std::string& line);
  void show_failure(const std::string& what, const tool_result& how);
  std::string old_serves() const;

  std::string built_file(const std::string& name) const { return with_.place.build + "/" + name + ".so"; }
  std::string taken_file(const std::string& name) const { return with_.place.plugins() + "/" + name + ".so"; }

  base::uv::loop& on_;
  dev_project with_;
  shared_terminal terminal_;
  dev_node node_;
  std::unique_ptr<watched_files> watch_;
  std::unique_ptr<tool_run> tool_;
  std::vector<base::uv::signal> signals_;
  built_plugins plugins_;
  due_work due_;
  std::deque<step> steps_; // of the present round
  clock::time_point began_;
  bool working_ = false;
  bool unbuilt_ = true;       // the last build of everything has failed, or there was none
  bool started_ = false;      // the node was started once
  bool apply_failed_ = false; // the configuration on the disk is not the one that runs
  bool stopping_ = false;
  bool node_stopped_ = false;
};

base::status session::run() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    auto made = base::uv::signal::make(on_, number, [this](int) { heard_signal(); });
    if (!made) return unexpected(made.error());
    signals_.push_back(std::move(*made));
  }
  auto watch = watched_files::make(
      on_, with_.place.project,
      [this](const std::string& folder) { return is_watched_folder(folder, with_.configuration); },
      [this](const changed_paths& paths) { changed(paths); });
  if (!watch) return unexpected(watch.error());
  watch_ = std::move(*watch);
  due_.build = true;
  consider();
  on_.run();
  return {};
}

void session::heard_signal() {
  if (!stopping_) terminal_.say("dev: stopping");
  stopping_ = true;
  watch_.reset();
  if (tool_) tool_->end();
  node_.stop();
}

void session::finish() {
  if (stopping_ && node_stopped_ && !working_) on_.stop();
}

void session::changed(const changed_paths& paths) {
  for (const std::string& one : paths) due_.add(work_for(one, plugins_, with_.configuration));
  consider();
}

void session::consider() {
  if (working_ || stopping_ || !due_.any()) return;
  due_work work = std::exchange(due_, {});
  working_ = true;
  began_ = clock::now();
  const bool build = work.build || unbuilt_;
  if (build)
    steps_.push_back([this] { build_everything(); });
  else
    for (const std::string& name : work.plugins) steps_.push_back([this, name] { build_plugin(name); });
  if (work.configuration || (apply_failed_ && build)) steps_.push_back([this] { apply_configuration(); });
  next();
}

void session::next() {
  if (!stopping_ && !steps_.empty()) {
    const step one = std::move(steps_.front());
    steps_.pop_front();
    return one();
  }
  steps_.clear();
  working_ = false;
  stopping_ ? finish() : consider();
}

void session::say(const std::string& line) {
  terminal_.say(
      fmt::format("{} ({:.1f} s)", line, std::chrono::duration<double>(clock::now() - began_).count()));
}

std::string session::old_serves() const {
  return node_.now() == dev_node::state::ready ? "; the old code serves on" : "";
}

void session::show_failure(const std::string& what, const tool_result& how) {
  terminal_.output(how.output, true);
  const std::string why = first_error(how.output);
  say(fmt::format("{}: {}{}", what, why.empty() ? end_text(how.how) : why, old_serves()));
}

void session::say_and_go_on(const std::string& line) {
  say(line);
  next();
}

void session::start_tool(base::program_options what, std::optional<std::chrono::milliseconds> timeout,
                         after_tool then) {
  const std::string name = what.command.front();
  auto started = tool_run::start(on_, what, timeout, [this, then = std::move(then)](const tool_result& how) {
    const std::unique_ptr<tool_run> over = std::move(tool_);
    stopping_ ? next() : then(how);
  });
  if (!started) return say_and_go_on(name + ": " + started.error().text);
  tool_ = std::move(*started);
}

base::program_options in_project(const dev_project& of, std::vector<std::string> command) {
  base::program_options what{
      .command = std::move(command), .environment = base::passed_environment(), .folder = of.place.project};
  if (isatty(STDOUT_FILENO) != 0)
    what.environment.push_back("CLICOLOR_FORCE=1"); // ninja: the compiler's colours
  return what;
}

void session::build_everything() {
  std::error_code unknown;
  if (fs::exists(with_.place.build + "/build.ninja", unknown)) return run_ninja_for_all();
  start_tool(in_project(with_, {with_.meson, "setup", with_.place.build}), std::nullopt,
             [this](const tool_result& how) {
               if (how.good()) return run_ninja_for_all();
               show_failure("project: meson setup failed", how);
               steps_.clear();
               next();
             });
}

void session::run_ninja_for_all() {
  start_tool(in_project(with_, {with_.ninja, "-C", with_.place.build}), std::nullopt,
             [this](const tool_result& how) {
               unbuilt_ = true;
               if (how.good()) return all_built();
               show_failure("project: not built", how);
               // A configuration that waits in this round may need what was not built.
               apply_failed_ = apply_failed_ || !steps_.empty();
               steps_.clear();
               next();
             });
}

base::status session::read_plugins() {
  const std::string folder = with_.place.build + "/meson-info/";
  const auto targets = read_regular(folder + "intro-targets.json");
  if (!targets) return unexpected(targets.error());
  const auto tests = read_regular(folder + "intro-tests.json");
  if (!tests) return unexpected(tests.error());
  auto read = plugins_of_build(*targets, *tests, with_.place.build);
  if (!read) return unexpected(read.error());
  plugins_ = std::move(*read);
  return {};
}

bool session::differs(const std::string& name) const {
  const auto built = base::read_file(built_file(name), most_plugin_bytes);
  const auto taken = base::read_file(taken_file(name), most_plugin_bytes);
  return built && (!taken || *built != *taken);
}

void session::all_built() {
  if (auto read = read_plugins(); !read) return say_and_go_on("project: " + read.error().text);
  unbuilt_ = false;
  std::deque<step> more;
  for (const auto& one : plugins_) {
    const std::string& name = one.first;
    if (!differs(name)) continue;
    if (started_)
      more.push_back([this, name] { test_plugin(name); });
    else if (const auto text = base::read_file(built_file(name), most_plugin_bytes); text)
      if (auto kept = base::write_file_atomic(taken_file(name), *text, plugin_mode); !kept) {
        unbuilt_ = true;
        return say_and_go_on("project: " + kept.error().text);
      }
  }
  if (!started_) {
    started_ = true;
    apply_failed_ = false;
    steps_.clear();
    say("project: built");
    node_.start();
  } else if (more.empty()) {
    say("project: built, and no plugin has changed");
  }
  steps_.insert(steps_.begin(), more.begin(), more.end());
  next();
}

void session::build_plugin(const std::string& name) {
  std::vector<std::string> command{with_.ninja, "-C", with_.place.build};
  const auto found = plugins_.find(name);
  if (found == plugins_.end()) return next(); // a build of everything has dropped it
  command.insert(command.end(), found->second.targets.begin(), found->second.targets.end());
  start_tool(in_project(with_, std::move(command)), std::nullopt, [this, name](const tool_result& how) {
    if (!how.good()) {
      show_failure(name + ": not built", how);
      return next();
    }
    // ninja runs Meson again where a description of the build has changed.
    if (auto read = read_plugins(); !read) return say_and_go_on(name + ": " + read.error().text);
    test_plugin(name);
  });
}

void session::test_plugin(const std::string& name) {
  const auto found = plugins_.find(name);
  if (found == plugins_.end()) return next();
  const plugin_test& test = found->second.test;
  if (test.command.empty()) return take_plugin(name, "built, has no test");
  base::program_options what = in_project(with_, test.command);
  for (const auto& variable : test.environment) {
    const std::string name_and = variable.first + "=";
    std::erase_if(what.environment, [&](const std::string& one) { return one.starts_with(name_and); });
    what.environment.push_back(name_and + variable.second);
  }
  what.folder = test.folder.empty() ? with_.place.build : test.folder;
  std::optional<std::chrono::milliseconds> timeout;
  if (test.timeout.count() > 0) timeout = test.timeout;
  start_tool(std::move(what), timeout, [this, name, timeout](const tool_result& how) {
    if (how.good()) return take_plugin(name, "built, tested");
    if (how.timed_out) {
      terminal_.output(how.output, true);
      return say_and_go_on(fmt::format("{}: built, its test did not end within {} s{}", name,
                                       timeout->count() / 1000, old_serves()));
    }
    show_failure(fmt::format("{}: built, its test failed with {}", name, end_text(how.how)), how);
    next();
  });
}

// The node loads plugins from a folder of its own, so that after a crash it has the code that served before,
// and not what was built since and has failed its test.
void session::take_plugin(const std::string& name, const std::string& done) {
  if (!differs(name)) return say_and_go_on(name + ": " + done + ", and its code is the same");
  std::optional<std::string> before;
  if (auto text = base::read_file(taken_file(name), most_plugin_bytes); text) before = std::move(*text);
  const auto text = base::read_file(built_file(name), most_plugin_bytes);
  if (!text) return say_and_go_on(name + ": " + text.error().text);
  if (auto kept = base::write_file_atomic(taken_file(name), *text, plugin_mode); !kept)
    return say_and_go_on(name + ": " + kept.error().text);
  if (node_.now() == dev_node::state::ready) return reload_plugin(name, done, std::move(before));
  node_.start();
  say_and_go_on(name + ": " + done + ", and the node starts with it");
}

void session::reload_plugin(const std::string& name, const std::string& done,
                            std::optional<std::string> before) {
  const auto inside = manifest::inspect(taken_file(name));
  const std::string id = inside.declared ? inside.declared->id : name;
  node_.ask({"reload", {{"plugin", id}, {"dry_run", false}}},
            [this, name, done, before](const expected<nlohmann::json, no_document>& reply) {
              if (reply) return say_and_go_on(name + ": " + done + ", reloaded: " + reload_text(*reply));
              const no_document& why = reply.error();
              if (why.gone) return say_and_go_on(name + ": " + done + ", and the node has ended: " + why.why);
              if (why.code == base::errc::not_found)
                return say_and_go_on(name + ": " + done + ", and no actor of it runs yet");
              if (before) (void)base::write_file_atomic(taken_file(name), *before, plugin_mode);
              say_and_go_on(fmt::format("{}: {}, reload refused: {}{}", name, done, why.why, old_serves()));
            });
}

void session::apply_configuration() {
  if (!started_) return next();
  if (node_.now() != dev_node::state::ready) {
    node_.start();
    return say_and_go_on("config: the node starts with it");
  }
  node_.ask({"apply", {{"file", ""}, {"dry_run", false}}},
            [this](const expected<nlohmann::json, no_document>& reply) {
              apply_failed_ = !reply || !reply->value("valid", false);
              if (!reply)
                return say_and_go_on(fmt::format("config: refused: {}{}", reply.error().why,
                                                 reply.error().gone ? "" : "; the old tree goes on"));
              const std::vector<spec::diagnostic> found = diagnostics_of(*reply);
              terminal_.output(spec::render(found), true);
              if (!apply_failed_) {
                const std::string changes = changes_text(*reply);
                return say_and_go_on(changes.empty() ? "config: nothing has changed"
                                                     : "config: applied: " + changes);
              }
              const auto error = std::ranges::find(found, spec::severity::error, &spec::diagnostic::severity);
              say_and_go_on(fmt::format(
                  "config: refused: {}; the old tree goes on",
                  error == found.end() ? "it is not valid"
                                       : fmt::format("{}:{}: {}", error->file, error->line, error->message)));
            });
}

struct parameters {
  std::string configuration;
  std::string build = "build";
};

base::status run_session(base::uv::loop& on, dev_project with) {
  print(fmt::format("dev: Ctrl-C stops it; from another terminal: coppice --socket {} tree\n",
                    fs::path(with.place.socket()).lexically_proximate(with.place.project).string()));
  session made(on, std::move(with));
  return made.run();
}

api::exit_code develop(const parameters& p, const common_options& common) {
  if (common.json) {
    complain("dev", "it prints lines for people, and no JSON document");
    return api::exit_code::usage;
  }
  auto found = find_dev_project(p.configuration, p.build);
  if (!found) {
    complain("dev", found.error().text);
    return api::exit_code::failed;
  }
  const auto claim = claim_dev_folder(found->place);
  auto loop = base::uv::loop::make();
  const base::status ran = !claim  ? base::status(unexpected(claim.error()))
                           : !loop ? base::status(unexpected(loop.error()))
                                   : run_session(*loop, *found);
  if (ran) return api::exit_code::done;
  complain("dev", ran.error().text);
  return api::exit_code::failed;
}

} // namespace

void declare_dev(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  auto p = std::make_shared<parameters>();
  CLI::App* command = app.add_subcommand(
      "dev", "in a project of init: builds, runs the node, and takes each change into it once it is tested");
  command->add_option("--config", p->configuration, "the configuration; else the only one in config");
  command->add_option("--build", p->build, "the build folder, which has the node's files in dev")
      ->capture_default_str();
  command->callback([&common, &run, p] { run = [&common, p] { return develop(*p, common); }; });
}

} // namespace coppice::cli
