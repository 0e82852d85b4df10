// SPDX-License-Identifier: MIT
// Compares an origin with the host of the request where no list allows it. Any thread.
#include "behaviours/web/cross_origin.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.hpp"

namespace coppice::behaviours {

std::optional<std::string> cross_origin::allowed(const net::http_request& asked) const {
  const std::string* const origin = asked.header("origin");
  if (origin == nullptr || origins.empty()) return std::nullopt;
  if (origins.front() == "*") return "*";
  if (std::ranges::find(origins, *origin) == origins.end()) return std::nullopt;
  return *origin;
}

bool cross_origin::refuses(const net::http_request& asked) const {
  const std::string* const origin = asked.header("origin");
  if (origin == nullptr || allowed(asked)) return false;
  const std::size_t scheme = origin->find("://");
  return scheme == std::string::npos ||
         !base::is_same_in_ascii(std::string_view(*origin).substr(scheme + 3), asked.authority());
}

bool cross_origin::asks_leave(const net::http_request& asked) {
  return asked.method == "OPTIONS" && asked.header("origin") != nullptr &&
         asked.header("access-control-request-method") != nullptr;
}

void cross_origin::add_headers(net::http_response& answer, const std::string& origin) const {
  auto& to = answer.headers;
  to.push_back({"Access-Control-Allow-Origin", origin});
  if (credentials) to.push_back({"Access-Control-Allow-Credentials", "true"});
  if (!exposed.empty())
    to.push_back({"Access-Control-Expose-Headers", fmt::format("{}", fmt::join(exposed, ", "))});
}

void cross_origin::add_leave(net::http_response& answer) const {
  auto& to = answer.headers;
  if (!methods.empty())
    to.push_back({"Access-Control-Allow-Methods", fmt::format("{}", fmt::join(methods, ", "))});
  if (!headers.empty())
    to.push_back({"Access-Control-Allow-Headers", fmt::format("{}", fmt::join(headers, ", "))});
  if (max_age != 0) to.push_back({"Access-Control-Max-Age", fmt::format("{}", max_age)});
}

} // namespace coppice::behaviours
