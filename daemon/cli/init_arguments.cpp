// SPDX-License-Identifier: MIT
// A recursive-descent parser; values nest at most `deepest` levels.
#include "cli/init_arguments.hpp"

#include <charconv>
#include <optional>

#include "base/utf8.hpp"

namespace coppice::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr int deepest = 20;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

json plain_value(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return number;
  return std::string(text);
}

class parser {
 public:
  explicit parser(std::string_view text) : text_(text) {}

  expected<written_node, std::string> run() {
    written_node out;
    const std::size_t brace = std::min(text_.find('{'), text_.size());
    std::string_view head = text_.substr(0, brace);
    if (head.find('}') != head.npos) return unexpected(std::string("a '}' has no '{'"));
    if (const std::size_t colon = head.find(':'); colon != head.npos) {
      out.parent = trimmed(head.substr(0, colon));
      head = head.substr(colon + 1);
      if (out.parent.empty()) return unexpected(std::string("there is no name before ':'"));
      if (head.find(':') != head.npos)
        return unexpected(std::string("there is more than one ':' before a '{'"));
    }
    out.name = trimmed(head);
    if (out.name.empty()) return unexpected(std::string("there is no name"));
    at_ = brace;
    if (at_ == text_.size()) return out;
    auto options = map(0);
    if (!options) return unexpected(*problem_);
    out.options = std::move(*options);
    skip();
    if (at_ != text_.size())
      return unexpected("'" + std::string(text_.substr(at_)) + "' follows the last '}'");
    return out;
  }

 private:
  // Returns nothing; problem_ says why.
  std::nullopt_t fail(std::string why) {
    problem_ = std::move(why);
    return std::nullopt;
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool next_is(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view until(std::string_view ends) {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(ends, at_), text_.size());
    return trimmed(text_.substr(begin, at_ - begin));
  }

  std::optional<json> map(int depth) {
    json out = json::object();
    ++at_; // its '{'
    if (next_is('}')) return out;
    for (;;) {
      const std::string key(until(":,{}[]\""));
      if (at_ == text_.size()) return fail("a '{' has no '}'");
      if (key.empty()) return fail("a key is missing before '" + std::string(1, text_[at_]) + "'");
      if (out.contains(key)) return fail("'" + key + "' is there twice");
      json& place = out[key] = true;
      if (next_is(':')) {
        auto found = value(depth + 1);
        if (!found) return std::nullopt;
        place = std::move(*found);
      }
      if (next_is('}')) return out;
      if (!next_is(',')) return fail(ended("'}'"));
    }
  }
  std::optional<json> list(int depth) {
    json out = json::array();
    ++at_; // its '['
    if (next_is(']')) return out;
    for (;;) {
      auto found = value(depth + 1);
      if (!found) return std::nullopt;
      out.push_back(std::move(*found));
      if (next_is(']')) return out;
      if (!next_is(',')) return fail(ended("']'"));
    }
  }
  std::optional<json> value(int depth) {
    if (depth > deepest) return fail("its values are nested too deeply");
    skip();
    if (at_ == text_.size()) return fail("a '{' has no '}'");
    if (text_[at_] == '{') return map(depth);
    if (text_[at_] == '[') return list(depth);
    if (text_[at_] == '"') return quoted();
    const std::string_view plain = until(",{}[]\"");
    if (plain.empty()) return fail("a value is missing");
    return plain_value(plain);
  }
  std::optional<json> quoted() {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') return ++at_, json(out);
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    return fail("a '\"' has no other one");
  }
  std::string ended(const char* wanted) const {
    if (at_ == text_.size()) return std::string("the end has come before a ") + wanted;
    return "'" + std::string(1, text_[at_]) + "' stands where ',' or " + wanted + " is expected";
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> problem_;
};

} // namespace

expected<written_node, std::string> parse_written_node(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = base::utf8_length(text.substr(at));
    if (length == 0) return unexpected(std::string("it is not UTF-8"));
    at += length;
  }
  return parser(text).run();
}

} // namespace coppice::cli
