// SPDX-License-Identifier: MIT
// See dev_node.hpp. The threads that wait for the node's answers end with the node, which closes their
// connections, so ending the node is all that has to be done to get rid of them.
#include "cli/dev_node.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>

#include "api/exit_code.hpp"
#include "cli/tool_run.hpp"
#include "cli/wait_ready.hpp"

namespace coppice::cli {

namespace {

using clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

// As a value of --set: JSON is YAML.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

bool is_same_folder(const std::string& one, const std::string& other) {
  std::error_code problem;
  return fs::weakly_canonical(one, problem) == fs::weakly_canonical(other, problem);
}

// One that is free now; 0: none.
std::uint16_t free_port() {
  const base::unique_fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const address = reinterpret_cast<sockaddr*>(&at);
  if (!probe || bind(probe.get(), address, sizeof at) != 0 || getsockname(probe.get(), address, &size) != 0)
    return 0;
  return ntohs(at.sin_port);
}

std::string seconds_since(clock::time_point began) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(clock::now() - began).count());
}

} // namespace

std::vector<spec::override_value> dev_settings(const spec::node_spec& of, const dev_place& place,
                                               std::uint16_t http_port) {
  // Plugins come from a folder that gets only what has passed its test.
  std::string path;
  bool named = false;
  for (const std::string& one : of.plugins.path) {
    const bool built = is_same_folder(one, place.build);
    named = named || built;
    path += (path.empty() ? "" : ", ") + quoted(built ? place.plugins() : one);
  }
  if (!named) path = quoted(place.plugins()) + (path.empty() ? "" : ", ") + path;
  std::vector<spec::override_value> set{{"node.data", quoted(place.data())},
                                        {"node.log.files", "[]"},
                                        {"control.socket", quoted(place.socket())},
                                        {"plugins.path", "[ " + path + " ]"},
                                        {"plugins.watch", "false"}};
  if (!of.distribution.listen.empty())
    set.push_back({"distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]"});
  if (of.control.http)
    set.push_back({"control.http", fmt::format("{{ address: 127.0.0.1, port: {} }}", http_port)});
  return set;
}

dev_node::dev_node(const base::uv::loop& on, dev_place place, listener to)
    : on_(on), place_(std::move(place)), to_(std::move(to)), later_(on, [this] { launch(); }) {}

void dev_node::start() {
  if (stops_) return;
  pause_.reset();
  if (!program_.running()) {
    later_.stop();
    return launch();
  }
  state_ = state::ending;
  again_ = true;
  program_.end();
}

void dev_node::stop() {
  if (stops_) { // coppiced takes a second signal as a wish to hurry
    if (program_.running()) ::kill(program_.pid(), SIGTERM);
    return;
  }
  stops_ = true;
  later_.stop();
  if (!program_.running()) return to_.stopped();
  state_ = state::ending;
  program_.end();
}

void dev_node::launch() {
  again_ = false;
  state_ = state::refused;
  const spec::outcome read = spec::load({place_.configuration}, {.plugins = false, .regular = true});
  if (!read.spec) {
    to_.output(spec::render(read.diagnostics), true);
    return to_.say(
        "node: not started: the configuration is refused; it is tried again when something changes");
  }
  if (http_port_ == 0) http_port_ = free_port();
  base::program_options what{.command = {place_.program, "--config", place_.configuration},
                             .environment = base::passed_environment(),
                             .folder = place_.project,
                             .kill_after = std::chrono::minutes(1)};
  for (const spec::override_value& one : dev_settings(*read.spec, place_, http_port_)) {
    what.command.push_back("--set");
    what.command.push_back(one.path + "=" + one.value);
  }
  began_ = clock::now();
  auto started = base::program::start(on_.raw(), what, [this](base::program_end how) { ended(how); });
  if (!started) return to_.say("node: not started: " + started.error().text);
  program_ = std::move(*started);
  state_ = state::starting;
  const auto listen = [this](base::unique_fd& from, base::uv::poll& by, bool errors) {
    auto poll = base::uv::poll::make(on_.raw(), from.get(),
                                     [this, &from, &by, errors](int, int) { forward(from, by, errors); });
    if (!poll) return;
    by = std::move(*poll);
    (void)by.start(UV_READABLE);
  };
  listen(program_.stream(), output_, false);
  listen(program_.errors(), errors_, true);
  wait_until_up();
}

void dev_node::wait_until_up() {
  auto why_not = std::make_shared<std::string>(); // empty: the node is ready
  life_ended_ = std::make_shared<std::atomic<bool>>(false);
  auto choose = [ended = life_ended_, socket = place_.socket()]() -> base::result<fs::path> {
    if (ended->load()) return base::fail(base::errc::invalid, "the node has ended");
    return fs::path(socket);
  };
  auto started = aside::start(
      on_,
      [why_not, choose] {
        if (auto ready = wait_until_ready(choose, std::nullopt, [](const std::string&) {}); !ready)
          *why_not = ready.error().why;
      },
      [this, why_not, life = life_ended_] {
        if (life->load() || state_ != state::starting) return;
        if (!why_not->empty()) return to_.say("node: " + *why_not);
        state_ = state::ready;
        to_.say(fmt::format("node: ready ({})", seconds_since(began_)));
      });
  if (started)
    waiting_ = std::move(*started);
  else
    to_.say("node: " + started.error().text);
}

void dev_node::forward(base::unique_fd& from, base::uv::poll& by, bool errors) {
  if (!by) return;
  std::array<char, 65536> space;
  for (;;) {
    const ssize_t got = read(from.get(), space.data(), space.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return by.close();
    to_.output({space.data(), static_cast<std::size_t>(got)}, errors);
  }
}

void dev_node::ended(base::program_end how) {
  forward(program_.stream(), output_, false);
  forward(program_.errors(), errors_, true);
  output_.close();
  errors_.close();
  life_ended_->store(true);
  waiting_.reset(); // its connection is closed
  if (stops_) {
    state_ = state::down;
    return to_.stopped();
  }
  if (again_) return launch();
  const bool wrong = how.signal == 0 && how.status == static_cast<int>(api::exit_code::bad_configuration);
  if (wrong) {
    state_ = state::refused;
    return to_.say("node: the configuration is refused; it is tried again when something changes");
  }
  const std::chrono::seconds pause = pause_.after(clock::now() - began_);
  state_ = state::pausing;
  later_.start(pause);
  to_.say(fmt::format("node: ended with {}; it is started again in {} s", end_text(how), pause.count()));
}

void dev_node::ask(api::request what, std::function<void(expected<nlohmann::json, no_document>)> done) {
  using answer = expected<nlohmann::json, no_document>;
  auto result = std::make_shared<answer>(unexpected(no_document{base::errc::closed, "no answer", true}));
  what.arguments["timeout_ms"] = -1;
  auto started = aside::start(
      on_,
      [result, what = std::move(what), socket = place_.socket()] {
        auto connection = client::connect(socket, std::chrono::seconds(10));
        if (!connection) {
          *result = unexpected(no_document{base::errc::closed, connection.error().why, true});
          return;
        }
        auto reply = connection->ask(what, std::nullopt);
        if (!reply)
          *result = unexpected(no_document{base::errc::closed, reply.error().why, true});
        else if (!*reply)
          *result = unexpected(no_document{reply->error().code, reply->error().why, false});
        else
          *result = std::move(**reply);
      },
      [this, result, done] {
        const std::unique_ptr<aside> over = std::move(asking_);
        done(std::move(*result));
      });
  if (started)
    asking_ = std::move(*started);
  else
    done(unexpected(no_document{started.error().code, started.error().text, true}));
}

} // namespace coppice::cli
