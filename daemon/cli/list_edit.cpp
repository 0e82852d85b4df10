// SPDX-License-Identifier: MIT
// The parser says where values begin, not where they end: a list in block layout ends at the first line that
// is indented less, a list in brackets at its bracket. A text that breaks this rule is noticed when the
// result is read again.
#include "cli/list_edit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "spec/schema/report.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
using spec::node;

// Bounds of a configuration that is edited: three copies of it are in memory.
constexpr spec::tree_limits limits{.bytes = 4U << 20, .values = 500'000, .depth = 100};

template <typename Json>
Json scalar_of(const node& from) {
  const spec::scalar_value value = spec::resolve(from);
  if (std::holds_alternative<std::nullptr_t>(value)) return nullptr;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* number = std::get_if<spec::whole_number>(&value)) {
    if (const auto small = number->as_signed()) return *small;
    if (!number->negative) return number->magnitude;
  }
  return from.text;
}

template <typename Json>
Json json_of(const node& from) {
  if (from.is_sequence()) {
    Json all = Json::array();
    for (const node* one : from.items) all.push_back(json_of<Json>(*one));
    return all;
  }
  if (!from.is_map()) return scalar_of<Json>(from);
  Json all = Json::object();
  for (std::size_t i = 0; i + 1 < from.items.size(); i += 2)
    all[from.items[i]->text] = json_of<Json>(*from.items[i + 1]);
  return all;
}

// A parsed document, and the nodes with the places of its values.
class document {
 public:
  explicit document(const std::string& text) : report_(sources_) {
    root_ = spec::parse_yaml(sources_, sources_.add("", "/", text), tree_, report_, limits);
    if (!report_.failed()) return;
    root_ = nullptr;
    const auto wrong = report_.take();
    wrong_ = fmt::format("{}:{}: {}", wrong.front().line, wrong.front().column, wrong.front().message);
  }
  document(const document&) = delete;
  document& operator=(const document&) = delete;

  const node* root() const { return root_; } // null: wrong() says why
  const std::string& wrong() const { return wrong_; }

 private:
  spec::sources sources_;
  spec::yaml_tree tree_;
  spec::report report_;
  const node* root_ = nullptr;
  std::string wrong_;
};

std::string indented(std::string_view lines, std::size_t by) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size() - 1);
    out += std::string(by, ' ') + std::string(lines.substr(at, end - at + 1));
    at = end + 1;
  }
  return out;
}

std::string without_comment(std::string_view line) {
  const std::size_t end = line.find_first_not_of(" \t\r\n");
  return end == line.npos || line[end] == '#' ? "" : std::string(line.substr(end));
}

// The lines of a text, numbered from 0, and insertion between them.
class lines {
 public:
  explicit lines(const std::string& text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1))
      starts_.push_back(at + 1);
    if (starts_.back() == text.size() && starts_.size() > 1) starts_.pop_back();
  }

  std::size_t count() const { return starts_.size(); }
  std::size_t begin(std::size_t line) const { return line < starts_.size() ? starts_[line] : text_.size(); }
  std::string_view at(std::size_t line) const {
    std::string_view found = std::string_view(text_).substr(begin(line), begin(line + 1) - begin(line));
    while (found.ends_with('\n') || found.ends_with('\r')) found.remove_suffix(1);
    return found;
  }
  // Offset of a value. The text's size if the text has no such place.
  std::size_t offset(const spec::place& of) const {
    return of.line == 0 ? text_.size() : std::min(begin(of.line - 1) + of.column - 1, text_.size());
  }
  std::size_t of_offset(std::size_t offset) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(starts_, offset) - starts_.begin()) - 1;
  }

  // The line after the last one of a block that begins in line `first` at `column`. `list`: items at that
  // column belong to the block. `comments`: so do comments at that column that follow directly.
  std::size_t end_of_block(std::size_t first, std::size_t column, bool list, bool comments) const {
    std::size_t end = first + 1;
    bool gap = false;
    for (std::size_t i = first + 1; i < count(); ++i) {
      const std::string_view line = at(i);
      const std::size_t by = line.find_first_not_of(' ');
      if (by == line.npos) {
        gap = true;
        continue;
      }
      if (line[by] == '#') {
        if (by > column || (by == column && comments && !gap)) end = i + 1;
        continue;
      }
      if (line.starts_with("---") || line.starts_with("...")) break;
      if (by < column || (by == column && list && line[by] != '-')) break;
      end = i + 1;
      gap = false;
    }
    return end;
  }

  // Inserts lines before a line.
  std::string insert(std::size_t line, std::string added) const {
    if (text_.find("\r\n") != text_.npos)
      for (std::size_t at = 0; (at = added.find('\n', at)) != added.npos; at += 2) added.insert(at, 1, '\r');
    const std::size_t at = begin(line);
    const bool unended = at == text_.size() && at != 0 && text_.back() != '\n';
    return text_.substr(0, at) + (unended ? "\n" : "") + added + text_.substr(at);
  }

 private:
  const std::string& text_;
  std::vector<std::size_t> starts_;
};

