// SPDX-License-Identifier: MIT
// See api_documents.hpp.
#include "control/api_documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/hidden_terms.hpp"
#include "spec/schema/secrecy.hpp"

namespace coppice::control {
namespace {

using nlohmann::json;

// The kinds of engines whose reports have only names, addresses and counts.
constexpr std::array<std::string_view, 5> kinds_without_terms{"server", "supervisor", "pool", "tcp", "web"};

std::string_view name_of(verb how) {
  return how == verb::get ? "GET" : "POST";
}

std::string_view name_of(argument_type type) {
  switch (type) {
    case argument_type::text:
      return "string";
    case argument_type::number:
      return "integer";
    case argument_type::flag:
      break;
  }
  return "boolean";
}

json schema_of(const argument& one) {
  json schema{{"type", name_of(one.type)}};
  if (one.type == argument_type::number) schema["minimum"] = one.least;
  if (one.usual != 0) schema["default"] = one.usual;
  if (one.most != 0) schema["maximum"] = one.most;
  if (!one.words.empty()) schema["enum"] = one.words;
  return schema;
}

json described(std::string_view text) {
  return {{"description", text}};
}

json answers(std::string_view about, std::string_view type) {
  json failed = described("{code, what, why, hint}");
  failed["content"]["application/json"]["schema"]["$ref"] = "#/components/schemas/error";
  json done = described(about);
  done["content"][std::string(type)]["schema"]["type"] = type == "application/json" ? "object" : "string";
  return {{"200", std::move(done)}, {"default", std::move(failed)}};
}

// A request may come with the token or without it; what the reader may do differs.
json either_way() {
  return json::array({json::object(), {{"token", json::array()}}});
}

json operation_of(const command& one) {
  json out{{"operationId", std::string(one.how == verb::get ? "get_" : "post_") + std::string(one.name)},
           {"summary", one.about},
           {"x-right", text(one.needs)},
           {"security", either_way()},
           {"responses", answers("the document of `coppice --json`", "application/json")}};
  if (one.how == verb::get) {
    out["parameters"] = json::array();
    for (const argument& each : one.arguments)
      out["parameters"].push_back({{"name", each.name},
                                   {"in", "query"},
                                   {"required", each.needed},
                                   {"description", each.about},
                                   {"schema", schema_of(each)}});
    return out;
  }
  json object{{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}};
  for (const argument& each : one.arguments) {
    json schema = schema_of(each);
    schema["description"] = each.about;
    object["properties"][std::string(each.name)] = std::move(schema);
    if (each.needed) object["required"].push_back(each.name);
  }
  out["requestBody"]["content"]["application/json"]["schema"] = std::move(object);
  return out;
}

json operation(std::string_view id, std::string_view about, std::string_view type) {
  return {{"operationId", id},
          {"summary", about},
          {"security", either_way()},
          {"responses", answers(about, type)}};
}

void keep_shape(json& of, const char* key) {
  const auto found = of.find(key);
  if (found != of.end() && found->is_string() && !found->get_ref<const std::string&>().empty())
    *found = shape_of(found->get_ref<const std::string&>());
}

// Keeps only the pid of a stage's peer, {Pid, Tag}.
std::string shape_of_peer(const std::string& term) {
  constexpr std::string_view begin = "{#Pid<";
  const std::size_t end = term.find('>');
  if (!term.starts_with(begin) || end == term.npos) return shape_of(term);
  return fmt::format("{}, {}}}", term.substr(0, end + 1), spec::hidden_mark);
}

// Reduces every text inside to its shape, except the kind and pids. The id of a transaction is left out,
// since it is a binary that a client chose.
void keep_shapes(json& of) {
  for (auto& [key, value] : of.items()) {
    if (value.is_structured())
      keep_shapes(value);
    else if (key == "tx")
      value = spec::hidden_mark;
    else if (value.is_string() && key == "peer")
      value = shape_of_peer(value.get_ref<const std::string&>());
    else if (value.is_string() && key != "kind" && key != "pid")
      value = shape_of(value.get_ref<const std::string&>());
  }
}

// Whether the command's client writes a term, which the command's failures are about.
bool takes_term(std::string_view command) {
  const auto is_term = [](const argument& one) { return one.name == "term" || one.name == "reason"; };
  return std::ranges::any_of(commands(), [&](const control::command& one) {
    return one.name == command && std::ranges::any_of(one.arguments, is_term);
  });
}

void shorten(json& of, const char* key, const auto& how) {
  const auto found = of.find(key);
  if (found != of.end() && found->is_string()) *found = how(found->get_ref<const std::string&>());
}

void each(json& of, const char* key, const auto& does) {
  const auto found = of.find(key);
  if (found == of.end() || !found->is_array()) return;
  for (json& one : *found) does(one);
}

void leave_out_of_branch(json& branch) {
  if (const auto end = branch.find("last_end"); end != branch.end() && end->is_object())
    keep_shape(*end, "reason");
  each(branch, "children", leave_out_of_branch);
}

// Reduces the reason in "failed: REASON" to its shape.
void leave_out_of_complaint(json& one) {
  if (one.value("what", "") != "application") return;
  const std::string why = one.value("why", "");
  if (const std::size_t colon = why.find(": "); colon != why.npos)
    one["why"] = why.substr(0, colon + 2) + shape_of(std::string_view(why).substr(colon + 2));
}

// A log handler's actor may have ended, or not started, for a reason that is a term.
void leave_out_of_warning(json& one) {
  const std::string what = one.value("what", "");
  if (what == "configuration") shorten(one, "why", without_mistake);
  if (what == "log_handler") shorten(one, "why", without_term);
}

void leave_out_of_diagnostic(json& one) {
  one["message"] = "the right state shows what is wrong there";
  one["hint"] = one["excerpt"] = "";
  one["caret"] = 0;
}

} // namespace

int status_of(base::errc code) {
  switch (code) {
    case base::errc::invalid:
      return 400;
    case base::errc::not_found:
      return 404;
    case base::errc::exists:
    case base::errc::refused:
      return 409;
    case base::errc::timeout:
      return 504;
    case base::errc::closed:
    case base::errc::limit:
      return 503;
    case base::errc::unsupported:
      return 501;
    case base::errc::system:
    case base::errc::internal:
      break;
  }
  return 500;
}

json error_document(const api::failure& why) {
  return {{"code", api::text(why.code)}, {"what", why.what}, {"why", why.why}, {"hint", why.hint}};
}

json commands_document() {
  json all = json::array();
  for (const command& one : commands()) {
    if (!one.over_http) continue;
    json arguments = json::array();
    for (const argument& each : one.arguments) {
      json shown{
          {"name", each.name}, {"type", name_of(each.type)}, {"needed", each.needed}, {"about", each.about}};
      if (!each.words.empty()) shown["words"] = each.words;
      if (each.usual != 0) shown["usual"] = each.usual;
      if (each.most != 0) shown["most"] = each.most;
      if (each.least != 0) shown["least"] = each.least;
      arguments.push_back(std::move(shown));
    }
    all.push_back({{"name", one.name},
                   {"verb", name_of(one.how)},
                   {"right", text(one.needs)},
                   {"about", one.about},
                   {"arguments", std::move(arguments)}});
  }
  return all;
}

json openapi_document(std::string_view version) {
  json paths = json::object();
  paths["/api/v1/"]["get"] = operation("about", "the node, and what this reader may do", "application/json");
  paths["/api/v1/openapi.json"]["get"] = operation("openapi", "this document", "application/json");
  json stream = operation("stream", "documents as they change, or an event, as server-sent events",
                          "text/event-stream");
  stream["parameters"] = json::array();
  const auto parameter = [&stream](const char* name, const char* about) {
    stream["parameters"].push_back({{"name", name},
                                    {"in", "query"},
                                    {"required", false},
                                    {"description", about},
                                    {"schema", {{"type", "string"}}}});
  };
  parameter("topics", "of status, tree, nodes and log, joined with commas; log with the right state");
  parameter("event", "in place of topics: NAME or NAME@NODE; with the right state");
  parameter("since", "of an event: now, or the number of the last one known; without it all that are kept");
  paths["/api/v1/stream"]["get"] = std::move(stream);
  for (const command& one : commands())
    if (one.over_http)
      paths["/api/v1/" + std::string(one.name)][one.how == verb::get ? "get" : "post"] = operation_of(one);
  json error{{"type", "object"}, {"required", {"code", "what", "why", "hint"}}};
  for (const char* key : {"code", "what", "why", "hint"}) error["properties"][key]["type"] = "string";
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "A Coppice node"}, {"version", version}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", {{"error", std::move(error)}}},
            {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

void leave_out_terms(std::string_view command, json& document) {
  const auto application = [](json& one) { keep_shape(one, "reason"); };
  if (command == "status") {
    each(document, "applications", application);
    each(document, "complaints", leave_out_of_complaint);
    each(document, "warnings", leave_out_of_warning);
    each(document, "cannot_write", [](json& one) { shorten(one, "why", without_term); });
    if (const auto disk = document.find("configuration"); disk != document.end())
      shorten(*disk, "why", without_mistake);
  } else if (command == "tree") {
    each(document, "applications", [&](json& one) {
      application(one);
      if (const auto top = one.find("supervisor"); top != one.end()) leave_out_of_branch(*top);
    });
  } else if (command == "info") {
    for (const char* key : {"state", "debug", "messages", "args"}) document.erase(key);
    each(document, "ends", application);
    if (const auto engine = document.find("engine"); engine != document.end() && engine->is_object()) {
      const std::string kind = engine->value("kind", "");
      if (std::ranges::find(kinds_without_terms, kind) == kinds_without_terms.end()) keep_shapes(*engine);
    }
  } else if (command == "raft") {
    keep_shapes(document); // the report that answers a change
  } else if (command == "health") {
    each(document, "complaints", leave_out_of_complaint);
    each(document, "warnings", leave_out_of_warning);
  } else if (command == "log-level") {
    each(document, "handlers", [](json& one) { shorten(one, "failing", without_term); });
  } else if (command == "apply") {
    for (const char* list : {"changes", "rest"})
      each(document, list, [](json& one) { one.erase("before"), one.erase("after"); });
    each(document, "diagnostics", leave_out_of_diagnostic);
    shorten(document, "next_start", without_mistake);
  } else if (command == "reload") {
    each(document, "plugins", [](json& plugin) {
      each(plugin, "actors", [](json& actor) { shorten(actor, "reason", without_term); });
    });
  }
}

void leave_out_terms(std::string_view command, api::failure& why) {
  if (!takes_term(command)) why.why = without_term(why.why);
}

} // namespace coppice::control
