// SPDX-License-Identifier: MIT
// Tests that a configuration that exposes a secret is refused, or that a warning about it is given once.
#include "node/environment/secrecy.hpp"

#include <doctest/doctest.h>

#include "heard_log.hpp"

using namespace coppice;
using mode = spec::tls_spec::mode;

namespace {

constexpr std::string_view long_one = "sixteen_letters_";
constexpr std::string_view short_one = "fifteen_letters";
constexpr std::string_view unverified = "tls verifies nobody";
constexpr std::string_view guessable = "the cookie has 15 bytes";

spec::tls_spec tls(mode how, bool verify = true) {
  spec::tls_spec out;
  out.how = how;
  out.verify = verify;
  return out;
}

spec::node_spec listening(const spec::tls_spec& how) {
  spec::node_spec out;
  out.distribution.listen.front().tls = how;
  return out;
}

} // namespace

TEST_CASE("a short cookie is refused only where tls verifies nobody") {
  for (const auto& good : {tls(mode::off), tls(mode::files)}) CHECK(node::check_secrecy(good, short_one));
  for (const auto& open : {tls(mode::on), tls(mode::files, false)}) {
    CHECK(node::check_secrecy(open, long_one));
    const auto done = node::check_secrecy(open, short_one);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == base::errc::refused);
    CHECK(done.error().text.find("cookie of 16 bytes or more") != std::string::npos);
    CHECK(done.error().text.find("fifteen") == std::string::npos);
    CHECK(
        node::check_secrecy(listening(open), short_one).error().text.starts_with("distribution.listen: tls"));
  }
}

TEST_CASE("what is no reason to refuse is said once, with its remedy") {
  const auto said = [](const spec::node_spec& spec, std::string_view cookie, std::string_view what) {
    test::heard_log log;
    CHECK(node::check_secrecy(spec, cookie));
    return log.count(what);
  };
  CHECK(said(listening(tls(mode::off)), long_one, "node: ") == 0);
  CHECK(said(listening(tls(mode::files)), long_one, "node: ") == 0);
  CHECK(said(listening(tls(mode::off)), short_one, guessable) == 1);
  spec::node_spec both = listening(tls(mode::on));
  both.distribution.listen.push_back(both.distribution.listen.front());
  both.distribution.routes.emplace_back().tls = tls(mode::on);
  CHECK(said(both, long_one, unverified) == 1);
  CHECK(said(both, long_one, guessable) == 0);
}
