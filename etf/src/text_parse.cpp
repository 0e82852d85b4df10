// SPDX-License-Identifier: MIT
// Erlang syntax to bytes: a lexer by hand and a stack of open containers, so that depth is a limit and not a
// crash. Terms are built as values and encoded at the end, which gives every list and number the spelling
// OTP would. Errors carry the column of the offending character.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/utf8.hpp>
#include <coppice/etf/validate.hpp>

#include "base64.hpp"
#include "wide_integer.hpp"

namespace coppice::etf {

namespace {

constexpr std::uint64_t most_segment_bits = 1U << 20;

struct container {
  enum class type : std::uint8_t { tuple, list, map } what;
  std::vector<term> elements;
  bool tail = false; ///< the element after `|`
  std::size_t at;    ///< where it was opened
};

class parser {
 public:
  parser(std::string_view text, const text_options& options) : text_(text), options_(options) {}

  result<std::vector<std::uint8_t>> run() {
    term value;
    if (!whole(value)) return trouble();
    skip_space();
    if (peek() == '.') ++at_;
    skip_space();
    if (at_ != text_.size()) return refuse("the end of the term expected"), trouble();
    std::vector<std::uint8_t> out = value.encode();
    if (const auto good = validate(out, options_.bounds); !good)
      return fail(good.error().code, 1, 0, good.error().what);
    return out;
  }

