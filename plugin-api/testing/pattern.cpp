// SPDX-License-Identifier: MIT
// Reads patterns in Erlang's syntax. Any thread.
#include <coppice/testing/pattern.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace coppice::testing::detail {

std::string marked(std::string_view text, std::size_t at, std::string_view sentence) {
  at = std::min(at, text.size());
  const std::size_t before = at == 0 ? text.npos : text.rfind('\n', at - 1);
  const std::size_t begin = before == text.npos ? 0 : before + 1;
  const std::string_view line = text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
  std::string mark;
  for (const char c : text.substr(begin, at - begin))
    if ((static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U) mark += c == '\t' ? '\t' : ' ';
  return "  " + std::string(line) + "\n  " + mark + "^ " + std::string(sentence);
}

pattern pattern_reader::whole() {
  pattern made = one(0);
  accept('.');
  skip_spaces();
  if (at_ != text_.size()) refuse(at_, "the pattern should end here");
  return made;
}

void pattern_reader::refuse(std::size_t at, std::string_view sentence) const {
  const std::string_view before = text_.substr(0, std::min(at, text_.size()));
  const auto line = std::ranges::count(before, '\n');
  const std::size_t start = line == 0 ? 0 : before.rfind('\n') + 1;
  const auto column = std::ranges::count_if(
      before.substr(start), [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U; });
  throw failure("this pattern is wrong at " + (line == 0 ? "" : "line " + std::to_string(line + 1) + ", ") +
                "column " + std::to_string(column + 1) + ":\n" + marked(text_, at, sentence));
}

void pattern_reader::skip_spaces() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '%')
      at_ = std::min(text_.find('\n', at_), text_.size() - 1);
    else if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
      return;
  }
}

