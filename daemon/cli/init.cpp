// SPDX-License-Identifier: MIT
// The options that add to the tree keep their order on the command line: a supervisor starts its children in
// it.
#include "cli/init.hpp"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <memory>

#include "cli/generated.hpp"
#include "cli/init_file.hpp"
#include "cli/init_project.hpp"
#include "cli/init_tree.hpp"
#include "cli/templates.hpp"

namespace coppice::cli {

namespace {

struct parameters {
  std::string node, folder, from;
  std::vector<std::string> stray;
  bool observer = false;
  writing_options writing;
  std::map<std::string, std::vector<std::string>> texts; // by option
};

void add_file(const std::string& file, init_request& to, std::vector<std::string>& mistakes) {
  const auto text = read_regular(file);
  if (!text) return mistakes.push_back(text.error().text);
  const init_file read = read_init_file(*text);
  for (const std::string& one : read.wrong) mistakes.push_back(file + ": " + one);
  if (!read.is_list) return;
  if (!to.node.empty() && !read.node.empty() && to.node != read.node)
    mistakes.push_back(fmt::format("{} names the node {}", file, read.node));
  if (to.node.empty()) to.node = read.node;
  if (to.node.empty()) mistakes.push_back(file + " names no node, nor does the command line");
  to.observer = to.observer || read.observer;
  to.options = read.options;
}

// The file's options come first. Mistakes in the file are added to `mistakes`.
init_request request_of(const parameters& p, const CLI::App& command, std::vector<std::string>& mistakes) {
  init_request wanted{p.node, {}, p.observer, "coppice init"};
  if (!p.node.empty()) wanted.command += " " + shell_word(p.node);
  if (!p.from.empty()) {
    wanted.command += " --from " + shell_word(p.from);
    add_file(p.from, wanted, mistakes);
  }
  std::map<std::string, std::size_t> used;
  for (const CLI::Option* one : command.parse_order()) {
    const std::string name = one->get_lnames().empty() ? "" : one->get_lnames().front();
    const auto found = p.texts.find(name);
    if (found == p.texts.end()) continue;
    const std::string& text = found->second.at(used[name]++);
    wanted.options.push_back({name, text});
    wanted.command += fmt::format(" --{} {}", name, shell_word(text));
  }
  if (p.observer) wanted.command += " --observer";
  return wanted;
}

api::exit_code make(const parameters& p, const CLI::App& command, bool as_json) {
  std::vector<std::string> mistakes = stray_words(p.stray);
  const init_request wanted = request_of(p, command, mistakes);
  const std::string what = wanted.node.empty() ? "init" : "init " + wanted.node;
  const auto files = project_files(wanted);
  if (!files && !wanted.node.empty())
    mistakes.insert(mistakes.end(), files.error().begin(), files.error().end());
  if (!mistakes.empty()) return refuse_all(what, mistakes);
  const std::string alive = alive_of(wanted.node);
  const std::string folder = p.folder.empty() ? alive : p.folder;
  return write_and_list(
      what, folder, *files, p.writing, as_json, {{"node", wanted.node}},
      fmt::format("next: cd {0} && meson setup build && ninja -C build && meson test -C build\n"
                  "then: coppiced --config config/{1}.yaml\n"
                  "or: cd {0} && coppice dev\n",
                  shell_word(folder), alive));
}

} // namespace

void declare_init(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  auto p = std::make_shared<parameters>();
  CLI::App* command = app.add_subcommand(
      "init", "makes a project: a node's configuration with its tree, plugins, tests, what builds them");
  command->add_option("node-name", p->node, "the node's name, ALIVE or ALIVE@HOST");
  command->add_option("more", p->stray)->group(""); // reported with all other mistakes
  command->add_option("--from", p->from, "a YAML list of the same: - actor: front:cart")->type_name("FILE");
  command->add_option("--in", p->folder, "the folder that is made; ALIVE without one");
  const auto add = [&p, command](const std::string& name, std::string text) {
    if (text.ends_with('.')) text.pop_back();
    command
        ->add_option("--" + name, p->texts[name],
                     fmt::format("{} {{{}}}", text, fmt::join(option_keys(name), ",")))
        ->allow_extra_args(false)
        ->type_name("[PARENT:]NAME"); // no braces: completion would offer their content
  };
  for (const template_kind& kind : template_kinds()) add(kind.name, kind.summary);
  for (std::size_t i = 0; i < std::size(other_kinds); ++i)
    add(std::string(other_kinds[i]), other_summaries[i]);
  command->add_flag("--observer", p->observer, "control.http at 127.0.0.1:9911: /metrics, /livez, /readyz");
  add_writing_options(*command, p->writing);
  command->callback([&common, &run, p, command] {
    if (p->node.empty() && p->from.empty()) throw CLI::RequiredError("init: NODE (or --from)");
    run = [&common, p, command] { return make(*p, *command, common.json); };
  });
}

} // namespace coppice::cli
