// SPDX-License-Identifier: MIT
// The commands check, inspect and schema. All problems of a configuration are printed at once, as coppiced
// --check prints them.
#include "cli/local.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>

#include "cli/render.hpp"
#include "cli/tls_files.hpp"
#include "manifest/lint.hpp"
#include "manifest/manifest.hpp"
#include "manifest/state_graph.hpp"
#include "spec/load.hpp"
#include "spec/schema/default_files.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json json_of(const spec::diagnostic& d) {
  return {{"severity", d.severity == spec::severity::error ? "error" : "warning"},
          {"file", d.file},
          {"line", d.line},
          {"column", d.column},
          {"message", d.message},
          {"hint", d.hint}};
}

json json_of(const std::vector<spec::plugin_file>& files) {
  json plugins = json::array();
  for (const auto& one : files)
    plugins.push_back({{"id", one.id}, {"file", one.path}, {"drafts", one.drafts}});
  return plugins;
}

// A line for each plugin that uses drafts, which a later host may refuse.
std::string drafts_text(const spec::node_spec& spec) {
  std::string text;
  for (const auto& one : spec.plugin_files)
    if (!one.drafts.empty())
      text += fmt::format("plugin {} uses drafts: {}\n", one.id, fmt::join(one.drafts, ", "));
  return text;
}

api::exit_code check(const std::vector<std::string>& given, bool effective, bool as_json) {
  const std::vector<std::string> files = spec::configuration_files(given);
  spec::outcome outcome = spec::load(files);
  if (outcome.spec) {
    bool usable = true;
    auto findings = check_authorities(*outcome.spec);
    std::ranges::move(check_readable(*outcome.spec, files), std::back_inserter(findings));
    for (spec::diagnostic& one : findings) {
      usable = usable && one.severity != spec::severity::error;
      outcome.diagnostics.push_back(std::move(one));
    }
    if (!usable) outcome.spec.reset();
  }
  if (as_json) {
    json problems = json::array();
    for (const auto& d : outcome.diagnostics) problems.push_back(json_of(d));
    json document{{"valid", outcome.spec.has_value()}, {"files", files}, {"diagnostics", problems}};
    if (outcome.spec) document["plugins"] = json_of(outcome.spec->plugin_files);
    if (outcome.spec && effective) {
      document["effective"] = spec::effective_yaml(*outcome.spec);
      document["overridden"] = json::array();
      for (const auto& one : outcome.overridden)
        document["overridden"].push_back({{"path", one.path}, {"by", one.by}, {"over", one.over}});
    }
    print_json(document);
  } else {
    print_error(spec::render(outcome.diagnostics));
    if (outcome.spec && effective)
      for (const auto& one : outcome.overridden)
        print(fmt::format("# {}: {} overrides {}\n", one.path, one.by, one.over));
    if (outcome.spec && effective) print_exactly(spec::effective_yaml(*outcome.spec));
    if (outcome.spec && !effective)
      print(fmt::format("{}: ok\n{}", fmt::join(files, ", "), drafts_text(*outcome.spec)));
  }
  return outcome.spec ? api::exit_code::done : api::exit_code::bad_configuration;
}

json states_json(const std::vector<manifest::declared_state>& states) {
  json list = json::array();
  for (const auto& state : states) {
    json on = json::array();
    for (const auto& [event, to] : state.on) on.push_back({{"event", event}, {"to", to}});
    list.push_back({{"name", state.name}, {"on", std::move(on)}});
  }
  return list;
}

// Such as "locked, open; never reached: wedged".
std::string states_text(const std::vector<manifest::declared_state>& states) {
  std::vector<std::string> names;
  for (const auto& state : states) names.push_back(state.name);
  const auto left_out = manifest::unreachable(states);
  return fmt::format("{}{}{}", fmt::join(names, ", "),
                     left_out.empty() ? "" : "; never reached: ", fmt::join(left_out, ", "));
}

