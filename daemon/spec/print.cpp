// SPDX-License-Identifier: MIT
// What the schema table prints: the effective configuration as YAML, and the JSON Schema.
#include "base/json_text.hpp"
#include "spec/load.hpp"
#include "spec/schema.hpp"
#include "spec/schema/scalar.hpp"

namespace coppice::spec {
namespace {

// Quoted unless the text is plain beyond doubt.
std::string print_scalar(const json& value) {
  if (!value.is_string()) return base::json_text(value);
  const auto& text = value.get_ref<const std::string&>();
  bool plain = !text.empty() && text.size() < 200;
  for (char c : text)
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '/' || c == '.' || c == '@' || c == '-' || c == '%');
  if (plain && (text[0] == '-' || text[0] == '%' || text[0] == '@')) plain = false;
  if (plain) {
    node probe;
    probe.what = node::kind::scalar;
    probe.text = text;
    plain = std::holds_alternative<std::string_view>(resolve(probe));
  }
  if (plain) return text;
  std::string quoted = base::json_text(value);
  // JSON leaves this control character as it is, YAML does not take it.
  for (auto at = quoted.find('\x7f'); at != std::string::npos; at = quoted.find('\x7f', at))
    quoted.replace(at, 1, "\\x7f");
  return quoted;
}

bool is_block(const json& value) {
  return (value.is_object() || value.is_array()) && !value.empty();
}

void print_block(const json& value, std::size_t indent, bool first_in_line, std::string& to) {
  const std::string margin(indent, ' ');
  bool inlined = first_in_line;
  auto begin_line = [&] {
    if (!inlined) to += margin;
    inlined = false;
  };
  if (value.is_array()) {
    for (const auto& one : value) {
      begin_line();
      to += "- ";
      if (is_block(one))
        print_block(one, indent + 2, true, to);
      else
        to += print_scalar(one) + "\n";
    }
    return;
  }
  for (const auto& [key, one] : value.items()) {
    begin_line();
    to += print_scalar(json(key)) + ":";
    if (!is_block(one)) {
      to += " " + print_scalar(one) + "\n";
      continue;
    }
    to += "\n";
    print_block(one, indent + 2, false, to);
  }
}

} // namespace

std::string effective_yaml(const node_spec& spec) {
  std::string text;
  print_block(configuration().print(spec), 0, false, text);
  return text;
}

std::string json_schema() {
  json definitions = json::object();
  json root = configuration().describe(definitions);
  json whole = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Coppice node"}};
  whole.update(root);
  whole["$defs"] = std::move(definitions);
  return base::json_text(whole, 2) + "\n";
}

} // namespace coppice::spec
