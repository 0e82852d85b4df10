// SPDX-License-Identifier: MIT
// Keeps each finding with its line cut out, so that a diagnostic outlives the text.
#include "spec/schema/report.hpp"

#include <algorithm>
#include <tuple>

#include "base/utf8.hpp"
#include "spec/schema/secrecy.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t most_findings = 100;
constexpr std::size_t excerpt_width = 110; // characters of a line that are shown

// The commas and blanks before the next key, which may follow a hidden value on its line.
std::string_view separator(std::string_view hidden) {
  const std::size_t last = hidden.find_last_not_of(" ,");
  return last == hidden.npos ? std::string_view() : hidden.substr(last + 1);
}

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
  }
  all_.push_back({where, std::move(what)});
}

void report::hide(const place& begin, const place& end) {
  hidden_.push_back({begin, end});
}

void report::hide_by_words(std::uint32_t file) {
  no_yaml_.push_back(file);
}

std::vector<report::part> report::hidden_parts(const place& where, std::string_view line) const {
  std::vector<part> found;
  for (const hidden& one : hidden_) {
    const bool is_open = one.end.line == 0;
    if (one.begin.file != where.file || one.begin.line > where.line ||
        (!is_open && one.end.line < where.line))
      continue;
    const std::size_t begin = one.begin.line < where.line ? 0 : std::max(one.begin.column, 1U) - 1;
    const std::size_t end = is_open || one.end.line > where.line
                                ? line.size()
                                : std::min<std::size_t>(line.size(), one.end.column - 1);
    // Before the next thing on its line only blanks, or the dash of a list, may stand: they are not hidden.
    if (begin < end && line.substr(begin, end - begin).find_first_not_of(" \t-") != line.npos)
      found.push_back({begin, end});
  }
  if (!line.empty() && std::ranges::find(no_yaml_, where.file) != no_yaml_.end()) {
    const source& text = texts_->at(where.file);
    const std::string_view before = std::string_view(text.text).substr(0, text.lines[where.line - 1]);
    if (const std::size_t begin = secret_part(before, line); begin < line.size())
      found.push_back({begin, line.size()});
  }
  std::ranges::sort(found, {}, &part::begin);
  std::vector<part> joined;
  for (const part& one : found) {
    if (!joined.empty() && one.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, one.end);
    else
      joined.push_back(one);
  }
  return joined;
}

// A window of the line with the caret in it; escapes make the shown text longer than the line.
void report::cut_out(entry& of) const {
  diagnostic& what = of.what;
  if (of.where.file >= texts_->size() || of.where.line == 0) return;
  const std::string_view line = texts_->line(of.where);
  std::size_t caret = std::min<std::size_t>(line.size(), of.where.column ? of.where.column - 1 : 0);
  what.column = static_cast<std::uint32_t>(base::utf8_count(line.substr(0, caret))) + 1;
  std::string before, after;
  std::size_t at = 0;
  const std::size_t last = std::min(line.size(), caret + 4 * excerpt_width);
  const auto show = [&](std::size_t end) {
    const std::size_t middle = std::clamp(caret, at, std::max(at, end));
    before += printable(line.substr(at, middle - at));
    if (end > middle) after += printable(line.substr(middle, end - middle));
    at = std::max(at, end);
  };
  for (const part& one : hidden_parts(of.where, line)) {
    if (one.begin >= last) break;
    if (caret > one.begin && caret < one.end) caret = one.begin;
    show(one.begin);
    std::string& side = caret > one.begin ? before : after;
    side.append(hidden_mark)
        .append(one.end < line.size() ? separator(line.substr(one.begin, one.end - one.begin)) : "");
    at = one.end;
  }
  show(last);
  if (std::size_t width = base::utf8_count(before); width > excerpt_width - 40)
    before = "…" + std::string(base::utf8_skip(before, width - (excerpt_width - 40)));
  what.caret = static_cast<std::uint32_t>(base::utf8_count(before));
  std::size_t room = excerpt_width - what.caret;
  if (base::utf8_count(after) > room) after = std::string(base::utf8_prefix(after, room - 1)) + "…";
  what.excerpt = before + after;
}

std::vector<diagnostic> report::take() {
  for (entry& one : all_) cut_out(one);
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