using outcome = expected<std::string, std::string>;

outcome unknown_layout() {
  return unexpected(std::string("its layout is none that can be edited"));
}

// One edit of one text. `keys`: the keys that are missing, the list's own last.
class edit {
 public:
  edit(const std::string& text, const std::vector<list_item>& items)
      : text_(text), lines_(text), items_(items) {}

  outcome run(const node& root, const yaml_path& path) {
    const node* at = &root;
    const node* owner = nullptr;
    const node* key = nullptr;
    std::vector<std::string> missing;
    for (const auto& step : path) {
      if (const auto* index = std::get_if<std::size_t>(&step)) {
        if (!at->is_sequence() || *index >= at->items.size()) return unknown_layout();
        owner = key = nullptr;
        at = at->items[*index];
        continue;
      }
      const auto& name = std::get<std::string>(step);
      if (!missing.empty() || (at->what == node::kind::null && key != nullptr)) {
        missing.push_back(name);
        continue;
      }
      if (!at->is_map()) return unknown_layout();
      const node* const value = at->find(name);
      if (value == nullptr) {
        missing.push_back(name);
        continue;
      }
      owner = at;
      for (std::size_t i = 0; i < at->items.size(); i += 2)
        if (at->items[i + 1] == value && at->items[i]->text == name) key = at->items[i];
      at = value;
    }
    if (at->what == node::kind::null && key != nullptr) return below(*key, missing);
    if (!missing.empty()) return at->is_map() ? into_map(*at, missing) : unknown_layout();
    if (!at->is_sequence() || owner == nullptr) return unknown_layout();
    return into_list(*at, *owner, *key);
  }

 private:
  char first_of(const node& of) const {
    const std::size_t at = lines_.offset(of.at);
    return at < text_.size() ? text_[at] : '\0';
  }
  bool is_flow(const node& of) const { return first_of(of) == '[' || first_of(of) == '{'; }

  std::string blocks() const {
    std::string out;
    for (const list_item& one : items_) out += one.block;
    return out;
  }
  std::vector<std::string> flows() const {
    std::vector<std::string> out;
    for (const list_item& one : items_) out.push_back(one.flow);
    return out;
  }
  // The missing keys, each below the one before, and the items below the last.
  std::string nested(const std::vector<std::string>& keys) const {
    std::string out;
    for (std::size_t i = 0; i < keys.size(); ++i) out += std::string(2 * i, ' ') + keys[i] + ":\n";
    return out + indented(blocks(), 2 * keys.size());
  }

  outcome into_list(const node& list, const node& owner, const node& key) {
    const std::size_t at = lines_.offset(list.at);
    const std::size_t column = list.at.column - 1;
    const std::size_t own_column = owner.at.column - 1;
    if (first_of(list) == '-') {
      const std::size_t first = list.at.line - 1;
      const bool comments = column > own_column;
      return lines_.insert(lines_.end_of_block(first, column, true, comments), indented(blocks(), column));
    }
    if (first_of(list) != '[') return unknown_layout();
    const auto found = find_brackets(text_, at);
    if (!found) return unknown_layout();
    const std::size_t line = key.at.line - 1;
    const std::string_view rest =
        std::string_view(text_).substr(found->close + 1, lines_.begin(line + 1) - found->close - 1);
    const bool alone = found->empty() && !is_flow(owner) && lines_.of_offset(found->close) == line;
    if (!alone || !without_comment(rest).empty()) return add_to_brackets(text_, *found, flows(), " ");
    // An empty list in a map of block layout gets block layout.
    const std::size_t colon = text_.find_last_not_of(" \t", at - 1) + 1;
    const std::string shorter = text_.substr(0, colon) + text_.substr(found->close + 1);
    return lines(shorter).insert(line + 1, indented(blocks(), own_column + 2));
  }

  outcome into_map(const node& map, const std::vector<std::string>& missing) {
    if (map.items.empty() && !is_flow(map)) return lines_.insert(lines_.count(), nested(missing));
    if (first_of(map) == '{') {
      const auto found = find_brackets(text_, lines_.offset(map.at));
      if (!found) return unknown_layout();
      std::string value = fmt::format("[ {} ]", fmt::join(flows(), ", "));
      for (std::size_t i = missing.size(); i-- > 1;) value = fmt::format("{{ {}: {} }}", missing[i], value);
      return add_to_brackets(text_, *found, {missing.front() + ": " + value}, " ");
    }
    const std::size_t column = map.at.column - 1;
    const std::size_t end = lines_.end_of_block(map.at.line - 1, column, false, column != 0);
    return lines_.insert(end, (column == 0 ? "\n" : "") + indented(nested(missing), column));
  }

