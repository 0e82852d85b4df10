// SPDX-License-Identifier: MIT
// The two lines ask the first named supervisor for its children, a request that every tree answers. If no
// supervisor has a name they ask the application controller. Erlang's line reads the cookie from its file,
// unless erl reads that file by itself; the line then works on other machines too. Any thread.
#include "node/instance/banner.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/socket_address.hpp"
#include "epmd/protocol.hpp"
#include "node/instance/snapshots.hpp"

namespace coppice::node {
namespace {

using behaviours::child_state;
using behaviours::tree_entry;

void draw(const instance& of, const tree_entry& entry, const std::string& indent, bool last,
          std::string& out) {
  out += indent + (last ? "└─ " : "├─ ") + entry.id;
  if (!entry.name.empty() && entry.name != entry.id) out += " (" + entry.name + ")";
  out += "  " + entry.behaviour;
  if (!entry.actor.empty()) out += " " + entry.actor;
  out += entry.state == child_state::running ? "  " + of.snapshots().text_of(entry.pid)
                                             : "  " + std::string(behaviours::text(entry.state));
  out += "\n";
  const std::string deeper = indent + (last ? "   " : "│  ");
  for (const tree_entry& child : entry.children) {
    draw(of, child, deeper, &child == &entry.children.back(), out);
  }
}

struct question {
  std::string name;
  std::string request;
};

question question_for(const std::vector<application_tree>& applications) {
  for (const application_tree& one : applications) {
    if (one.top.pid && !one.top.name.empty()) return {one.top.name, "which_children"};
  }
  return {"application_controller", "which_applications"};
}

// Whether erl finds this cookie by itself.
bool is_users_cookie(const std::string& file) {
  const char* const home = std::getenv("HOME");
  return home != nullptr && file == std::string(home) + "/.erlang.cookie";
}

bool is_in_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  return false;
}

std::string erl_line(const instance& of, const question& ask) {
  const std::string_view name = of.name();
  const std::string_view host = name.substr(name.find('@') + 1);
  std::string cookie;
  if (!of.snapshots().cookie_file().empty() && !is_users_cookie(of.snapshots().cookie_file())) {
    cookie =
        fmt::format("{{ok,C}} = file:read_file('{}'), erlang:set_cookie(binary_to_atom(string:trim(C))), ",
                    of.snapshots().cookie_file());
  }
  const std::string me = of.spec().node.long_names ? fmt::format("-name me@{}", host) : "-sname me";
  const std::uint16_t port = of.spec().epmd.port;
  const std::string at_port = port == epmd::default_port ? "" : fmt::format("ERL_EPMD_PORT={} ", port);
  return fmt::format(
      "{}erl {} -noinput -eval \"{}io:format('~p~n', [gen_server:call({{{},'{}'}}, {})]), halt().\"", at_port,
      me, cookie, ask.name, name, ask.request);
}

} // namespace

std::string banner(const instance& of, const std::string& client, const std::string& socket) {
  const node_status status = of.snapshots().status();
  const auto applications = of.snapshots().tree();
  std::string out =
      fmt::format("{} is up (coppice {}, creation {})\n", status.name, status.version, status.creation);
  for (const std::string& address : status.listening) out += fmt::format("  distribution  {}\n", address);
  out += fmt::format("  epmd          {}\n", status.epmd);
  if (const auto& http = of.spec().control.http) {
    const auto at = base::socket_address::parse(http->address, http->port);
    if (at) out += fmt::format("  metrics       {}://{}/metrics\n", http->scheme(), at->to_string());
  }
  if (!of.snapshots().cookie_file().empty())
    out += fmt::format("  cookie        in {}\n", of.snapshots().cookie_file());
  if (applications) {
    for (const application_tree& one : *applications) {
      out += fmt::format("\n{}  {}, {}\n", one.application.name, one.application.type, one.application.state);
      if (one.top.pid) draw(of, one.top, "", true, out);
    }
  }
  const question ask = question_for(applications ? *applications : std::vector<application_tree>{});
  out += "\nTalk to it from another terminal:\n";
  out += fmt::format("  {} call {} {}{}\n", client, ask.name, ask.request,
                     socket.empty() ? "" : " --socket " + socket);
  out += "  " + erl_line(of, ask) + "\n";
  return is_in_path("erl") ? out : out + "  (no erl on this machine: apt install erlang-base)\n";
}

} // namespace coppice::node
