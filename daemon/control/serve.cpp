// SPDX-License-Identifier: MIT
// Finds the row of a command and runs it; opens the node's control socket. See commands.hpp.
#include <algorithm>

#include "api/socket_path.hpp"
#include "control/audit.hpp"
#include "control/command_table.hpp"
#include "control/commands.hpp"
#include "control/service_report.hpp"

namespace coppice::control {

const command* find_command(std::string_view name, verb how) {
  const auto found = std::ranges::find_if(
      commands(), [&](const command& one) { return one.name == name && one.how == how; });
  return found == commands().end() ? nullptr : &*found;
}

const command* find_command(std::string_view name) {
  const command* const shows = find_command(name, verb::get);
  return shows != nullptr ? shows : find_command(name, verb::post);
}

bool may_act(std::string_view name) {
  return find_command(name, verb::post) != nullptr;
}

request_function commands_of(node::instance& of, base::log::log_ring& lines) {
  return [&of, &lines, looks = std::make_shared<process_looks>()](api::request asked_for, const caller& who,
                                                                  answer reply) -> pending {
    caller whole = who;
    whole.claims = std::move(asked_for.from);
    auto r = std::make_shared<asked>(asked{of, lines, std::move(asked_for.arguments),
                                           std::move(asked_for.command), std::move(whole), std::move(reply),
                                           *looks, std::make_shared<asker>(of.runtime())});
    const command* const known = find_command(r->what);
    if (known == nullptr) {
      r->fail(base::errc::unsupported, "no such command", "is the node of another version than the client?");
      return {};
    }
    const bool acts = may_act(r->what);
    const std::string subject = known->subject == nullptr ? std::string() : r->text(known->subject);
    if (!subject.empty()) r->what += " " + subject;
    if (acts && who.acts) log_change(*r);
    return known->run(r);
  };
}

std::string socket_of(const node::instance& of) {
  const std::string& configured = of.spec().control.socket;
  return configured == "auto" ? api::socket_path(of.name()).string() : configured;
}

base::result<std::unique_ptr<server>> serve(node::instance& of, base::log::log_ring& lines,
                                            const node::service_manager& manager) {
  const auto& control = of.spec().control;
  server_options options;
  options.path = socket_of(of);
  options.group = control.group;
  options.mode = control.mode;
  options.sockets = of.sockets();
  if (control.socket == "auto") {
    if (auto made = api::prepare_socket_folder(api::socket_folder()); !made) {
      return unexpected(std::move(made.error()).context("control socket"));
    }
  }
  options.looks = reports_of(of, manager);
  auto made = server::start(options, commands_of(of, lines));
  if (made && options.looks) of.on_change([to = made->get()] { to->look(); });
  return made;
}

} // namespace coppice::control
