// SPDX-License-Identifier: MIT
// Uses a stack of open containers instead of recursion; reads only as much of a text, a binary or a large
// integer as there is room for. Source: io_lib.erl and io_lib_pretty.erl of OTP 25 for quoting, escaping and
// recognising text, with the default latin1 range of printable characters.
#include "services/io/io_term.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/utf8.hpp>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace coppice::services {
namespace {

using characters = std::vector<std::uint32_t>;

bool is_printable(std::uint32_t c) {
  return (c >= 8 && c <= 13) || c == 27 || (c >= 32 && c <= 126) || (c >= 160 && c <= 255);
}

void put_escaped(std::string& out, std::uint32_t c, char quote, bool unicode) {
  constexpr std::string_view named = "btnvfr";
  if (c == '\\' || c == static_cast<std::uint32_t>(quote)) out += '\\';
  if (c >= 8 && c <= 13) {
    out += '\\';
    out += named[c - 8];
  } else if (c == 27 || c == 127) {
    out += c == 27 ? "\\e" : "\\d";
  } else if (c < 32 || (c > 127 && c < 160)) {
    out += '\\';
    for (const unsigned shift : {6U, 3U, 0U}) out += static_cast<char>('0' + (c >> shift & 7));
  } else if (c <= 255 || unicode) {
    etf::utf8::append(out, c);
  } else {
    char digits[8];
    const auto* const end = std::to_chars(digits, digits + sizeof digits, c, 16).ptr;
    out += "\\x{";
    std::transform(static_cast<const char*>(digits), end, std::back_inserter(out),
                   [](char digit) { return digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit; });
    out += '}';
  }
}

void put_quoted(std::string& out, const characters& all, char quote, bool unicode) {
  out += quote;
  for (const std::uint32_t c : all) put_escaped(out, c, quote, unicode);
  out += quote;
}

// The first `most` characters of UTF-8 text. Empty: not UTF-8.
std::optional<characters> decoded(etf::bytes text, std::size_t most) {
  characters out;
  for (std::size_t at = 0; at < text.size() && out.size() < most;) {
    std::uint32_t c = 0;
    const std::size_t step = etf::utf8::decode(text.data() + at, text.size() - at, c);
    if (step == 0) return std::nullopt;
    out.push_back(c);
    at += step;
  }
  return out;
}

bool is_lower(std::uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7);
}

bool is_name_character(std::uint32_t c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
         (c >= '0' && c <= '9') || c == '_' || c == '@';
}

void put_atom(std::string& out, std::string_view name, bool unicode) {
  const auto all = decoded({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}, name.size())
                       .value_or(characters());
  const bool is_word = !all.empty() && is_lower(all.front()) && std::ranges::all_of(all, is_name_character);
  // An ASCII atom that looks like a name and is quoted all the same is a reserved word.
  const bool is_reserved = std::ranges::all_of(all, [](std::uint32_t c) { return c < 128; }) &&
                           etf::print_atom(name).starts_with('\'');
  if (is_word && !is_reserved) {
    out += name;
  } else {
    put_quoted(out, all, '\'', unicode);
  }
}

// Writes a binary as one text for ~p: as UTF-8 if `unicode` is set and the bytes are valid, else as latin1.
// If the binary is longer, its first `most` characters decide and are written.
bool put_binary_text(std::string& out, etf::bytes data, bool unicode, std::size_t most) {
  const auto utf8 = unicode ? decoded(data, most) : std::nullopt;
  const etf::bytes shown = data.first(std::min(data.size(), most));
  const characters all = utf8 ? *utf8 : characters(shown.begin(), shown.end());
  if (all.empty() || !std::ranges::all_of(all, is_printable)) return false;
  out += "<<";
  put_quoted(out, all, '"', true);
  out += utf8 && utf8->size() != data.size() ? "/utf8>>" : ">>";
  return true;
}

void put_binary(std::string& out, etf::bytes data, unsigned bits, io_style how, std::size_t most) {
  if (how.texts && bits == 8 && put_binary_text(out, data, how.unicode, most)) return;
  out += "<<";
  for (std::size_t i = 0; i < data.size() && i < most; ++i) {
    const bool is_part = bits != 8 && i + 1 == data.size();
    if (i != 0) out += ',';
    out += std::to_string(is_part ? data[i] >> (8 - bits) : data[i]);
    if (is_part) out += ':' + std::to_string(bits);
  }
  out += ">>";
}

// Reads a list that is text up to its end, or for `most` characters; else reads nothing.
bool read_text(etf::cursor& in, characters& out, std::size_t most) {
  etf::cursor ahead = in;
  etf::bytes text;
  std::uint32_t length = 0;
  out.clear();
  if (ahead.read_string(text)) {
    text = text.first(std::min(text.size(), most));
    out.assign(text.begin(), text.end());
  } else {
    std::int64_t c = 0;
    if (!ahead.read_list(length)) return false;
    for (; length > 0 && out.size() < most && ahead.read_integer(c) && c >= 0 && c <= 255; --length)
      out.push_back(static_cast<std::uint32_t>(c));
    const bool is_cut = length > 0 && out.size() == most;
    if (!is_cut && (length > 0 || !ahead.read_nil())) return false;
  }
  if (out.empty() || !std::ranges::all_of(out, is_printable)) return false;
  in = ahead;
  return true;
}

