// SPDX-License-Identifier: MIT
// One inquiry for each command. Scripts read these lines, so they are those of Erlang's epmd. The main
// thread.
#include "epmd/program/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/uv.hpp"
#include "epmd/client.hpp"

namespace coppice::epmd::program {
namespace {

int no_answer(const base::error& why) {
  fmt::print(stderr, "coppice-epmd: cannot ask the local EPMD: {}\n", why.text);
  return 1;
}

void print_header(std::uint16_t port) {
  fmt::print("epmd: up and running on port {} with data:\n", port);
}

int print_names(const names_reply& reply) {
  print_header(reply.epmd_port);
  for (const named_port& node : reply.nodes) fmt::print("name {} at port {}\n", node.name, node.port);
  return 0;
}

int print_dump(std::string reply) {
  if (reply.size() < 4) {
    fmt::print(stderr, "coppice-epmd: the local EPMD refuses to dump\n");
    return 1;
  }
  print_header(static_cast<std::uint16_t>(base::load_be32(base::as_bytes(reply).data())));
  reply.erase(0, 4);
  std::erase(reply, '\0');
  fmt::print("{}", reply);
  return 0;
}

int print_killed(const std::string& reply) {
  const bool killed = reply == "OK";
  fmt::print("{}\n", killed ? "Killed" : "Killing not allowed - living nodes in database.");
  return killed ? 0 : 1;
}

int print_stopped(const std::string& reply) {
  if (reply.empty()) {
    fmt::print(
        stderr,
        "coppice-epmd: the local EPMD does not allow -stop; it needs -relaxed_command_check for that\n");
    return 1;
  }
  fmt::print("{}\n", reply);
  return reply == "STOPPED" ? 0 : 1;
}

template <class Answer, class Start>
int run(base::uv::loop& loop, Start start, int (*print)(Answer)) {
  int status = 1;
  auto inquiry =
      start([&](auto answer) { status = answer ? print(std::move(*answer)) : no_answer(answer.error()); });
  if (!inquiry) return no_answer(inquiry.error());
  loop.run();
  return status;
}

} // namespace

int ask(const options& chosen) {
  auto loop = base::uv::loop::make();
  if (!loop) return no_answer(loop.error());
  const auto epmd = *base::socket_address::parse("127.0.0.1", chosen.port);
  if (chosen.action == action::names) {
    const auto start = [&](inquiry::done_fn<names_reply> done) {
      return inquiry::names(loop->raw(), epmd, default_patience, std::move(done));
    };
    return run<const names_reply&>(*loop, start, print_names);
  }
  request asked = dump_request{};
  if (chosen.action == action::kill) asked = kill_request{};
  if (chosen.action == action::stop) asked = stop_request{chosen.stop_name};
  const auto start = [&](inquiry::done_fn<std::string> done) {
    return inquiry::ask(loop->raw(), epmd, asked, default_patience, std::move(done));
  };
  if (chosen.action == action::dump) return run<std::string>(*loop, start, print_dump);
  return run<const std::string&>(*loop, start, chosen.action == action::kill ? print_killed : print_stopped);
}

} // namespace coppice::epmd::program
