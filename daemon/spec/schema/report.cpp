// SPDX-License-Identifier: MIT
// Keeping findings with their line cut out, so that a diagnostic outlives the text.
#include "spec/schema/report.hpp"

#include <algorithm>
#include <tuple>

#include "base/utf8.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t most_findings = 100;
constexpr std::size_t excerpt_width = 110; // characters of a line that are shown

} // namespace

std::uint32_t sources::add(std::string name, std::string folder, std::string text) {
  source one{std::move(name), std::move(folder), std::move(text), {0}};
  for (std::size_t at = one.text.find('\n'); at != std::string::npos; at = one.text.find('\n', at + 1))
    one.lines.push_back(at + 1);
  all_.push_back(std::move(one));
  return static_cast<std::uint32_t>(all_.size() - 1);
}

std::string_view sources::line(const place& where) const {
  if (where.file >= all_.size() || where.line == 0) return {};
  const source& from = all_[where.file];
  if (where.line > from.lines.size()) return {};
  std::size_t begin = from.lines[where.line - 1];
  std::size_t end = where.line < from.lines.size() ? from.lines[where.line] - 1 : from.text.size();
  std::string_view line = std::string_view(from.text).substr(begin, end - begin);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

void report::error(const place& where, std::string message, std::string hint) {
  add(severity::error, where, std::move(message), std::move(hint));
}

void report::warning(const place& where, std::string message, std::string hint) {
  add(severity::warning, where, std::move(message), std::move(hint));
}

void report::file_error(std::string file, std::string message, std::string hint) {
  failed_ = true;
  diagnostic what;
  what.file = std::move(file);
  what.message = std::move(message);
  what.hint = std::move(hint);
  all_.push_back({nowhere, std::move(what)});
}

void report::add(severity how, const place& where, std::string message, std::string hint) {
  if (how == severity::error) failed_ = true;
  if (all_.size() >= most_findings) {
    cut_ = true;
    return;
  }
  diagnostic what;
  what.severity = how;
  what.message = std::move(message);
  what.hint = std::move(hint);
  if (where.file < texts_->size()) {
    what.file = texts_->at(where.file).name;
    what.line = where.line;
    std::string_view line = texts_->line(where);
    std::string_view ahead =
        line.substr(0, std::min<std::size_t>(line.size(), where.column ? where.column - 1 : 0));
    what.column = where.line ? static_cast<std::uint32_t>(base::utf8_count(ahead)) + 1 : 0;
    // A window of the line with the caret in it; escapes make the shown text longer than the line.
    std::string before = printable(ahead);
    if (std::size_t width = base::utf8_count(before); width > excerpt_width - 40)
      before = "…" + std::string(base::utf8_skip(before, width - (excerpt_width - 40)));
    what.caret = static_cast<std::uint32_t>(base::utf8_count(before));
    std::string after = printable(line.substr(ahead.size(), 4 * excerpt_width));
    std::size_t room = excerpt_width - what.caret;
    if (base::utf8_count(after) > room) after = std::string(base::utf8_prefix(after, room - 1)) + "…";
    what.excerpt = before + after;
  }
  all_.push_back({where, std::move(what)});
}

std::vector<diagnostic> report::take() {
  std::stable_sort(all_.begin(), all_.end(), [](const entry& a, const entry& b) {
    return std::tie(a.where.file, a.where.line, a.where.column) <
           std::tie(b.where.file, b.where.line, b.where.column);
  });
  std::vector<diagnostic> result;
  for (auto& one : all_) result.push_back(std::move(one.what));
  if (cut_) {
    diagnostic more;
    more.message = "there are more errors: only the first " + std::to_string(most_findings) + " are shown";
    result.push_back(std::move(more));
  }
  all_.clear();
  return result;
}

} // namespace coppice::spec
