// SPDX-License-Identifier: MIT
// Requests to an actor under test, as the route of a web server would pass them on:
//
//   const web_answer got = ask(users, {.path = "/users/7", .parameters = {{"id", "7"}}});
//   CHECK(got.status() == 200);
//
// Routes, limits and what the server itself refuses are not here. Header-only. In the test's thread.
#pragma once

#include <coppice/testing.hpp>

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace coppice::testing {

struct web_request {
  std::string method = "GET";
  std::string path = "/"; ///< decoded, without its query
  std::string body{};
  std::map<std::string, std::string> parameters{};            ///< what stands in the braces of the route
  std::vector<std::pair<std::string, std::string>> query{};   ///< decoded
  std::vector<std::pair<std::string, std::string>> headers{}; ///< names in lower case
  std::string peer = "127.0.0.1:50000";
  std::string version = "1.1";
};

/// Once it is there: a request may be answered later, by what the test does then.
class web_answer {
 public:
  explicit web_answer(answer of) : of_(std::move(of)) {}

  explicit operator bool() const { return static_cast<bool>(of_); }
  int status() const { return static_cast<int>(std::get<0>(whole())); }
  std::string body() const { return std::get<2>(whole()); }
  /// As the actor wrote the name.
  std::optional<std::string> header(std::string_view name) const {
    const parts all = whole();
    for (const auto& [key, text] : std::get<1>(all))
      if (key == name) return text;
    return std::nullopt;
  }

  friend std::ostream& operator<<(std::ostream& out, const web_answer& shown) { return out << shown.of_; }

 private:
  using parts = std::tuple<std::int64_t, std::vector<std::pair<std::string, std::string>>, std::string>;
  using brief = std::tuple<std::int64_t, std::string>;
  parts whole() const {
    const auto read = of_.as<std::variant<parts, brief>>();
    if (const auto* const all = std::get_if<parts>(&read)) return *all;
    const brief& two = std::get<brief>(read);
    return {std::get<0>(two), {}, std::get<1>(two)};
  }
  answer of_;
};

namespace detail {
struct asked_map {
  static constexpr etf::form etf_form = etf::form::map;
  std::string method, path;
  std::map<std::string, std::string> params;
  std::vector<std::pair<std::string, std::string>> query, headers;
  std::string body, peer, version;
};
} // namespace detail

inline web_answer ask(actor& of, const web_request& asked) {
  const detail::asked_map map{asked.method,  asked.path, asked.parameters, asked.query,
                              asked.headers, asked.body, asked.peer,       asked.version};
  return web_answer(of.call(std::pair(etf::atom{"http"}, map)));
}

} // namespace coppice::testing