 private:
  // Characters

  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  bool accept(std::string_view what) {
    if (!starts(what)) return false;
    at_ += what.size();
    return true;
  }
  bool expect(std::string_view what) {
    skip_space();
    return accept(what) || refuse("\"" + std::string(what) + "\" expected");
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' ||
           (c & 0x80) != 0;
  }
  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '%') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        if (at_ == text_.size()) return;
      } else if (std::strchr(" \t\r\n\f\v", text_[at_]) == nullptr || text_[at_] == '\0') {
        return;
      }
    }
  }

  // Errors

  bool refuse(std::string what) { return refuse_at(at_, std::move(what)); }
  bool refuse_at(std::size_t at, std::string what, errc code = errc::syntax) {
    if (!found_) found_ = {code, at, 0, std::move(what)};
    return false;
  }
  tl::unexpected<error> trouble() const {
    const std::string_view before = text_.substr(0, std::min(found_->offset, text_.size()));
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::string_view line = before.substr(before.rfind('\n') + 1);
    const auto column =
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }) + 1;
    error out = *found_;
    out.offset = static_cast<std::size_t>(column);
    if (lines != 0) out.what += " in line " + std::to_string(lines + 1);
    return tl::unexpected<error>(std::move(out));
  }

  // Containers

  bool whole(term& out) {
    std::vector<container> open;
    for (;;) {
      skip_space();
      term value;
      if (begins_container(open)) {
        if (open.size() > options_.bounds.depth) {
          return refuse_at(open.back().at, "a term within the limit of depth expected", errc::too_deep);
        }
        skip_space();
        if (!accept(open.back().what == container::type::list ? "]" : "}")) continue;
        if (!close(open, value)) return false;
      } else if (found_ || !leaf(value)) {
        return false;
      }
      bool ready = true;
      while (ready) {
        if (open.empty()) return out = std::move(value), true;
        open.back().elements.push_back(std::move(value));
        if (!after_element(open, value, ready)) return false;
      }
    }
  }

  bool begins_container(std::vector<container>& open) {
    const std::size_t start = at_;
    if (accept("#{"))
      open.push_back({container::type::map, {}, false, start});
    else if (accept("{"))
      open.push_back({container::type::tuple, {}, false, start});
    else if (accept("["))
      open.push_back({container::type::list, {}, false, start});
    else
      return false;
    return true;
  }

  /// What follows an element: another (ready becomes false), or the end of its container (its value).
  bool after_element(std::vector<container>& open, term& value, bool& ready) {
    container& top = open.back();
    skip_space();
    ready = false;
    if (top.what == container::type::map) {
      if (top.elements.size() % 2 == 1) return accept("=>") || refuse("\"=>\" expected");
      if (accept(",")) return true;
      if (!accept("}")) return refuse("\",\" or \"}\" expected");
    } else if (top.what == container::type::tuple) {
      if (accept(",")) return true;
      if (!accept("}")) return refuse("\",\" or \"}\" expected");
    } else {
      if (!top.tail && accept(",")) return true;
      if (!top.tail && accept("|")) return top.tail = true;
      if (!accept("]")) return refuse(top.tail ? "\"]\" expected" : "\",\", \"|\" or \"]\" expected");
    }
    ready = true;
    return close(open, value);
  }

  bool close(std::vector<container>& open, term& value) {
    container done = std::move(open.back());
    open.pop_back();
    if (done.what == container::type::tuple) {
      value = term::tuple(std::move(done.elements));
    } else if (done.what == container::type::list) {
      term tail;
      if (done.tail) {
        tail = std::move(done.elements.back());
        done.elements.pop_back();
      }
      value = term::improper_list(std::move(done.elements), std::move(tail));
    } else {
      std::vector<std::pair<term, term>> pairs(done.elements.size() / 2);
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        pairs[i] = {std::move(done.elements[2 * i]), std::move(done.elements[2 * i + 1])};
      }
      auto made = term::unique_map(std::move(pairs));
      if (!made) return refuse_at(done.at, "each key only once expected in a map", errc::duplicate_key);
      value = std::move(*made);
    }
    return true;
  }

  // Leaves

  bool leaf(term& out) {
    const char c = peek();
    if (is_digit(c) || ((c == '-' || c == '+') && (is_digit(peek(1)) || peek(1) == '$'))) return number(out);
    if (c == '$') return character_value(out, false);
    if (c == '"') return string(out);
    if (starts("<<")) return binary(out);
    if (c == '<') return local_pid(out);
    if (c == '#') return hash_form(out);
    if (c == '\'' || (c >= 'a' && c <= 'z') || (c & 0x80) != 0) return word(out);
    if (at_ == text_.size()) return refuse("a term expected, not the end");
    if (c == '_' || (c >= 'A' && c <= 'Z')) return refuse("a term expected: variables have no value here");
    return refuse("a term expected");
  }

  bool word(term& out) {
    const bool quoted = peek() == '\'';
    std::string name;
    if (!atom(name)) return false;
    if (quoted || name != "fun") return out = term::atom(name), true;
    skip_space();
    std::string module, function;
    std::uint64_t arity;
    if (!atom(module) || !expect(":")) return false;
    skip_space();
    if (!atom(function) || !expect("/")) return false;
    skip_space();
    const std::size_t start = at_;
    if (!plain_number(arity)) return false;
    if (arity > 255) return refuse_at(start, "an arity of 0 to 255 expected");
    out = term::exported_fun(module, function, static_cast<std::uint8_t>(arity));
    return true;
  }

  bool atom(std::string& name) {
    const std::size_t start = at_;
    if (accept("'")) {
      std::uint32_t c;
      while (!accept("'")) {
        if (!character(c)) return false;
        utf8::append(name, c);
      }
    } else {
      if (!((peek() >= 'a' && peek() <= 'z') || (peek() & 0x80) != 0)) return refuse("an atom expected");
      while (is_word(peek())) name += text_[at_++];
    }
    const std::ptrdiff_t length =
        utf8::length(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
    if (length < 0) return refuse_at(start, "an atom in UTF-8 expected");
    if (static_cast<std::size_t>(length) > options_.bounds.atom_characters)
      return refuse_at(start, "an atom of fewer characters expected", errc::too_large);
    return true;
  }

  /// One character of a quoted text, escapes resolved.
  bool character(std::uint32_t& c) {
    if (at_ >= text_.size()) return refuse("a closing quote expected");
    if (peek() != '\\') {
      const std::size_t step =
          utf8::decode(reinterpret_cast<const std::uint8_t*>(text_.data()) + at_, text_.size() - at_, c);
      if (step == 0) return refuse("text in UTF-8 expected");
      return at_ += step, true;
    }
    const std::size_t start = at_++;
    if (at_ >= text_.size()) return refuse("a character expected after \\");
    const char e = text_[at_++];
    constexpr std::string_view names = "btnvfresd", values = "\b\t\n\v\f\r\x1b \x7f";
    if (e == 'x') return hex_escape(c, start);
    if (e >= '0' && e <= '7') {
      c = static_cast<std::uint32_t>(e - '0');
      for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7'; ++i)
        c = c * 8 + static_cast<std::uint32_t>(text_[at_++] - '0');
      return true;
    }
    if (e == '^') {
      if (at_ >= text_.size()) return refuse("a letter expected after \\^");
      return c = static_cast<std::uint32_t>(text_[at_++]) & 31U, true;
    }
    const std::size_t known = names.find(e);
    if (known < values.size()) return c = static_cast<std::uint8_t>(values[known]), true;
    --at_;
    const std::size_t step =
        utf8::decode(reinterpret_cast<const std::uint8_t*>(text_.data()) + at_, text_.size() - at_, c);
    if (step == 0) return refuse("text in UTF-8 expected");
    return at_ += step, true;
  }

  bool hex_escape(std::uint32_t& c, std::size_t start) {
    const bool braced = accept("{");
    c = 0;
    std::size_t digits = 0;
    for (; (braced || digits < 2) && wide_integer::digit_of(peek()) < 16 && digits < 7; ++digits, ++at_) {
      c = c * 16 + wide_integer::digit_of(peek());
    }
    if (digits == 0 || (!braced && digits != 2) || (braced && !accept("}")))
      return refuse("hexadecimal digits expected after \\x");
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return refuse_at(start, "a Unicode character expected");
    return true;
  }

  bool characters(std::vector<std::uint32_t>& out) {
    std::uint32_t c;
    while (!accept("\"")) {
      if (!character(c)) return false;
      out.push_back(c);
    }
    return true;
  }

  bool string(term& out) {
    std::vector<std::uint32_t> all;
    while (accept("\"")) {
      if (!characters(all)) return false;
      skip_space();
    }
    std::vector<term> elements;
    elements.reserve(all.size());
    for (const std::uint32_t c : all) elements.push_back(term::integer(c));
    out = term::list(std::move(elements));
    return true;
  }

  bool character_value(term& out, bool negative) {
    ++at_;
    std::uint32_t c;
    if (!character(c)) return false;
    out = term::integer(negative ? -std::int64_t{c} : std::int64_t{c});
    return true;
  }

  // Numbers

  bool plain_number(std::uint64_t& value) {
    const char* const begin = text_.data() + at_;
    const auto [end, trouble] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (trouble != std::errc{}) return refuse("a number expected");
    at_ += static_cast<std::size_t>(end - begin);
    return true;
  }

  /// Digits with single underscores between them, appended without the underscores.
  bool digits(std::string& to, unsigned base) {
    const std::size_t before = to.size();
    for (;; ++at_) {
      if (wide_integer::digit_of(peek()) < base)
        to += peek();
      else if (peek() != '_' || to.size() == before || wide_integer::digit_of(peek(1)) >= base)
        break;
    }
    return to.size() != before || refuse("a digit expected");
  }

  bool number(term& out) {
    const bool negative = peek() == '-';
    if (peek() == '-' || peek() == '+') ++at_;
    if (peek() == '$') return character_value(out, negative);
    const std::size_t start = at_;
    std::string text;
    unsigned base = 10;
    if (!digits(text, 10)) return false;
    if (peek() == '#' && wide_integer::digit_of(peek(1)) < 36) {
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), base);
      if (parsed.ec != std::errc{} || base < 2 || base > 36)
        return refuse_at(start, "a base from 2 to 36 expected");
      ++at_;
      text.clear();
      if (!digits(text, base)) return false;
    } else if (peek() == '.' && is_digit(peek(1))) {
      return real(out, std::move(text), negative, start);
    }
    return integer(out, text, base, negative, start);
  }

  bool integer(term& out, const std::string& text, unsigned base, bool negative, std::size_t start) {
    std::uint64_t small = 0;
    const auto parsed =
        std::from_chars(text.data(), text.data() + text.size(), small, static_cast<int>(base));
    if (parsed.ec == std::errc{} && small <= INT64_MAX) {
      out = term::integer(negative ? -static_cast<std::int64_t>(small) : static_cast<std::int64_t>(small));
      return true;
    }
    wide_integer wide;
    wide.negative = negative;
    if ((base & (base - 1)) == 0) {
      wide.assign(text, static_cast<unsigned>(__builtin_ctz(base)));
    } else {
      if (text.size() > 20'000)
        return refuse_at(start, "an integer of at most 20000 digits expected; write a longer one in base 16",
                         errc::too_large);
      for (const char c : text) wide.push(base, wide_integer::digit_of(c));
    }
    out = wide.value();
    return true;
  }

  bool real(term& out, std::string text, bool negative, std::size_t start) {
    ++at_;
    text += '.';
    if (!digits(text, 10)) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      text += 'e';
      if (peek() == '-') text += '-';
      if (peek() == '-' || peek() == '+') ++at_;
      if (!digits(text, 10)) return false;
    }
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{}) return refuse_at(start, "a float that 64 bits can hold expected");
    out = term::floating(negative ? -value : value);
    return true;
  }

  // Binaries

  struct bit_buffer {
    std::vector<std::uint8_t> data;
    unsigned used = 8; ///< bits in the last byte

    void push(bool bit) {
      if (used == 8) data.push_back(0), used = 0;
      if (bit) data.back() = static_cast<std::uint8_t>(data.back() | 0x80U >> used);
      ++used;
    }
    void push_byte(std::uint8_t byte) {
      if (used == 8) return data.push_back(byte);
      for (int i = 7; i >= 0; --i) push((byte >> i & 1) != 0);
    }
  };

  bool binary(term& out) {
    at_ += 2;
    bit_buffer to;
    skip_space();
    if (!accept(">>")) {
      do {
        skip_space();
        if (!segment(to)) return false;
        skip_space();
      } while (accept(","));
      if (!accept(">>")) return refuse("\",\" or \">>\" expected");
    }
    out = term::bitstring(to.data, to.used);
    return true;
  }

  bool segment(bit_buffer& to) {
    const std::size_t start = at_;
    if (accept("\"")) {
      std::vector<std::uint32_t> all;
      if (!characters(all)) return false;
      const bool as_utf8 = accept("/utf8");
      for (const std::uint32_t c : all) {
        std::string text;
        if (as_utf8)
          utf8::append(text, c);
        else
          text.push_back(static_cast<char>(c));
        for (const char byte : text) to.push_byte(static_cast<std::uint8_t>(byte));
      }
      return true;
    }
    term value;
    const char c = peek();
    if (!is_digit(c) && c != '$' && c != '-' && c != '+')
      return refuse("an integer or a string expected in a binary");
    if (c == '$' ? !character_value(value, false) : !number(value)) return false;
    std::uint64_t bits = 8;
    if (accept(":") && !plain_number(bits)) return false;
    if (bits > most_segment_bits) return refuse_at(start, "a segment of fewer bits expected");
    return integer_segment(to, value, bits, start);
  }

  bool integer_segment(bit_buffer& to, const term& value, std::uint64_t bits, std::size_t start) {
    const std::vector<std::uint8_t> encoded = value.encode();
    cursor in{bytes(encoded)};
    std::int64_t small;
    bool negative;
    bytes wide;
    std::vector<std::uint8_t> magnitude;
    if (in.read_integer(small)) {
      negative = small < 0;
      const std::uint64_t size =
          negative ? 0 - static_cast<std::uint64_t>(small) : static_cast<std::uint64_t>(small);
      for (int i = 0; i < 64; i += 8) magnitude.push_back(static_cast<std::uint8_t>(size >> i));
    } else if (in.read_big(negative, wide)) {
      magnitude.assign(wide.begin(), wide.end());
    } else {
      return refuse_at(start, "an integer expected in a binary");
    }
    if (negative) { // two's complement
      unsigned carry = 1;
      for (std::uint8_t& byte : magnitude) {
        carry += static_cast<std::uint8_t>(~byte);
        byte = static_cast<std::uint8_t>(carry);
        carry >>= 8;
      }
    }
    for (std::uint64_t i = bits; i-- != 0;) {
      const std::size_t at = i / 8;
      to.push(at < magnitude.size() ? (magnitude[at] >> (i % 8) & 1) != 0 : negative);
    }
    return true;
  }

  // Identities

  bool fits32(std::uint64_t value, std::size_t start) {
    return value <= UINT32_MAX || refuse_at(start, "a number of 32 bits expected");
  }

  /// `.N`
  bool dotted(std::uint64_t& value) { return expect(".") && plain_number(value); }
  bool dotted(std::uint32_t& value) {
    std::uint64_t wide;
    const std::size_t start = at_;
    if (!dotted(wide) || !fits32(wide, start)) return false;
    return value = static_cast<std::uint32_t>(wide), true;
  }

  bool local_pid(term& out) {
    ++at_;
    std::uint64_t zero;
    etf::pid value{options_.node, 0, 0, options_.creation};
    const std::size_t start = at_;
    if (!plain_number(zero)) return false;
    if (zero != 0)
      return refuse_at(start,
                       "0 expected: a pid of another node is written #Pid<'node@host'.Creation.Id.Serial>");
    if (!dotted(value.id) || !dotted(value.serial) || !expect(">")) return false;
    out = term::pid(value);
    return true;
  }

  bool hash_form(term& out) {
    if (accept("#Pid<")) {
      etf::pid value;
      if (!node(value.creation) || !dotted(value.id) || !dotted(value.serial) || !expect(">")) return false;
      value.node = node_;
      return out = term::pid(value), true;
    }
    if (accept("#Port<")) {
      etf::port value;
      if (!node(value.creation) || !dotted(value.id) || !expect(">")) return false;
      value.node = node_;
      return out = term::port(value), true;
    }
    if (accept("#Ref<")) return reference(out);
    if (accept("#Fun<")) return fun(out);
    return refuse("#{, #Pid<, #Ref<, #Port< or #Fun< expected");
  }

  bool node(std::uint32_t& creation) {
    node_.clear();
    return atom(node_) && dotted(creation);
  }

  bool reference(term& out) {
    etf::reference value;
    if (!node(value.creation)) return false;
    while (peek() == '.') {
      if (value.count == value.words.size()) return refuse("at most five words expected in a reference");
      if (!dotted(value.words[value.count++])) return false;
    }
    if (value.count == 0) return refuse("the words of a reference expected");
    if (!expect(">")) return false;
    value.node = node_;
    return out = term::reference(value), true;
  }

  bool fun(term& out) {
    const std::size_t start = at_, end = text_.find('>', at_);
    if (end == text_.npos) return refuse("\">\" expected");
    const auto encoded = base64_decode(text_.substr(at_, end - at_));
    at_ = end + 1;
    if (encoded) {
      auto made = term::decode(*encoded, options_.bounds);
      if (made && made->kind() == kind::fun) return out = std::move(*made), true;
    }
    return refuse_at(start, "a fun in base64 expected");
  }

  std::string_view text_;
  const text_options& options_;
  std::size_t at_ = 0;
  std::string node_;
  std::optional<error> found_;
};

} // namespace

result<std::vector<std::uint8_t>> parse(std::string_view erlang_text, const text_options& options) {
  return parser(erlang_text, options).run();
}

} // namespace coppice::etf
