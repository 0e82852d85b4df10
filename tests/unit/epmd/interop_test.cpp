// SPDX-License-Identifier: MIT
// EPMD and nodes against Erlang's own, where these are installed. On ports of their own. Skipped otherwise.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "child.hpp"
#include "epmd/client.hpp"
#include "epmd/embedded.hpp"
#include "epmd/server.hpp"
#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"

namespace coppice::epmd {
namespace {

using test::child;
using test::loop_until;

bool have_erlang() {
  static const bool have = test::on_path("erl") && test::on_path("epmd");
  return have;
}

base::socket_address local(std::uint16_t port) {
  return *base::socket_address::parse("127.0.0.1", port);
}

// A port that was free a moment ago.
std::uint16_t free_port(base::uv::loop& loop) {
  return net::listener::tcp(loop.raw(), local(0), {0, 0}, {}, nullptr)->address().port();
}

std::vector<std::string> erl(const std::string& name, const std::string& code) {
  return {"erl",
          "-noshell",
          "-noinput",
          "-start_epmd",
          "false",
          "-name",
          name + "@127.0.0.1",
          "-setcookie",
          "epmdtest",
          "-kernel",
          "inet_dist_use_interface",
          "{127,0,0,1}",
          "-eval",
          code};
}

std::vector<std::string> port_variable(std::uint16_t port) {
  return {"ERL_EPMD_PORT=" + std::to_string(port)};
}

// Erlang's epmd on a free port. It answers when this is constructed.
struct stock_epmd {
  explicit stock_epmd(base::uv::loop& loop)
      : port(free_port(loop)),
        process(loop, {"epmd", "-port", std::to_string(port), "-address", "127.0.0.1"}) {
    bool answers = false;
    inquiry asked;
    base::uv::timer again;
    std::function<void()> ask = [&] {
      asked = inquiry::names(loop.raw(), local(port), default_patience, [&](base::result<names_reply> got) {
                answers = got.has_value();
                if (!answers) again.start(std::chrono::milliseconds(10));
              }).value();
    };
    again = base::uv::timer(loop, [&] { ask(); });
    ask();
    REQUIRE(loop_until(loop, [&] { return answers; }));
  }

  std::uint16_t port;
  child process;
};

} // namespace

TEST_CASE("an Erlang node registers with our EPMD and is found there by another" *
          doctest::skip(!have_erlang())) {
  auto loop = base::uv::loop::make().value();
  server_options options;
  options.addresses = {local(0)};
  auto epmd = server::start(loop.raw(), std::move(options), nullptr).value();
  const auto variable = port_variable(epmd->port());
  child first(loop, erl("first", "receive after infinity -> ok end."), variable);
  REQUIRE(loop_until(loop, [&] { return epmd->nodes().find("first") != nullptr; }));
  CHECK(epmd->nodes().find("first")->node.highest >= 6);
  child second(loop, erl("second", "io:format(\"~p~n\", [net_adm:ping('first@127.0.0.1')]), halt()."),
               variable);
  REQUIRE(loop_until(
      loop, [&] { return second.finished(); }, std::chrono::seconds(30)));
  CHECK(second.output() == "pong\n");
  child names(loop, {"epmd", "-port", std::to_string(epmd->port()), "-names"});
  REQUIRE(loop_until(loop, [&] { return names.finished(); }));
  CHECK(names.output().find("epmd: up and running on port " + std::to_string(epmd->port())) == 0);
  CHECK(names.output().find("name first at port ") != std::string::npos);
  first.end();
  CHECK(loop_until(loop, [&] { return epmd->nodes().find("first") == nullptr; }));
}

TEST_CASE("a second Erlang node of the same name is refused" * doctest::skip(!have_erlang())) {
  auto loop = base::uv::loop::make().value();
  server_options options;
  options.addresses = {local(0)};
  auto epmd = server::start(loop.raw(), std::move(options), nullptr).value();
  node_info taken;
  taken.name = "twin";
  REQUIRE(epmd->add_own(taken));
  child twin(loop, erl("twin", "io:format(\"started\"), halt()."), port_variable(epmd->port()));
  REQUIRE(loop_until(
      loop, [&] { return twin.finished(); }, std::chrono::seconds(30)));
  CHECK(twin.output().find("started") == std::string::npos);
}

TEST_CASE("our node registers with a stock epmd, which lists it" * doctest::skip(!have_erlang())) {
  auto loop = base::uv::loop::make().value();
  stock_epmd stock(loop);
  embedded_options options;
  options.address = local(stock.port);
  options.node.name = "coppice";
  options.node.port = 25999;
  embedded ours(loop.raw(), options, nullptr);
  REQUIRE(ours.start());
  REQUIRE(loop_until(loop, [&] { return ours.current() == embedded::state::registered; }));
  CHECK(ours.creation() > 3);
  child names(loop, {"epmd", "-port", std::to_string(stock.port), "-names"});
  REQUIRE(loop_until(loop, [&] { return names.finished(); }));
  CHECK(names.output().find("name coppice at port 25999") != std::string::npos);

  std::optional<base::result<std::optional<node_info>>> found;
  auto asked = inquiry::lookup(loop.raw(), local(stock.port), "coppice", default_patience,
                               [&](auto got) { found = got; });
  REQUIRE(loop_until(loop, [&] { return found.has_value(); }));
  CHECK(found->value().value().port == 25999);
}

TEST_CASE("a stock epmd that is killed is replaced at once, and its nodes come over" *
          doctest::skip(!have_erlang())) {
  auto loop = base::uv::loop::make().value();
  stock_epmd stock(loop);
  child node(loop, erl("stays", "receive after infinity -> ok end."), port_variable(stock.port));
  embedded_options options;
  options.address = local(stock.port);
  options.node.name = "coppice";
  options.node.port = 25999;
  embedded ours(loop.raw(), options, nullptr);
  REQUIRE(ours.start());
  REQUIRE(loop_until(loop, [&] { return ours.current() == embedded::state::registered; }));
  stock.process.end();
  REQUIRE(loop_until(loop, [&] { return ours.current() == embedded::state::serving; }));
  // OTP nodes try again every two seconds.
  CHECK(loop_until(
      loop, [&] { return ours.serving()->nodes().find("stays") != nullptr; }, std::chrono::seconds(30)));
}

} // namespace coppice::epmd
