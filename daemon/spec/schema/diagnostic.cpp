// SPDX-License-Identifier: MIT
// How a diagnostic looks in a terminal.
#include "spec/schema/diagnostic.hpp"

#include <algorithm>

namespace coppice::spec {

std::string render(const diagnostic& what) {
  std::string text;
  if (!what.file.empty()) {
    text += what.file;
    if (what.line) text += ":" + std::to_string(what.line) + ":" + std::to_string(what.column);
    text += ": ";
  }
  text += what.severity == severity::error ? "error: " : "warning: ";
  text += what.message;
  if (what.line == 0) return what.hint.empty() ? text : text + "\n  " + what.hint;
  std::string number = std::to_string(what.line);
  std::string margin = std::string(std::max<std::size_t>(number.size(), 5), ' ');
  text += "\n" + margin.substr(number.size()) + number + " | " + what.excerpt;
  text += "\n" + margin + " | " + std::string(what.caret, ' ') + "^";
  if (!what.hint.empty()) text += " " + what.hint;
  return text;
}

std::string render(const std::vector<diagnostic>& all) {
  std::string text;
  for (const auto& one : all) text += render(one) + "\n";
  return text;
}

bool has_errors(const std::vector<diagnostic>& all) {
  return std::any_of(all.begin(), all.end(),
                     [](const diagnostic& one) { return one.severity == severity::error; });
}

} // namespace coppice::spec