bool pattern_reader::accept(std::string_view word) {
  skip_spaces();
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

std::string_view pattern_reader::word() {
  const std::size_t start = at_;
  while (is_word(peek())) ++at_;
  return text_.substr(start, at_ - start);
}

std::uint32_t pattern_reader::character() {
  std::uint32_t point = 0;
  const auto* const here = reinterpret_cast<const std::uint8_t*>(text_.data()) + at_;
  const std::size_t size = etf::utf8::decode(here, text_.size() - at_, point);
  if (size == 0) refuse(at_, at_ == text_.size() ? "a character should follow" : "this is no UTF-8");
  at_ += size;
  return point;
}

std::uint32_t pattern_reader::escaped() {
  const std::size_t start = at_ - 1;
  const std::uint32_t c = character();
  if (c == 'x') {
    const bool braces = peek() == '{';
    const std::size_t from = at_ + (braces ? 1 : 0);
    const std::size_t end =
        braces ? std::min(text_.find('}', from), text_.size()) : std::min(from + 2, text_.size());
    std::uint32_t point = 0;
    const auto [stop, trouble] = std::from_chars(text_.data() + from, text_.data() + end, point, 16);
    if (trouble != std::errc{} || stop != text_.data() + end || (braces && end == text_.size()) ||
        point > 0x10FFFF)
      refuse(start, "\\x has two digits, or digits in braces");
    at_ = end + (braces ? 1 : 0);
    return point;
  }
  if (c >= '0' && c <= '7') {
    std::uint32_t point = c - '0';
    for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7'; ++i)
      point = point * 8 + std::uint32_t(text_[at_++] - '0');
    return point;
  }
  constexpr std::string_view names = "nrtsebfvd0";
  constexpr std::string_view values("\n\r\t \x1b\b\f\v\x7f", 9);
  const auto found = c < 128 ? names.find(static_cast<char>(c)) : names.npos;
  return found < values.size() ? static_cast<std::uint8_t>(values[found]) : c;
}

std::vector<std::uint32_t> pattern_reader::quoted(char quote) {
  const std::size_t start = at_++;
  std::vector<std::uint32_t> all;
  while (peek() != quote || at_ == text_.size()) {
    if (at_ == text_.size()) refuse(start, "this quote is not closed");
    const std::uint32_t c = character();
    all.push_back(c == '\\' ? escaped() : c);
  }
  ++at_;
  return all;
}

std::string pattern_reader::utf8_of(const std::vector<std::uint32_t>& all) {
  std::string out;
  for (const std::uint32_t each : all) etf::utf8::append(out, each);
  return out;
}

pattern pattern_reader::one(int depth) {
  skip_spaces();
  if (depth > most_depth) refuse(at_, "a pattern is nested at most " + std::to_string(most_depth) + " deep");
  const char c = peek();
  pattern made{pattern::type::literal, at_, {}, {}, {}, false};
  if (c == '{') return row(std::move(made), '{', '}', pattern::type::tuple, depth);
  if (c == '[') return row(std::move(made), '[', ']', pattern::type::list, depth);
  if (c == '#') return map(std::move(made), depth);
  if (c == '_' || is_upper(c)) return hole(std::move(made));
  if (c == '<') return made.term = binary(), made;
  if (c == '"') return made.term = string(), made;
  if (c == '\'' || is_lower(c)) return made.term = atom(), made;
  if (is_digit(c) || c == '-' || c == '+' || c == '$') return made.term = number(), made;
  if (at_ == text_.size()) refuse(at_, "a term should follow");
  refuse(at_, "no term begins like this");
}

pattern pattern_reader::hole(pattern made) {
  made.name = word();
  made.what = made.name == "_" ? pattern::type::anything : pattern::type::hole;
  return made;
}

pattern pattern_reader::row(pattern made, char open, char close, pattern::type what, int depth) {
  made.what = what;
  accept(open);
  if (accept(close)) return made;
  for (;;) {
    made.parts.push_back(one(depth + 1));
    if (accept(close)) return made;
    if (open == '[' && accept('|')) {
      made.parts.push_back(one(depth + 1));
      made.has_tail = true;
      if (!accept(close)) refuse(at_, "] should follow the tail");
      return made;
    }
    if (!accept(',')) refuse(at_, std::string("a comma or ") + close + " should follow");
  }
}

pattern pattern_reader::map(pattern made, int depth) {
  made.what = pattern::type::map;
  if (!accept("#{")) refuse(at_, "a map begins with #{; pids and references take a hole");
  if (accept('}')) return made;
  for (;;) {
    made.parts.push_back(one(depth + 1));
    if (!make_literal(made.parts.back())) refuse(made.parts.back().at, "a key is a term without holes");
    if (!accept(":=") && !accept("=>")) refuse(at_, ":= or => should follow the key");
    made.parts.push_back(one(depth + 1));
    if (accept('}')) return made;
    if (!accept(',')) refuse(at_, "a comma or } should follow");
  }
}

bool pattern_reader::make_literal(pattern& part) {
  if (part.what == pattern::type::anything || part.what == pattern::type::hole) return false;
  if (part.what == pattern::type::literal) return true;
  etf::vector_writer out(64);
  for (pattern& each : part.parts)
    if (!make_literal(each)) return false;
  const auto count = static_cast<std::uint32_t>(part.parts.size());
  if (part.what == pattern::type::tuple) out.tuple(count);
  if (part.what == pattern::type::map) out.map(count / 2);
  if (part.what == pattern::type::list && count != 0) out.list(count - (part.has_tail ? 1 : 0));
  for (const pattern& each : part.parts) out.raw(each.term.bytes());
  if (part.what == pattern::type::list && !part.has_tail) out.nil();
  part.term = value::of(out.take());
  part.what = pattern::type::literal;
  return true;
}

value pattern_reader::atom() {
  const std::size_t start = at_;
  if (peek() != '\'') return etf::atom{word()};
  const auto all = quoted('\'');
  if (all.size() > 255) refuse(start, "an atom has at most 255 characters");
  return etf::atom{utf8_of(all)};
}

value pattern_reader::string() {
  const auto all = quoted('"');
  etf::vector_writer out(64);
  if (std::ranges::all_of(all, [](std::uint32_t c) { return c < 256; })) {
    out.string(std::string(all.begin(), all.end()));
  } else {
    out.list(static_cast<std::uint32_t>(all.size()));
    for (const std::uint32_t each : all) out.integer(each);
    out.nil();
  }
  return value::of(out.take());
}

value pattern_reader::binary() {
  if (!accept("<<")) refuse(at_, "a binary begins with <<");
  std::string data;
  if (!accept(">>")) do {
      skip_spaces();
      segment(data);
    } while (next_segment());
  etf::vector_writer out(64);
  out.binary(data);
  return value::of(out.take());
}

bool pattern_reader::next_segment() {
  if (accept(">>")) return false;
  if (!accept(',')) refuse(at_, "a comma or >> should follow");
  return true;
}

void pattern_reader::segment(std::string& data) {
  const std::size_t start = at_;
  if (peek() == '"') {
    const auto all = quoted('"');
    if (accept("/utf8")) return void(data += utf8_of(all));
    if (std::ranges::any_of(all, [](std::uint32_t c) { return c > 255; }))
      refuse(start, "write /utf8 after this text: it has characters that are no bytes");
    return void(data.append(all.begin(), all.end()));
  }
  if (!is_digit(peek()) && peek() != '$') refuse(at_, "a binary has bytes and texts, and no holes");
  std::int64_t byte = -1;
  const value read = number();
  if (!etf::cursor(read.bytes()).read_integer(byte) || byte < 0 || byte > 255)
    refuse(start, "a byte is from 0 to 255");
  data += static_cast<char>(byte);
}

std::string pattern_reader::digits() {
  std::string all;
  for (; is_word(peek()) && peek() != '@' && (peek() != '_' || !all.empty()); ++at_)
    if (peek() != '_') all += peek();
  return all;
}

value pattern_reader::number() {
  const std::size_t start = at_;
  const bool negative = peek() == '-';
  if (negative || peek() == '+') ++at_;
  etf::vector_writer out(64);
  if (peek() == '$') {
    ++at_;
    const std::uint32_t c = character();
    const std::int64_t point = c == '\\' ? escaped() : c;
    return out.integer(negative ? -point : point), value::of(out.take());
  }
  std::string all = digits();
  if (peek() == '.' && is_digit(peek(1))) return floating(start);
  std::uint32_t base = 10;
  if (peek() == '#') {
    std::from_chars(all.data(), all.data() + all.size(), base);
    if (base < 2 || base > 36) refuse(start, "a base is from 2 to 36");
    ++at_;
    all = digits();
  }
  const std::vector<std::uint8_t> size = magnitude(all, base, start);
  out.big(negative, size);
  return value::of(out.take());
}

value pattern_reader::floating(std::size_t start) {
  while (is_digit(peek()) || peek() == '.' || peek() == '_' || peek() == 'e' || peek() == 'E' ||
         ((peek() == '-' || peek() == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))
    ++at_;
  std::string written(text_.substr(start, at_ - start));
  std::erase_if(written, [](char c) { return c == '_' || c == '+'; });
  double read = 0;
  const auto [stop, trouble] = std::from_chars(written.data(), written.data() + written.size(), read);
  if (trouble != std::errc{} || stop != written.data() + written.size()) refuse(start, "this is no number");
  etf::vector_writer out(16);
  out.floating(read);
  return value::of(out.take());
}

std::vector<std::uint8_t> pattern_reader::magnitude(std::string_view all, std::uint32_t base,
                                                    std::size_t start) const {
  constexpr std::size_t most_digits = 1000;
  if (all.empty() || all.size() > most_digits) refuse(start, "this is no number of up to 1000 digits");
  std::vector<std::uint8_t> out;
  for (const char c : all) {
    const std::uint32_t digit = is_digit(c)   ? std::uint32_t(c - '0')
                                : is_lower(c) ? std::uint32_t(c - 'a' + 10)
                                : is_upper(c) ? std::uint32_t(c - 'A' + 10)
                                              : base;
    if (digit >= base) refuse(start, "this number has a digit that its base does not have");
    std::uint32_t carry = digit;
    for (std::uint8_t& each : out) {
      carry += each * base;
      each = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry != 0) out.push_back(static_cast<std::uint8_t>(carry));
  }
  return out;
}

} // namespace coppice::testing::detail