json json_of(const manifest::inspection& found, const std::string& file) {
  json document{{"file", file}, {"accepted", found.verdict.accepted()}, {"reasons", json::array()}};
  for (const auto& reason : found.verdict.reasons) {
    document["reasons"].push_back(
        {{"warning", reason.warning}, {"text", reason.text}, {"remedy", reason.remedy}});
  }
  if (found.declared) {
    const auto& m = *found.declared;
    document["drafts"] = found.drafts;
    document["id"] = m.id;
    document["version"] = m.version;
    document["build_id"] = m.build_id;
    document["abi"] = {{"major", m.abi_major}, {"minor", m.abi_minor_needs}};
    document["actors"] = json::array();
    for (const auto& actor : m.actors) {
      json schema = json::parse(actor.args_schema, nullptr, false);
      document["actors"].push_back({{"name", actor.name},
                                    {"behaviour", actor.behaviour},
                                    {"tables", actor.tables},
                                    {"state_version", actor.state_version},
                                    {"args_schema", schema.is_discarded() ? json() : schema},
                                    {"states", states_json(actor.states)}});
    }
  }
  if (found.linked) {
    document["libraries"] = json::array();
    for (const auto& [name, path] : found.linked->libraries)
      document["libraries"].push_back({{"name", name}, {"path", path.empty() ? json() : json(path)}});
    document["hardening"] = {{"relro", found.linked->relro},
                             {"bind_now", found.linked->bind_now},
                             {"nx_stack", !found.linked->executable_stack}};
  }
  return document;
}

std::string yes_no(bool value) {
  return value ? "yes" : "no";
}

std::string names_or_none(const std::vector<std::string>& names) {
  return names.empty() ? "-" : fmt::format("{}", fmt::join(names, ", "));
}

std::string text_of(const manifest::inspection& found, const std::string& file) {
  std::vector<std::vector<std::string>> rows{{"file", file}};
  if (found.declared) {
    const auto& m = *found.declared;
    rows.push_back({"plugin", fmt::format("{} {}", m.id, m.version)});
    rows.push_back({"build", m.build_id.empty() ? "-" : m.build_id});
    rows.push_back({"ABI", fmt::format("{}.{}", m.abi_major, m.abi_minor_needs)});
    for (const auto& actor : m.actors) {
      rows.push_back({"actor", fmt::format("{} ({}), state version {}{}{}", actor.name, actor.behaviour,
                                           actor.state_version, actor.args_schema.empty() ? "" : ", args ",
                                           actor.args_schema)});
      rows.push_back({"tables", names_or_none(actor.tables)});
      if (!actor.states.empty()) rows.push_back({"states", states_text(actor.states)});
    }
    rows.push_back({"drafts", names_or_none(found.drafts)});
  }
  if (found.linked) {
    for (const auto& [name, path] : found.linked->libraries)
      rows.push_back({"library", fmt::format("{} ({})", name, path.empty() ? "not found" : path)});
    rows.push_back(
        {"hardening", fmt::format("RELRO {}, bind now {}, NX stack {}", yes_no(found.linked->relro),
                                  yes_no(found.linked->bind_now), yes_no(!found.linked->executable_stack))});
  }
  rows.push_back({"verdict", found.verdict.accepted() ? "accepted" : "refused"});
  std::string text = table(rows);
  for (const auto& reason : found.verdict.reasons) {
    text += fmt::format("{}: {}\n  {}\n", reason.warning ? "warning" : "error", reason.text, reason.remedy);
  }
  return text;
}

// Prints a graph for each actor that declares its states. Unreachable states are named on standard error.
api::exit_code draw(const manifest::inspection& found, const std::string& file) {
  if (!found.declared) {
    complain("inspect " + file, "it has no manifest to draw from");
    return api::exit_code::failed;
  }
  bool any = false;
  for (const auto& actor : found.declared->actors) {
    if (actor.states.empty()) continue;
    any = true;
    print(manifest::dot(actor.name, actor.states));
    for (const auto& name : manifest::unreachable(actor.states))
      complain("inspect " + file, fmt::format("actor {}: nothing leads from {} to the state {}", actor.name,
                                              actor.states.front().name, name));
  }
  if (any) return api::exit_code::done;
  complain("inspect " + file, "none of its actors declares states");
  return api::exit_code::failed;
}