struct container {
  char closing = '}';
  std::uint64_t left = 0; // terms, without a list's tail; of a map keys and values
  bool has_tail = false;
  bool is_map = false;
  bool first = true;
  etf::bytes text{}; // unread bytes of a list of bytes
};

class writer {
 public:
  writer(std::string& out, etf::bytes term, io_style how, std::size_t most)
      : out_(out), in_(term), how_(how), most_(most) {}

  void run() {
    bool whole = head();
    while (whole && !open_.empty() && out_.size() <= most_) whole = step();
  }

 private:
  // Characters worth writing: one more than the room left below `most`.
  std::size_t room() const { return out_.size() > most_ ? 1 : most_ - out_.size() + 1; }

  bool head() {
    std::uint32_t count = 0;
    container made;
    characters text;
    in_.skip_empty_heads();
    switch (in_.peek()) {
      case etf::kind::tuple:
        if (!in_.read_tuple(count)) return false;
        out_ += '{';
        made.left = count;
        break;
      case etf::kind::map:
        if (!in_.read_map(count)) return false;
        out_ += "#{";
        made.left = std::uint64_t{count} * 2;
        made.is_map = true;
        break;
      case etf::kind::list:
        if (how_.texts && read_text(in_, text, room())) return put_quoted(out_, text, '"', true), true;
        if (!in_.read_string(made.text) && !in_.read_list(count)) return false;
        out_ += '[';
        made.closing = ']';
        made.left = count;
        made.has_tail = made.text.empty();
        break;
      default:
        return leaf();
    }
    open_.push_back(made);
    return true;
  }

  // Writes the next element of the innermost container, its tail or its end.
  bool step() {
    container& top = open_.back();
    if (!top.text.empty()) {
      separate(top);
      out_ += std::to_string(top.text.front());
      top.text = top.text.subspan(1);
      return true;
    }
    if (top.left > 0) {
      separate(top);
      --top.left;
      return head();
    }
    if (!top.has_tail || in_.read_nil()) {
      out_ += top.closing;
      open_.pop_back();
      return true;
    }
    return tail(top);
  }

  // The tail of a list: it continues the list or ends an improper one.
  bool tail(container& top) {
    in_.skip_empty_heads();
    if (in_.read_string(top.text)) {
      top.has_tail = false;
      return true;
    }
    if (std::uint32_t more = 0; in_.peek() == etf::kind::list) {
      if (!in_.read_list(more)) return false;
      top.left = more;
      return true;
    }
    if (in_.peek() == etf::kind::nil) return true;
    out_ += '|';
    top.has_tail = false;
    return head();
  }

  void separate(container& top) {
    if (!top.first) out_ += top.is_map && top.left % 2 == 1 ? " => " : ",";
    top.first = false;
  }

  bool leaf() {
    etf::bytes whole;
    etf::bytes data;
    unsigned bits = 0;
    double real = 0;
    std::string_view name;
    if (!in_.read_term(whole)) return false;
    etf::cursor at(whole);
    if (at.read_atom(name)) {
      put_atom(out_, name, how_.unicode);
    } else if (at.read_bitstring(data, bits)) {
      put_binary(out_, data, bits, how_, room());
    } else if (at.read_float(real)) {
      out_ += io_float(real);
    } else {
      out_ += etf::print(whole, {.most = room()});
    }
    return true;
  }

  std::string& out_;
  etf::cursor in_;
  const io_style how_;
  const std::size_t most_;
  std::vector<container> open_;
};

} // namespace

void write_io_term(std::string& out, etf::bytes term, io_style how, std::size_t most) {
  writer(out, term, how, most).run();
}

// OTP's choice between the two notations: the shorter one, but always an exponent from 2^53 on.
std::string io_float(double value) {
  char text[40];
  const auto* const end =
      std::to_chars(text, text + sizeof text, std::abs(value), std::chars_format::scientific).ptr;
  const std::string_view all(text, static_cast<std::size_t>(end - text));
  const std::size_t e = all.find('e');
  std::string digits(all.substr(0, e));
  std::erase(digits, '.');
  const int exponent = std::atoi(std::string(all.substr(e + 1)).c_str());
  const int length = static_cast<int>(digits.size());
  const int place = value == 0 ? 1 : exponent + 1; // digits before the point
  const std::string written = std::to_string(place - 1);
  const int cost = static_cast<int>(written.size()) + 1 + (length == 1 ? 2 : 1);
  const std::string sign = std::signbit(value) ? "-" : "";
  const bool fits = std::abs(value) < 9007199254740992.0;
  if (fits && place > 0 && place < length)
    return sign + digits.substr(0, static_cast<std::size_t>(place)) + "." +
           digits.substr(static_cast<std::size_t>(place));
  if (fits && place <= 0 && (place == 0 || 2 - place <= cost))
    return sign + "0." + std::string(static_cast<std::size_t>(-place), '0') + digits;
  if (fits && place >= length && place - length + 2 <= cost)
    return sign + digits + std::string(static_cast<std::size_t>(place - length), '0') + ".0";
  return sign + digits.substr(0, 1) + "." + (length == 1 ? "0" : digits.substr(1)) + "e" + written;
}

} // namespace coppice::services
