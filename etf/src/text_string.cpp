// SPDX-License-Identifier: MIT
// Strings in Erlang text: "a" "b" joined; OTP 27's triple-quoted strings, whose lines stand verbatim without
// the indentation of the closing quotes; its sigils, ~b"…" and ~ for binaries in UTF-8, ~s"…" for lists of
// characters, in capitals without escapes, between any of its delimiters.
// Source: Erlang Reference Manual, "Data Types": String, Sigil; EEP 64 and 66.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/etf/utf8.hpp>

#include "text_values.hpp"

namespace coppice::etf {

namespace {

using text_characters = std::vector<std::uint32_t>;

term list_of(const text_characters& all) {
  std::vector<term> elements;
  elements.reserve(all.size());
  for (const std::uint32_t c : all) elements.push_back(term::integer(c));
  return term::list(std::move(elements));
}

term binary_of(const text_characters& all) {
  std::string text;
  for (const std::uint32_t c : all) utf8::append(text, c);
  return term::binary(text);
}

std::size_t leading(std::string_view text, std::string_view of) {
  return std::min(text.find_first_not_of(of), text.size());
}

/// The characters of one line of a triple-quoted string, its escapes resolved unless verbatim. An escaped
/// line feed is passed too.
bool line_characters(text_reader& in, std::size_t size, bool verbatim, text_characters& out) {
  for (const std::size_t end = in.at() + size; in.at() < end;) {
    std::uint32_t c;
    if (verbatim ? !in.plain_character(c) : !in.character(c)) return false;
    out.push_back(c);
  }
  return true;
}

/// Where the line with the closing quotes begins, from the start of the first line of content; npos if none
/// does. `indent` is the space before the quotes.
std::size_t closing_line(std::string_view content, std::size_t quotes, std::string_view& indent) {
  for (std::size_t at = 0; at < content.size();) {
    const std::string_view line = content.substr(at);
    indent = line.substr(0, leading(line, " \t"));
    if (leading(line.substr(indent.size()), "\"") >= quotes) return at;
    const std::size_t end = content.find('\n', at);
    if (end == content.npos) break;
    at = end + 1;
  }
  return content.npos;
}

/// At the quotes, three or more.
bool read_triple_quoted(text_reader& in, bool verbatim, text_characters& out) {
  const std::size_t start = in.at(), quotes = leading(in.rest(), "\"");
  in.advance(quotes);
  in.advance(leading(in.rest(), " \t\r"));
  if (!in.accept("\n")) return in.refuse("the end of the line expected after triple quotes");
  std::string_view indent;
  const std::size_t close = closing_line(in.rest(), quotes, indent);
  if (close == std::string_view::npos)
    return in.refuse_at(start, "closing triple quotes on a line of their own expected");
  const std::size_t stop = in.at() + close;
  while (in.at() < stop) {
    std::string_view line = in.rest().substr(0, in.rest().find('\n'));
    const std::size_t next = in.at() + line.size() + 1;
    if (next == stop && line.ends_with('\r')) line.remove_suffix(1); // of the line's end that is not content
    if (line.starts_with(indent)) {
      in.advance(indent.size());
      if (!line_characters(in, line.size() - indent.size(), verbatim, out)) return false;
    } else if (!line.empty() && line != "\r") {
      return in.refuse("the indentation of the closing triple quotes expected");
    }
    if (in.at() == next && next == stop) return in.refuse_at(next - 1, "a character expected after \\");
    if (in.at() == next) continue;
    if (next != stop) out.push_back('\n');
    in.advance(next - in.at());
  }
  in.advance(indent.size() + quotes);
  return true;
}

/// The character that closes what `opening` opens; 0 if it opens nothing.
char closing(char opening) {
  constexpr std::string_view opens = "([{</|'\"`#", closes = ")]}>/|'\"`#";
  const std::size_t at = opens.find(opening);
  return at < closes.size() ? closes[at] : '\0';
}

} // namespace

bool read_string(text_reader& in, term& out) {
  text_characters all;
  while (in.peek() == '"') {
    if (in.starts("\"\"\"")) {
      if (!read_triple_quoted(in, true, all)) return false;
    } else {
      in.advance(1);
      if (!in.characters(all, '"')) return false;
    }
    in.skip_space();
  }
  out = list_of(all);
  return true;
}

bool read_sigil(text_reader& in, term& out) {
  const std::size_t start = in.at();
  in.advance(1);
  std::string name;
  while (text_reader::is_word(in.peek())) name += in.peek(), in.advance(1);
  if (name.size() > 1 || (!name.empty() && std::string_view("bBsS").find(name[0]) == std::string_view::npos))
    return in.refuse_at(start, "a sigil ~, ~b, ~B, ~s or ~S expected");
  const bool triple = in.starts("\"\"\""), plain = name.empty();
  const bool verbatim = plain ? triple : name == "B" || name == "S";
  const char end = in.at_end() ? '\0' : closing(in.peek());
  if (end == '\0') return in.refuse("a delimiter expected after a sigil: \" ' ( [ { < / | ` or #");
  text_characters all;
  if (triple) {
    if (!read_triple_quoted(in, verbatim, all)) return false;
  } else {
    in.advance(1);
    if (!in.characters(all, end, verbatim)) return false;
  }
  if (text_reader::is_word(in.peek())) return in.refuse("no suffix expected behind a sigil");
  out = name == "s" || name == "S" ? list_of(all) : binary_of(all);
  return true;
}

} // namespace coppice::etf