std::string text_of(const manifest::lint_report& report, const std::string& file) {
  std::string text;
  for (const auto& one : report.findings) text += fmt::format("warning: {}\n  {}\n", one.text, one.remedy);
  for (const auto& one : report.not_judged) text += fmt::format("not judged: {}\n", one);
  if (report.findings.empty()) text += file + ": nothing found\n";
  return text;
}

// The status is that of a check: failed if anything was found.
api::exit_code lint(const std::string& file, bool as_json) {
  const auto report = manifest::lint(file);
  if (!report) {
    complain("inspect --lint", report.error().text);
    return api::exit_code::failed;
  }
  if (as_json) {
    json document{{"file", file}, {"findings", json::array()}, {"not_judged", report->not_judged}};
    for (const auto& one : report->findings)
      document["findings"].push_back({{"kind", one.kind}, {"text", one.text}, {"remedy", one.remedy}});
    print_json(document);
  } else {
    print(text_of(*report, file));
  }
  return report->findings.empty() ? api::exit_code::done : api::exit_code::failed;
}

api::exit_code inspect(const std::string& file, bool as_json, bool as_dot) {
  std::error_code missing;
  if (!fs::exists(file, missing)) {
    complain("inspect " + file, missing ? missing.message() : "no such file");
    return api::exit_code::failed;
  }
  // The author of the file wants to see all objections; the node would stop at this one.
  manifest::inspection found = manifest::inspect(file);
  if (found.verdict.has(manifest::objection::unsafe_file)) {
    manifest::inspection inside = manifest::inspect(file, {.file_safety = false});
    auto& reasons = inside.verdict.reasons;
    reasons.insert(reasons.begin(), found.verdict.reasons.begin(), found.verdict.reasons.end());
    found = std::move(inside);
  }
  if (as_dot) return draw(found, file);
  if (as_json) {
    print_json(json_of(found, file));
  } else {
    print(text_of(found, file));
  }
  return found.verdict.accepted() ? api::exit_code::done : api::exit_code::failed;
}

} // namespace

void declare_local_commands(CLI::App& app, const common_options& common,
                            std::function<api::exit_code()>& run) {
  struct parameters {
    std::string file;
    std::vector<std::string> files;
    bool effective = false;
    bool dot = false;
    bool lint = false;
  };

  auto checked = std::make_shared<parameters>();
  CLI::App* check_command = app.add_subcommand("check", "validates a configuration as a start would");
  check_command->add_option(
      "file", checked->files,
      "later files override earlier ones, a folder is its node.yaml and conf.d; default: "
      "/etc/coppice");
  check_command->add_flag("--effective", checked->effective,
                          "print the whole configuration, defaults included");
  check_command->callback([&common, &run, checked] {
    run = [&common, checked] { return check(checked->files, checked->effective, common.json); };
  });

  auto inspected = std::make_shared<parameters>();
  CLI::App* inspect_command =
      app.add_subcommand("inspect", "a plugin file's manifest and verdict, without running it");
  inspect_command->add_option("file", inspected->file, "FILE.so")->required();
  auto* const dot = inspect_command->add_flag("--dot", inspected->dot,
                                              "the states that its actors declare, in Graphviz's language");
  inspect_command
      ->add_flag("--lint", inspected->lint,
                 "habits that hurt a node: blocking calls, shared data, a state without a version")
      ->excludes(dot);
  inspect_command->callback([&common, &run, inspected] {
    run = [&common, inspected] {
      return inspected->lint ? lint(inspected->file, common.json)
                             : inspect(inspected->file, common.json, inspected->dot);
    };
  });

  app.add_subcommand("schema", "the JSON Schema of the configuration")->callback([&run] {
    run = [] {
      print_exactly(spec::json_schema());
      return api::exit_code::done;
    };
  });
}

} // namespace coppice::cli
