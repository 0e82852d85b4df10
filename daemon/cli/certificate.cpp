// SPDX-License-Identifier: MIT
// Both commands use the folder of the default configuration unless another is given, so that they agree. The
// output shows the lines of configuration that use the new files.
#include "cli/certificate.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json_text.hpp"
#include "cli/render.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/certificate_folder.hpp"
#include "spec/schema/names.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

constexpr const char* default_folder = "/etc/coppice/tls";
constexpr int longest_days = 36'500;

struct parameters {
  std::string folder = default_folder;
  std::string node;
  std::vector<std::string> hosts;
  int days = 0;
  bool replace = false;

  base::nanos lifetime() const { return days * net::one_day; }
  net::if_exists existing() const { return replace ? net::if_exists::replace : net::if_exists::refuse; }
};

std::string day_of(base::nanos wall) {
  return base::format_wall(wall).substr(0, 10);
}

api::exit_code refuse(const std::string& what, const base::error& why, const std::string& hint) {
  complain(what, why.text, hint);
  return api::exit_code::failed;
}

std::string absolute(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::path found = std::filesystem::absolute(path, unknown);
  return unknown ? path : found.string();
}

// A path as a YAML scalar; YAML accepts JSON's strings.
std::string quoted(const std::string& path) {
  return base::json_text(json(absolute(path)));
}

api::exit_code init(const parameters& p, bool as_json) {
  const auto made = net::make_cluster_authority(p.folder, base::wall_now(), p.lifetime(), p.existing());
  if (!made) {
    const bool there = made.error().code == base::errc::exists;
    return refuse("certificate init", made.error(),
                  there ? "--replace makes another, which knows nothing that the old one signed" : "");
  }
  if (as_json) {
    print_json({{"ca", made->certificate}, {"key", made->key}, {"end", base::format_wall(made->end)}});
    return api::exit_code::done;
  }
  const std::string where = p.folder == default_folder ? "" : " --in " + p.folder;
  print(table({{"authority", fmt::format("{} until {}", made->certificate, day_of(made->end))},
               {"its key", made->key + ": who has it can issue certificates; no node needs it"},
               {"next", "coppice certificate issue NAME@HOST" + where}}));
  return api::exit_code::done;
}

std::string hint_for(const base::error& why, const parameters& p) {
  switch (why.code) {
    case base::errc::exists:
      return "--replace makes another in its place, which a running node takes for new connections";
    case base::errc::not_found:
      return "coppice certificate init" + (p.folder == default_folder ? "" : " " + p.folder) +
             " makes an authority";
    case base::errc::limit:
      return "fewer --days";
    default:
      return "";
  }
}

api::exit_code issue(const parameters& p, bool as_json) {
  const std::string what = "certificate issue " + p.node;
  std::vector<std::string> hosts{p.node.substr(p.node.find('@') + 1)};
  hosts.insert(hosts.end(), p.hosts.begin(), p.hosts.end());
  const auto made =
      net::issue_cluster_certificate(p.folder, p.node, hosts, base::wall_now(), p.lifetime(), p.existing());
  if (!made) return refuse(what, made.error(), hint_for(made.error(), p));
  const std::string authority = p.folder + "/ca.pem";
  if (as_json) {
    const json document{{"node", p.node},   {"hosts", hosts},  {"certificate", made->certificate},
                        {"key", made->key}, {"ca", authority}, {"end", base::format_wall(made->end)}};
    print_json(document);
    return api::exit_code::done;
  }
  print(table({{"certificate", fmt::format("{} until {}", made->certificate, day_of(made->end))},
               {"its key", made->key + (made->for_user.empty() ? ": for the user who runs the node"
                                                               : ": " + made->for_user + " can read it")},
               {"for", fmt::format("{}", fmt::join(hosts, ", "))}}));
  print(
      fmt::format("in {}'s configuration, of a listener or a route:\n"
                  "  tls: {{ certificate: {}, key: {}, ca: {}, verify: peer }}\n",
                  p.node, quoted(made->certificate), quoted(made->key), quoted(authority)));
  return api::exit_code::done;
}

// CLI11 prints the argument's name before this message.
CLI::Validator named(std::string (*check)(std::string_view), const char* type) {
  return {[check](std::string& text) {
            const std::string wrong = check(text);
            return wrong.empty() ? wrong : text + " " + wrong;
          },
          type};
}

void add_common(CLI::App& command, parameters& p, base::nanos lifetime) {
  p.days = static_cast<int>(lifetime / net::one_day);
  command.add_option("--days", p.days, "how long it is valid")
      ->check(CLI::Range(1, longest_days))
      ->capture_default_str();
  command.add_flag("--replace", p.replace, "overwrite what is there");
}

} // namespace

void declare_certificate(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* group = app.add_subcommand(
      "certificate", "makes a cluster's authority and its nodes' certificates, for tls with verify: peer");
  group->require_subcommand(1);

  auto started = std::make_shared<parameters>();
  CLI::App* init_command = group->add_subcommand("init", "makes the authority (CA): ca.pem and ca-key.pem");
  init_command->add_option("dir", started->folder, "a folder, made where it is missing")
      ->capture_default_str();
  add_common(*init_command, *started, net::authority_lifetime);
  init_command->callback(
      [&common, &run, started] { run = [&common, started] { return init(*started, common.json); }; });

  auto issued = std::make_shared<parameters>();
  CLI::App* issue_command = group->add_subcommand(
      "issue", "makes a node's certificate, signed by the authority: NODE.pem and NODE-key.pem");
  issue_command->add_option("node", issued->node, "its whole name, alive@host")
      ->required()
      ->check(named(&spec::check_full_node_name, "NODE"));
  issue_command->add_option("--in", issued->folder, "the authority's folder")->capture_default_str();
  issue_command
      ->add_option("--host", issued->hosts, "another name or address it is reached by; may be repeated")
      ->check(named(&spec::check_address_or_host, "HOST"))
      ->allow_extra_args(false);
  add_common(*issue_command, *issued, net::leaf_lifetime);
  issue_command->callback(
      [&common, &run, issued] { run = [&common, issued] { return issue(*issued, common.json); }; });
}

} // namespace coppice::cli
