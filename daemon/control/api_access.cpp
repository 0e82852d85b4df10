// SPDX-License-Identifier: MIT
// See api_access.hpp. The token is compared as digests of equal length would be: in a time that does not
// depend on where the two differ.
#include "control/api_access.hpp"

#include <algorithm>
#include <optional>

#include "base/ascii.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/socket_address.hpp"

namespace coppice::control {
namespace {

constexpr std::string_view scheme = "bearer ";

access_rules::verdict refused(int status, std::string why, std::string hint = {}) {
  const auto code = status == 415 ? base::errc::invalid : base::errc::refused;
  return {status, {code, "request", std::move(why), std::move(hint)}};
}

// The host without its port.
std::string_view host_of(std::string_view authority) {
  return authority.substr(0, authority.rfind(':'));
}

} // namespace

std::string_view text(right which) {
  switch (which) {
    case right::inspect:
      return "inspect";
    case right::state:
      return "state";
    case right::manage:
      break;
  }
  return "manage";
}

std::vector<std::string> rights::names() const {
  std::vector<std::string> out;
  for (const right one : {right::inspect, right::state, right::manage})
    if (has(one)) out.emplace_back(text(one));
  return out;
}

bool access_rules::knows_host(std::string_view host) const {
  if (base::is_same_in_ascii(host.substr(0, 9), "localhost") && (host.size() == 9 || host[9] == ':'))
    return true;
  if (base::socket_address::parse(host, 0) || base::socket_address::parse(host)) return true;
  return std::ranges::any_of(options_.hosts, [&](const std::string& one) {
    return base::is_same_in_ascii(one, host) || base::is_same_in_ascii(one, host_of(host));
  });
}

bool access_rules::is_of_other_page(const net::http_request& asked) {
  const std::string* const site = asked.header("sec-fetch-site");
  if (site == nullptr || *site == "same-origin" || *site == "none") return false;
  const std::string* const mode = asked.header("sec-fetch-mode");
  const std::string* const goal = asked.header("sec-fetch-dest");
  const bool is_opened = mode != nullptr && *mode == "navigate" && goal != nullptr && *goal == "document";
  return !is_opened;
}

access_rules::verdict access_rules::judge_host(const net::http_request& asked) const {
  const std::string_view host = asked.authority();
  if (!host.empty() && !knows_host(host))
    return refused(403, "the Host is neither an address nor a name of this node",
                   "control.http.hosts names further ones");
  if (host.empty() && asked.header("host") != nullptr) return refused(403, "the Host is empty");
  return {};
}

access_rules::verdict access_rules::judge(const net::http_request& asked) const {
  if (verdict host = judge_host(asked); host.status != 200) return host;
  // All lines of the header, joined: none of them is passed over.
  const std::optional<std::string> origin = asked.list("origin");
  const std::string own(asked.authority());
  const bool is_foreign = origin && *origin != "http://" + own && *origin != "https://" + own;
  if (is_foreign || is_of_other_page(asked))
    return refused(403, "the request comes from a page of another origin");
  if (asked.method == "POST") {
    const std::string* const type = asked.header("content-type");
    const std::string_view media =
        type == nullptr ? std::string_view()
                        : net::http_trimmed(std::string_view(*type).substr(0, type->find(';')));
    if (!base::is_same_in_ascii(media, "application/json"))
      return refused(415, "the arguments are a JSON object", "Content-Type: application/json");
  }
  verdict out;
  out.may = rights(options_.without_token);
  const std::optional<std::string> given = asked.list("authorization");
  if (!given) return out;
  const std::string_view all = *given;
  if (!base::is_same_in_ascii(all.substr(0, scheme.size()), scheme))
    return refused(401, "a token is expected", "Authorization: Bearer TOKEN");
  if (options_.token.empty()) return refused(401, "the node has no token", "control.http.token names one");
  if (!base::equal_secret(base::as_bytes(net::http_trimmed(all.substr(scheme.size()))),
                          base::as_bytes(options_.token)))
    return refused(401, "the token is not the node's");
  out.may = rights::all();
  out.has_token = true;
  return out;
}

} // namespace coppice::control
