// SPDX-License-Identifier: MIT
// The checks of `saga` and `raft`, and the questions that they ask the user.
#include "cli/remote_checks.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iostream>

#include "cli/engines.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

// Writes the question to standard error and reads a line of standard input. Empty: there is none.
std::string answer_to(const std::string& question) {
  print_error(question);
  std::string line;
  std::getline(std::cin, line);
  return line;
}

std::string group_objection(const remote_parameters& p) {
  if (p.change == "recover" && !(p.member.empty() && p.without.empty()))
    return "recover names no member: it is the one that is asked";
  if (p.change == "recover") return p.alone ? "" : "recover wants --alone: the other members are given up";
  if (p.alone || p.yes) return "--alone and --yes belong to recover";
  if (p.change == "upgrade" && (p.without.empty() || !p.member.empty()))
    return "upgrade wants --without NAME@ALIVE@HOST: the voter that is gone; without one, a group goes over "
           "to "
           "its next version by itself";
  if (p.change == "upgrade") return "";
  if (!p.without.empty()) return "--without belongs to upgrade";
  if (p.change.empty() || p.change == "status") return p.member.empty() ? "" : "status names no member";
  if (p.change == "skip") return serial_of(p.member) ? "" : "skip wants the serial of a command, from 1 on";
  return p.member.empty() ? p.change + " wants a member: NAME@ALIVE@HOST" : "";
}

} // namespace

std::optional<std::uint64_t> serial_of(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || stopped != end || number == 0) return std::nullopt;
  return number;
}

// A decision for `saga NAME resolve` cannot be taken back, and the coordinator may decide otherwise. So the
// user sees the transaction and is asked twice.
std::optional<api::exit_code> before_saga(const remote_parameters& p, const common_options& common) {
  const bool resolves = p.change == "resolve";
  if (resolves == p.decision.empty() || (p.yes && !resolves)) {
    complain("saga", resolves ? "the decision is missing: commit or abort"
                              : "a decision and --yes belong to resolve");
    return api::exit_code::usage;
  }
  if (!resolves || p.yes) return std::nullopt;
  auto connection = reach(common);
  if (!connection) return fail("saga", connection.error(), common);
  const json of{{"name", p.name}, {"tx", p.member}, {"timeout_ms", node_patience.count()}};
  const auto shown = connection->ask({"saga", of}, node_patience + grace);
  if (!shown) return fail("saga", shown.error(), common);
  if (!*shown) return fail(shown->error());
  print_error(render_engine(**shown));
  const std::string what = fmt::format("{} of {} at {}", p.decision, p.member, p.name);
  if (answer_to(fmt::format("{}? This cannot be taken back. [yes/no] ", what)) != "yes" ||
      answer_to("Other nodes may come to the other end of it. Its id once more: ") != p.member) {
    complain("saga", "nothing was decided", "--yes decides without a question");
    return api::exit_code::failed;
  }
  return std::nullopt;
}

// Data that only the other members had is gone when one recovers without them, so the user has to agree.
std::optional<api::exit_code> before_group(const remote_parameters& p, const common_options&) {
  if (const std::string why = group_objection(p); !why.empty()) {
    complain("raft", why);
    return api::exit_code::usage;
  }
  if (p.change != "recover" || p.yes) return std::nullopt;
  if (answer_to(
          fmt::format("{} becomes a group of one. What only the other members had is lost, and each of them "
                      "needs an emptied disk before it can be added again.\nType yes to go on: ",
                      p.name)) == "yes")
    return std::nullopt;
  complain("raft", "nothing was changed", "--yes agrees without a question");
  return api::exit_code::failed;
}

} // namespace coppice::cli
