// SPDX-License-Identifier: MIT
// Files are written in an order in which the same command can continue after any of them: the plugin, which
// appears as a whole, the build file, the test, and last the configuration that names the plugin.
#include "cli/add.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/file.hpp"
#include "cli/addition.hpp"
#include "cli/generated.hpp"
#include "cli/project.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct parameters {
  std::string kind, text, configuration;
  std::string folder = ".";
  std::vector<std::string> stray;
  writing_options writing;
};

base::result<project_texts> read_project(const parameters& p) {
  auto path = configuration_of(p.folder, p.configuration);
  if (!path) return unexpected(path.error());
  auto text = read_regular(in_folder(p.folder, *path));
  if (!text) return unexpected(text.error());
  project_texts read{{*path, *text}, {}, {}};
  for (const auto& [name, into] : {std::pair("meson.build", &read.build), {"tests/tree.sh", &read.test}}) {
    const std::string file = in_folder(p.folder, name);
    std::error_code unknown;
    if (!fs::exists(file, unknown)) continue;
    auto found = read_regular(file);
    if (!found) return unexpected(found.error());
    *into = project_file{name, *found};
  }
  return read;
}

api::exit_code show_by_hand(const std::string& what, const parameters& p, const addition& wanted,
                            const json& document, bool as_json) {
  for (const lines_to_add& one : wanted.by_hand)
    complain(what, fmt::format("{} cannot be edited: {}", in_folder(p.folder, one.path), one.why));
  complain(what, "nothing was written",
           "add these lines by hand; the same command then makes what else there is to make");
  json all = json::array();
  std::string text;
  for (const lines_to_add& one : wanted.by_hand) {
    all.push_back({{"path", one.path}, {"where", one.where}, {"lines", one.lines}});
    text += fmt::format("# {}, {}:\n{}", in_folder(p.folder, one.path), one.where, one.lines);
  }
  if (as_json) {
    json said = document;
    said["by_hand"] = all;
    print_json(said);
  } else {
    print(text);
  }
  return api::exit_code::failed;
}

// Writes through links, and keeps the file's mode and owner. `before`: the text that the edit was made from.
base::status write_edit(const std::string& path, const std::string& before, const std::string& text) {
  std::error_code problem;
  const std::string file = fs::canonical(path, problem).string();
  struct stat found {};
  if (problem || stat(file.c_str(), &found) != 0)
    return base::fail_errno(path, problem ? problem.value() : errno);
  if (geteuid() != 0 && found.st_uid != geteuid())
    return base::fail(base::errc::refused, path + ": belongs to another user, and would be yours");
  if (const auto now = read_regular(file); !now || *now != before)
    return base::fail(base::errc::refused, path + ": somebody has changed it meanwhile");
  constexpr mode_t permissions = 07777;
  if (auto done = base::write_file_atomic(file, text, found.st_mode & permissions); !done) return done;
  if (chown(file.c_str(), found.st_uid, found.st_gid) != 0)
    return base::fail_errno("chown " + path + ", which is written", errno);
  return {};
}

const std::string& text_before(const project_texts& project, const std::string& path) {
  if (project.build && project.build->path == path) return project.build->text;
  if (project.test && project.test->path == path) return project.test->text;
  return project.configuration.text;
}

base::status write_all(const parameters& p, const project_texts& project, const addition& wanted,
                       const std::string& plugin, const std::vector<planned_file>& planned) {
  if (!wanted.plugin.empty())
    if (auto done = write_files(plugin, wanted.plugin, planned); !done) return done;
  for (const project_file& one : wanted.edits)
    if (auto done = write_edit(in_folder(p.folder, one.path), text_before(project, one.path), one.text);
        !done)
      return done;
  return {};
}

std::string next_lines(const addition& wanted, const std::string& configuration) {
  return fmt::format("next: {}coppice check {}\n",
                     wanted.plugin.empty() ? "" : "ninja -C build && meson test -C build && ", configuration);
}

api::exit_code add(const parameters& p, bool as_json) {
  const std::string what = "add " + p.kind + " " + p.text;
  std::vector<std::string> mistakes = stray_words(p.stray);
  const auto project = read_project(p);
  if (!project) {
    complain(what, project.error().text);
    return mistakes.empty() ? api::exit_code::failed : refuse_all(what, mistakes);
  }
  const auto wanted = plan_addition({p.kind, p.text}, *project);
  if (!wanted) mistakes.insert(mistakes.end(), wanted.error().begin(), wanted.error().end());
  if (!mistakes.empty()) return refuse_all(what, mistakes);
  json document{{"node", wanted->node},         {"kind", p.kind},
                {"name", wanted->entry.name},   {"parent", wanted->entry.parent},
                {"folder", p.folder},           {"configuration", project->configuration.path},
                {"dry_run", p.writing.dry_run}, {"files", json::array()},
                {"by_hand", json::array()}};
  if (!wanted->by_hand.empty()) return show_by_hand(what, p, *wanted, document, as_json);

  const std::string place = "plugins/" + wanted->entry.name;
  const std::string plugin = in_folder(p.folder, place);
  std::vector<planned_file> planned;
  if (!wanted->plugin.empty()) {
    auto found = plan_files(plugin, wanted->plugin);
    if (!found) {
      complain(what, found.error().text);
      return api::exit_code::failed;
    }
    planned = std::move(*found);
  }
  if (!p.writing.force && would_replace(planned)) return refuse_different(what, plugin, planned);
  if (!p.writing.dry_run) {
    if (const auto written = write_all(p, *project, *wanted, plugin, planned); !written) {
      complain(what, written.error().text);
      return api::exit_code::failed;
    }
  }
  std::string text;
  for (const project_file& one : wanted->edits) {
    document["files"].push_back({{"path", one.path}, {"action", "edit"}});
    text += in_folder(p.folder, one.path) + " (edited)\n";
  }
  for (const planned_file& one : planned)
    document["files"].push_back({{"path", place + "/" + one.path}, {"action", word_of(one.action)}});
  if (!planned.empty()) text += listed(plugin, planned, false);
  const bool nothing = wanted->edits.empty() && std::ranges::all_of(planned, [](const planned_file& one) {
                         return one.action == file_action::keep;
                       });
  if (nothing) text = fmt::format("{} is there already\n", wanted->entry.name);
  if (p.writing.dry_run) text += "nothing was written: --dry-run\n";
  if (as_json)
    print_json(document);
  else
    print(text + (nothing || p.writing.dry_run ? "" : next_lines(*wanted, project->configuration.path)));
  return api::exit_code::done;
}

} // namespace

void declare_add(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  auto p = std::make_shared<parameters>();
  CLI::App* command = app.add_subcommand(
      "add", "in a project of init: adds to the tree of the configuration, and makes the plugin");
  // CLI11 does not check it: a wrong kind is reported together with all other mistakes.
  command->add_option("kind", p->kind, "what is added, as an option of init is called")
      ->type_name(fmt::format("TEXT:{{{}}}", fmt::join(entry_kinds(), ",")))
      ->required();
  command->add_option("entry", p->text, "[PARENT:]NAME{key:value}, as init takes it")->required();
  command->add_option("more", p->stray)->group(""); // reported with all other mistakes
  command->add_option("--in", p->folder, "the project's folder")->capture_default_str();
  command->add_option("--config", p->configuration,
                      "the configuration, from that folder on; else the only one in config");
  add_writing_options(*command, p->writing);
  command->callback([&common, &run, p] { run = [&common, p] { return add(*p, common.json); }; });
}

} // namespace coppice::cli
