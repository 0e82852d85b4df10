// SPDX-License-Identifier: MIT
// TLS that verifies no certificate is refused with a short cookie, and otherwise gets a warning.
#include "node/environment/secrecy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace coppice::node {
namespace {

constexpr std::string_view module = "node";

bool verifies_nobody(const spec::tls_spec& tls) {
  using mode = spec::tls_spec::mode;
  return tls.how == mode::on || (tls.how == mode::files && !tls.verify);
}

} // namespace

base::status check_secrecy(const spec::tls_spec& tls, std::string_view cookie) {
  if (!verifies_nobody(tls) || cookie.size() >= long_cookie) return {};
  return base::fail(
      base::errc::refused,
      fmt::format("tls that verifies nobody shows whoever answers a proof of the cookie, and one "
                  "of {} bytes can be guessed from it: take a cookie of {} bytes or more, or "
                  "tls: {{ certificate, key, ca, verify: peer }}",
                  cookie.size(), long_cookie));
}

base::status check_secrecy(const spec::node_spec& spec, std::string_view cookie) {
  const auto& listen = spec.distribution.listen;
  for (const spec::listen_options& one : listen)
    if (auto done = check_secrecy(one.tls, cookie); !done)
      return unexpected(std::move(done.error()).context("distribution.listen"));
  const auto open = [](const auto& one) { return verifies_nobody(one.tls); };
  if (std::ranges::any_of(listen, open) || std::ranges::any_of(spec.distribution.routes, open))
    base::log::warning(
        module,
        "tls verifies nobody: connections are encrypted, and whoever knows the cookie can answer "
        "in another node's place; tls: {{ certificate, key, ca, verify: peer }} tells nodes apart");
  if (cookie.size() < long_cookie)
    base::log::warning(
        module,
        "the cookie has {} bytes: one under {} can be guessed by who hears a handshake; a cookie "
        "file that is not there is made with a long one",
        cookie.size(), long_cookie);
  return {};
}

} // namespace coppice::node
