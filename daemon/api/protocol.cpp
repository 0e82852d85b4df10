// SPDX-License-Identifier: MIT
// Turns requests and replies into JSON, and back. Exceptions of the JSON library stay in this file. Any
// thread.
#include "api/protocol.hpp"

#include <array>
#include <utility>

#include "base/json_depth.hpp"
#include "base/json_text.hpp"

namespace coppice::api {

namespace {

using nlohmann::json;

struct code_name {
  base::errc code;
  std::string_view name;
};

constexpr std::array<code_name, 10> code_names{{
    {base::errc::invalid, "invalid"},
    {base::errc::not_found, "not_found"},
    {base::errc::exists, "exists"},
    {base::errc::refused, "refused"},
    {base::errc::timeout, "timeout"},
    {base::errc::closed, "closed"},
    {base::errc::limit, "limit"},
    {base::errc::unsupported, "unsupported"},
    {base::errc::system, "system"},
    {base::errc::internal, "internal"},
}};

base::errc code_of(std::string_view name) {
  for (const auto& entry : code_names) {
    if (entry.name == name) return entry.code;
  }
  return base::errc::internal;
}

std::string line_of(const json& document) {
  return base::json_text(document) + "\n";
}

std::string text_at(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A claim, cut to a length that fits in a line of the log.
std::string claim_at(const json& object, const char* key) {
  constexpr std::size_t longest = 64; // bytes
  return text_at(object, key).substr(0, longest);
}

// Requests are flat. A reply is as deep as the trees that it shows, whose configuration has its own bound.
constexpr std::size_t deepest_request = 16;
constexpr std::size_t deepest_reply = 2048;

base::result<json> object_of(std::string_view line, std::size_t deepest) {
  if (base::nests_deeper(line, deepest)) {
    return base::fail(base::errc::limit, "nested deeper than " + std::to_string(deepest) + " levels");
  }
  json document = json::parse(line, nullptr, false);
  if (document.is_discarded() || !document.is_object()) {
    return base::fail(base::errc::invalid, "not a JSON object on one line");
  }
  return document;
}

} // namespace

std::string_view text(base::errc code) {
  for (const auto& entry : code_names) {
    if (entry.code == code) return entry.name;
  }
  return "internal";
}

std::string encode(const request& r) {
  json document{{"command", r.command}, {"arguments", r.arguments}};
  if (!r.from.sudo_user.empty()) document["from"]["sudo_user"] = r.from.sudo_user;
  if (!r.from.terminal.empty()) document["from"]["terminal"] = r.from.terminal;
  return line_of(document);
}

std::string encode(const reply& r) {
  if (r) return line_of({{"result", *r}});
  const failure& f = r.error();
  return line_of({{"error", {{"code", text(f.code)}, {"what", f.what}, {"why", f.why}, {"hint", f.hint}}}});
}

base::result<request> decode_request(std::string_view line) {
  auto document = object_of(line, deepest_request);
  if (!document) return unexpected(std::move(document.error()).context("request"));
  request r{text_at(*document, "command")};
  if (auto given = document->find("arguments"); given != document->end()) r.arguments = std::move(*given);
  if (const auto from = document->find("from"); from != document->end() && from->is_object())
    r.from = {claim_at(*from, "sudo_user"), claim_at(*from, "terminal")};
  if (r.command.empty()) return base::fail(base::errc::invalid, "request: no command");
  if (!r.arguments.is_object()) return base::fail(base::errc::invalid, "request: arguments are no object");
  return r;
}

base::result<reply> decode_reply(std::string_view line) {
  auto document = object_of(line, deepest_reply);
  if (!document) return unexpected(std::move(document.error()).context("reply"));
  if (auto result = document->find("result"); result != document->end()) return reply(std::move(*result));
  auto error = document->find("error");
  if (error == document->end() || !error->is_object()) {
    return base::fail(base::errc::invalid, "reply: neither result nor error");
  }
  return reply(unexpect, failure{code_of(text_at(*error, "code")), text_at(*error, "what"),
                                 text_at(*error, "why"), text_at(*error, "hint")});
}

} // namespace coppice::api
