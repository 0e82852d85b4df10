// SPDX-License-Identifier: MIT
// The client tries to connect instead of watching the socket's folder: the folder may be missing, the file
// may be left over from a node that has ended, and which of several sockets counts may change. An attempt is
// one connect(2), so a few in a second cost nothing.
#include "cli/wait_ready.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "api/socket_path.hpp"
#include "cli/client.hpp"
#include "cli/render.hpp"

namespace coppice::cli {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{250};
// Added for the answer of a node, which keeps the timeout itself.
constexpr milliseconds answer_grace{500};

// An attempt that did not find the node ready.
struct setback {
  std::string seen;
  bool no_node = false;
  std::optional<api::exit_code> final; // set: further attempts are useless
};

using attempt = expected<nlohmann::json, setback>;

attempt no_node(std::string why) {
  return unexpected(setback{"no node: " + std::move(why), true, std::nullopt});
}

attempt over(api::exit_code code, std::string why) {
  return unexpected(setback{std::move(why), false, code});
}

attempt without_reply(const no_reply& problem) {
  return problem.code == api::exit_code::no_node ? no_node(problem.why) : over(problem.code, problem.why);
}

// Failures that may pass: the node is stopping, or an application has failed and may be started by an
// operator.
bool may_pass(base::errc code) {
  return code == base::errc::closed || code == base::errc::refused || code == base::errc::internal;
}

using deadline = std::optional<clock::time_point>; // empty: never

std::optional<milliseconds> left_until(const deadline& end) {
  if (!end) return std::nullopt;
  return std::max(std::chrono::ceil<milliseconds>(*end - clock::now()), milliseconds(0));
}

attempt ask(const socket_choice& choose, const deadline& end) {
  const auto socket = choose();
  if (!socket) {
    if (socket.error().code == base::errc::invalid) return over(api::exit_code::usage, socket.error().text);
    return no_node(socket.error().text);
  }
  auto connection = client::connect(*socket, left_until(end));
  if (!connection) return without_reply(connection.error());
  const auto left = left_until(end);
  const api::request request{"wait-ready", {{"timeout_ms", left ? left->count() : -1}}};
  auto reply = connection->ask(request, left ? std::optional(*left + answer_grace) : std::nullopt);
  if (!reply) return without_reply(reply.error());
  if (*reply) return std::move(**reply);
  const api::failure& failure = reply->error();
  if (may_pass(failure.code)) return unexpected(setback{failure.why, false, std::nullopt});
  return over(api::exit_code_of(failure.code), failure.why);
}

} // namespace

expected<nlohmann::json, never_ready> wait_until_ready(const socket_choice& choose,
                                                       std::optional<milliseconds> timeout,
                                                       const std::function<void(const std::string&)>& saw) {
  const clock::time_point began = clock::now();
  const auto waited = [began] { return std::chrono::floor<milliseconds>(clock::now() - began); };
  const deadline end = timeout ? deadline(began + *timeout) : std::nullopt;
  std::string seen;
  for (milliseconds pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    attempt tried = ask(choose, end);
    if (tried) {
      (*tried)["waited_ms"] = waited().count();
      return std::move(*tried);
    }
    const setback& now = tried.error();
    if (now.final) return unexpected(never_ready{*now.final, now.seen, false});
    if (end && clock::now() >= *end)
      return unexpected(never_ready{api::exit_code::timed_out, now.seen, now.no_node});
    if (now.seen != seen) saw(seen = now.seen);
    std::this_thread::sleep_for(std::min(pause, left_until(end).value_or(pause)));
  }
}

namespace {

api::exit_code wait_ready(const std::string& timeout_text, const common_options& common) {
  const auto timeout = parse_timeout(timeout_text);
  if (!timeout) {
    complain("--timeout", timeout.error().text);
    return api::exit_code::usage;
  }
  std::optional<milliseconds> longest;
  if (*timeout >= 0) longest = milliseconds(std::min(*timeout, api::longest_timeout_ms));
  // On a terminal the reason for waiting is shown; a program gets only the outcome.
  const bool watched = isatty(STDERR_FILENO) != 0;
  const auto ready = wait_until_ready([&common] { return api::choose_socket(common.socket); }, longest,
                                      [watched](const std::string& seen) {
                                        if (watched) complain("wait-ready", seen);
                                      });
  if (!ready) {
    const never_ready& e = ready.error();
    const bool late = e.code == api::exit_code::timed_out;
    complain("wait-ready", late ? fmt::format("not ready within {}: {}", timeout_text, e.why) : e.why,
             e.no_node ? no_node_hint(common) : "");
    return e.code;
  }
  const std::string text =
      common.json ? ready->dump(2) + "\n"
                  : fmt::format("ready after {}\n", duration_text(ready->value("waited_ms", 0LL)));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return api::exit_code::done;
}

} // namespace

void declare_wait_ready(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* command = app.add_subcommand(
      "wait-ready", "waits until the node is up and every application has started; it may come up later");
  auto timeout = std::make_shared<std::string>("infinity"); // owned by the closures, which CLI11 keeps
  add_timeout(*command, *timeout);
  command->callback(
      [&common, &run, timeout] { run = [&common, timeout] { return wait_ready(*timeout, common); }; });
}

} // namespace coppice::cli
