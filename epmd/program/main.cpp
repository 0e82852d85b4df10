// SPDX-License-Identifier: MIT
// coppice-epmd: EPMD alone, a drop-in for Erlang's. Exit status 0: done, or another EPMD serves the port
// already; 1: failure; 2: wrong usage. One thread, and the logger's.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/descriptors.hpp"
#include "base/log.hpp"
#include "base/uv.hpp"
#include "epmd/program/commands.hpp"
#include "epmd/program/options.hpp"
#include "epmd/program/service.hpp"
#include "epmd/server.hpp"

namespace coppice::epmd::program {
namespace {

int fail(const base::error& why) {
  fmt::print(stderr, "coppice-epmd: {}\n", why.text);
  return 1;
}

base::result<server_options> serving_options(const options& chosen) {
  server_options serve;
  serve.packet_timeout = chosen.packet_timeout;
  serve.relaxed = chosen.relaxed;
  if (chosen.systemd) {
    auto sockets = inherited_sockets();
    if (!sockets) return unexpected(std::move(sockets.error()));
    serve.inherited = std::move(*sockets);
  } else {
    serve.addresses = chosen.addresses.empty() ? listen_addresses(false, chosen.port) : chosen.addresses;
  }
  return serve;
}

// Serves until a client's kill or a signal. `in_background` is told when the port is open.
int serve(const options& chosen, background* in_background) {
  auto loop = base::uv::loop::make();
  if (!loop) return fail(loop.error());
  auto serving = serving_options(chosen);
  if (!serving) return fail(serving.error());
  auto running = server::start(loop->raw(), std::move(*serving), [&] { loop->stop(); });
  if (!running && running.error().code == base::errc::exists) {
    // erl starts an EPMD each time it is run, and expects no failure here.
    if (chosen.debug) fmt::print(stderr, "coppice-epmd: there is already an EPMD on port {}\n", chosen.port);
    return 0;
  }
  if (!running) return fail(running.error());

  std::vector<base::uv::signal> signals;
  for (const int number : {SIGTERM, SIGINT}) {
    auto watch = base::uv::signal::make(*loop, number, [&](int) { loop->stop(); });
    if (!watch) return fail(watch.error());
    signals.push_back(std::move(*watch));
  }
  if (in_background != nullptr) in_background->ready();
  if (chosen.systemd) tell_systemd_ready();
  base::log::start(
      {chosen.debug ? base::log::level::debug : base::log::level::notice, base::log::format::automatic});
  base::log::info("epmd", "serving on port {}", (*running)->port());
  loop->run();
  // The answer to the last client leaves in the turn after its kill.
  loop->turn(false);
  running->reset();
  signals.clear();
  base::log::stop();
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  auto chosen = parse(arguments, [](const char* name) -> const char* { return std::getenv(name); });
  if (!chosen) {
    fmt::print(stderr, "coppice-epmd: {}\n\n{}", chosen.error().text, usage);
    return 2;
  }
  switch (chosen->action) {
    case action::help:
      fmt::print("{}", usage);
      return 0;
    case action::version:
      fmt::print("coppice-epmd {}\n", COPPICE_VERSION);
      return 0;
    case action::serve:
      break;
    default:
      return ask(*chosen);
  }
  base::raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // its log may be a file of limited size
  if (!chosen->daemon) return serve(*chosen, nullptr);
  auto in_background = background::start();
  if (!in_background) return fail(in_background.error());
  return serve(*chosen, &*in_background);
}

} // namespace
} // namespace coppice::epmd::program

int main(int argc, char** argv) {
  return coppice::epmd::program::run({argv + 1, argv + argc});
}