  // Adds below a key without a value.
  outcome below(const node& key, const std::vector<std::string>& missing) {
    const std::size_t line = key.at.line - 1;
    const std::string_view rest = lines_.at(line).substr(
        std::min<std::size_t>(key.at.column - 1 + key.text.size(), lines_.at(line).size()));
    if (!rest.starts_with(':') || !without_comment(rest.substr(1)).empty()) return unknown_layout();
    return lines_.insert(line + 1, indented(missing.empty() ? blocks() : nested(missing), key.at.column + 1));
  }

  const std::string& text_;
  const lines lines_;
  const std::vector<list_item>& items_;
};

// False: another kind of value is in its place.
bool append(json& to, const yaml_path& path, const json& items) {
  json* at = &to;
  for (const auto& step : path) {
    const auto* index = std::get_if<std::size_t>(&step);
    if (index != nullptr ? !at->is_array() || *index >= at->size() : !at->is_object() && !at->is_null())
      return false;
    at = index != nullptr ? &(*at)[*index] : &(*at)[std::get<std::string>(step)];
  }
  if (at->is_null()) *at = json::array();
  if (!at->is_array()) return false;
  at->insert(at->end(), items.begin(), items.end());
  return true;
}

} // namespace

expected<json, std::string> read_yaml(const std::string& text) {
  const document read(text);
  if (read.root() == nullptr) return unexpected(read.wrong());
  return json_of<json>(*read.root());
}

expected<nlohmann::ordered_json, std::string> read_yaml_in_order(const std::string& text) {
  const document read(text);
  if (read.root() == nullptr) return unexpected(read.wrong());
  return json_of<nlohmann::ordered_json>(*read.root());
}

expected<std::string, std::string> add_to_list(const std::string& text, const yaml_path& path,
                                               const std::vector<list_item>& items) {
  const document read(text);
  if (read.root() == nullptr) return unexpected(read.wrong());
  std::string blocks;
  for (const list_item& one : items) blocks += one.block;
  const auto added = read_yaml(blocks);
  json wanted = json_of<json>(*read.root());
  if (!added || !append(wanted, path, *added)) return unknown_layout();
  auto done = edit(text, items).run(*read.root(), path);
  if (!done) return done;
  const auto said = read_yaml(*done);
  if (!said || *said != wanted) return unknown_layout();
  return done;
}

std::optional<bracketed> find_brackets(std::string_view text, std::size_t open) {
  bracketed found{open, open + 1, 0};
  std::size_t depth = 0;
  char before = '['; // the last character other than a blank
  for (std::size_t at = open; at < text.size(); ++at) {
    const char c = text[at];
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (blank) continue;
    if (c == '#' && at > 0 && std::string_view(" \t\n,").find(text[at - 1]) != std::string_view::npos) {
      at = std::min(text.find('\n', at), text.size()) - 1;
      continue;
    }
    if ((c == '"' || c == '\'') && std::string_view("[{,:").find(before) != std::string_view::npos) {
      for (++at; at < text.size() && text[at] != c; ++at)
        if (c == '"' && text[at] == '\\') ++at;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (--depth == 0) return found.close = at, found;
    }
    before = c;
    found.last = std::min(at + 1, text.size());
  }
  return std::nullopt;
}

std::string add_to_brackets(const std::string& text, const bracketed& in,
                            const std::vector<std::string>& items, const std::string& blank) {
  const std::string_view behind = std::string_view(text).substr(in.last, in.close - in.last);
  const bool own_lines = behind.find('\n') != behind.npos;
  const std::string head = text.substr(0, in.last);
  if (!own_lines) {
    const std::string all = fmt::format("{}", fmt::join(items, ", "));
    if (in.empty()) return head + blank + all + blank + text.substr(in.close);
    return head + (head.ends_with(',') ? " " : ", ") + all + text.substr(in.last);
  }
  const lines all(text);
  const std::string_view last_line = all.at(all.of_offset(in.last - 1));
  const std::string_view close_line = all.at(all.of_offset(in.close));
  const bool begins_line = !in.empty() && all.of_offset(in.last - 1) != all.of_offset(in.open);
  const std::size_t by = begins_line ? last_line.find_first_not_of(' ')
                                     : std::min(close_line.find_first_not_of(' '), close_line.size()) + 2;
  const bool comma_last = head.ends_with(',');
  const std::string between = in.empty() || comma_last ? "" : ",";
  const std::string longer = head + between + text.substr(in.last);
  const std::string margin(by, ' ');
  const std::string added =
      margin + fmt::format("{}", fmt::join(items, ",\n" + margin)) + (comma_last ? ",\n" : "\n");
  return lines(longer).insert(all.of_offset(in.last - 1) + 1, added);
}

} // namespace coppice::cli
