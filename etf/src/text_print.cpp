// SPDX-License-Identifier: MIT
// Bytes to Erlang syntax. `flat` writes a term on one line with a stack of open containers instead of calls;
// `pretty` tries each container flat within what is left of the line and breaks the ones that do not fit.
// Whatever may be long is only looked at as far as there is room for it.
// Numbers beyond a few hundred digits are printed in base 16, which is linear and parses back the same.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/utf8.hpp>

#include "base64.hpp"

namespace coppice::etf {

namespace {

constexpr std::size_t decimal_bytes = 256; ///< of an integer's magnitude; longer ones are printed in base 16
constexpr std::array<std::string_view, 29> reserved{
    "after", "and",   "andalso", "band",   "begin",   "bnot", "bor", "bsl",  "bsr", "bxor",
    "case",  "catch", "cond",    "div",    "else",    "end",  "fun", "if",   "let", "maybe",
    "not",   "of",    "or",      "orelse", "receive", "rem",  "try", "when", "xor"};

bool is_printable(std::uint32_t c) {
  if (c >= 8 && c <= 13) return true; // \b \t \n \v \f \r
  return c == 27 || (c >= 32 && c < 127) || (c >= 0xA0 && c < 0xD800) || (c > 0xDFFF && c < 0xFFFE) ||
         (c > 0xFFFF && c <= 0x10FFFF);
}

void put_character(std::string& out, std::uint32_t c, char quote) {
  constexpr std::string_view named = "btnvfr";
  if (c >= 8 && c <= 13) return out += '\\', out += named[c - 8], void();
  if (c == 27) return void(out += "\\e");
  if (c == '\\' || c == static_cast<std::uint32_t>(quote)) out += '\\';
  if (is_printable(c)) return utf8::append(out, c);
  char digits[8];
  const auto end = std::to_chars(digits, digits + 8, c, 16).ptr;
  out += "\\x{";
  out.append(digits, end);
  out += '}';
}

void put_number(std::string& out, std::uint64_t value) {
  out += std::to_string(value);
}

void put_atom(std::string& out, std::string_view name) {
  const auto is_word = [](char c) {
    return c == '_' || c == '@' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const bool plain = !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
                     std::all_of(name.begin(), name.end(), is_word) &&
                     std::find(reserved.begin(), reserved.end(), name) == reserved.end();
  if (plain) return void(out += name);
  out += '\'';
  const auto* const at = reinterpret_cast<const std::uint8_t*>(name.data());
  for (std::size_t i = 0; i < name.size();) {
    std::uint32_t c = 0;
    const std::size_t step = utf8::decode(at + i, name.size() - i, c);
    put_character(out, step == 0 ? '?' : c, '\'');
    i += step == 0 ? 1 : step;
  }
  out += '\'';
}

void put_float(std::string& out, double value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string_view all(text, static_cast<std::size_t>(end - text));
  const std::size_t e = all.find('e');
  std::string_view mantissa = all.substr(0, e);
  out += mantissa;
  if (mantissa.find('.') == mantissa.npos) out += ".0";
  if (e == all.npos) return;
  std::string_view exponent = all.substr(e + 1);
  out += 'e';
  if (exponent.front() == '-') out += '-';
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent.front() == '0') exponent.remove_prefix(1);
  out += exponent;
}

/// At least its first `most` characters, as of all that take a `most` here.
void put_big(std::string& out, bool negative, bytes magnitude, std::size_t most) {
  while (!magnitude.empty() && magnitude.back() == 0) magnitude = magnitude.first(magnitude.size() - 1);
  if (magnitude.empty()) return void(out += '0');
  if (negative) out += '-';
  if (magnitude.size() > decimal_bytes) {
    out += "16#";
    const std::size_t end = magnitude.size() - std::min(magnitude.size(), most);
    for (std::size_t i = magnitude.size(); i-- != end;) {
      constexpr std::string_view digit = "0123456789ABCDEF";
      if (i + 1 != magnitude.size() || magnitude[i] > 15) out += digit[magnitude[i] >> 4];
      out += digit[magnitude[i] & 15];
    }
    return;
  }
  std::vector<std::uint32_t> words((magnitude.size() + 3) / 4);
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    words[i / 4] |= std::uint32_t{magnitude[i]} << (8 * (i % 4));
  std::string reversed;
  while (!words.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = words.size(); i-- != 0;) {
      rest = rest << 32 | words[i];
      words[i] = static_cast<std::uint32_t>(rest / 1000000000);
      rest %= 1000000000;
    }
    while (!words.empty() && words.back() == 0) words.pop_back();
    for (int i = 0; i < 9 && (rest != 0 || !words.empty()); ++i, rest /= 10)
      reversed += static_cast<char>('0' + rest % 10);
  }
  out.append(reversed.rbegin(), reversed.rend());
}

void put_binary(std::string& out, bytes data, unsigned bits, std::size_t most) {
  out += "<<";
  if (data.size() > most) { // whole characters of it, should it be text
    std::size_t end = most;
    while (end != 0 && most - end < 4 && (data[end] & 0xC0) == 0x80) --end;
    data = data.first(end);
    bits = 8;
  }
  bool is_text = bits == 8 && !data.empty(), is_ascii = true;
  for (std::size_t at = 0; is_text && at < data.size();) {
    std::uint32_t c = 0;
    const std::size_t step = utf8::decode(data.data() + at, data.size() - at, c);
    is_text = step != 0 && is_printable(c);
    is_ascii = is_ascii && c < 128;
    at += step;
  }
  if (is_text) {
    out += '"';
    for (std::size_t at = 0; at < data.size();) {
      std::uint32_t c = 0;
      at += utf8::decode(data.data() + at, data.size() - at, c);
      put_character(out, c, '"');
    }
    out += is_ascii ? "\"" : "\"/utf8";
  } else {
    for (std::size_t i = 0; i < data.size(); ++i) {
      if (i != 0) out += ',';
      const bool is_part = bits != 8 && i + 1 == data.size();
      put_number(out, is_part ? data[i] >> (8 - bits) : data[i]);
      if (is_part) out += ':', put_number(out, bits);
    }
  }
  out += ">>";
}

/// The characters of a list that is one text from here to its end, or for `most` of them; false (and nothing
/// taken) if it is not.
bool read_characters(cursor& in, std::vector<std::uint32_t>& out, std::size_t most) {
  bytes text;
  std::uint32_t length;
  cursor ahead = in;
  out.clear();
  if (ahead.read_string(text)) {
    text = text.first(std::min(text.size(), most));
    out.assign(text.begin(), text.end());
  } else {
    if (!ahead.read_list(length) || length == 0) return false;
    for (; length != 0 && out.size() < most; --length) {
      std::int64_t c;
      if (!ahead.read_integer(c) || c < 0 || c > 0x10FFFF) return false;
      if (!is_printable(static_cast<std::uint32_t>(c))) return false;
      out.push_back(static_cast<std::uint32_t>(c));
    }
    if (length == 0 && !ahead.read_nil()) return false;
  }
  if (!std::all_of(out.begin(), out.end(), is_printable)) return false;
  in = ahead;
  return true;
}

struct frame {
  char closing;
  std::uint64_t left = 0; ///< terms: of a tuple, of a list without its tail, keys and values of a map
  bool is_list = false;   ///< a tail is still to come
  bool is_map = false;
  bool first = true;
  bool broken = false;    ///< over several lines
  bool hides = false;     ///< what comes next is not to be shown: a map's value, or a tuple's other elements
  std::size_t indent = 0; ///< of its elements, when broken
  bytes text{};           ///< what is left of a STRING_EXT that is no text
};

class printer {
 public:
  printer(cursor in, const print_options& how) : in_(in), how_(how) {}

  std::string run() {
    if (!term(how_.pretty, how_.most)) out_ += out_.size() > how_.most ? "" : "?";
    if (out_.size() <= how_.most) return std::move(out_);
    std::size_t size = how_.most;
    while (size != 0 && (static_cast<std::uint8_t>(out_[size]) & 0xC0) == 0x80) --size;
    out_.resize(size);
    return std::move(out_ += "...");
  }

 private:
  /// One term. False if it is broken or became longer than `most`: then it is half written.
  bool term(bool pretty, std::size_t most) {
    const std::size_t start = out_.size();
    const std::size_t limit = most < SIZE_MAX - start ? start + most : SIZE_MAX;
    const std::size_t outer_limit = std::exchange(limit_, std::min(limit, limit_));
    const bool good = whole_term(pretty);
    limit_ = outer_limit;
    return good;
  }
  bool whole_term(bool pretty) {
    const std::size_t outer = open_.size();
    if (!head(pretty)) return false;
    while (open_.size() > outer) {
      if (out_.size() > limit_ || !step(pretty)) return false;
    }
    return out_.size() <= limit_;
  }
  /// Characters that are worth writing: with them it is too long.
  std::size_t room() const { return out_.size() > limit_ ? 0 : limit_ - out_.size() + (limit_ != SIZE_MAX); }

  std::size_t column() const {
    const std::size_t line = out_.rfind('\n') + 1; // npos + 1 is 0
    return static_cast<std::size_t>(
        std::count_if(out_.begin() + static_cast<std::ptrdiff_t>(line), out_.end(),
                      [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80; }));
  }

  bool is_container() const {
    const kind k = in_.peek();
    return k == kind::tuple || k == kind::map || k == kind::list;
  }

  /// A leaf, a container that fits on the line, or the opening of one that does not.
  bool head(bool pretty) {
    in_.skip_empty_heads();
    if (!pretty || !is_container()) return open(false);
    const cursor start = in_;
    const std::size_t size = out_.size(), outer = open_.size(), used = column();
    if (used < how_.width && term(false, how_.width - used)) return true;
    in_ = start;
    out_.resize(size);
    open_.resize(outer);
    return open(true);
  }

  bool open(bool broken) {
    std::uint32_t count = 0;
    frame made{'}'};
    switch (in_.peek()) {
      case kind::tuple:
        if (!in_.read_tuple(count)) return false;
        out_ += '{';
        made.left = count;
        made.hides = hides_after_first(count);
        break;
      case kind::map:
        if (!in_.read_map(count)) return false;
        out_ += "#{";
        made.left = std::uint64_t{count} * 2;
        made.is_map = true;
        break;
      case kind::list:
        if (characters()) return true;
        if (!in_.read_string(made.text) && !in_.read_list(count)) return false;
        out_ += '[';
        made.closing = ']';
        made.left = count;
        made.is_list = count != 0;
        break;
      default:
        return leaf();
    }
    made.broken = broken;
    if (broken) made.indent = column();
    open_.push_back(made);
    return true;
  }

  /// The next element of the innermost container, its tail or its end.
  bool step(bool pretty) {
    frame& top = open_.back();
    if (!top.text.empty()) {
      const std::size_t mark = separate(top);
      out_ += std::to_string(top.text.front());
      wrap(top, mark);
      top.text = top.text.subspan(1);
      return true;
    }
    if (top.left != 0) {
      const bool is_value = top.is_map && top.left % 2 == 1;
      if (top.hides && (is_value || (!top.is_map && !top.first))) return hide(top);
      if (top.is_map && !is_value) top.hides = is_hidden_key();
      const bool may_fill = !top.is_map && !is_container();
      const std::size_t mark = separate(top);
      --top.left;
      if (top.broken && !is_value && !may_fill && mark != 0) new_line(mark, top.indent);
      if (!may_fill) return head(pretty);
      const frame now = top;
      const bool good = head(pretty);
      wrap(now, mark);
      return good;
    }
    if (!top.is_list || in_.read_nil()) {
      out_ += top.closing;
      open_.pop_back();
      return true;
    }
    in_.skip_empty_heads();
    if (in_.peek() == kind::list) { // the same list goes on
      std::uint32_t more = 0;
      if (in_.read_string(top.text))
        top.is_list = false;
      else if (!in_.read_list(more))
        return false;
      top.left = more;
      return true;
    }
    out_ += '|';
    top.is_list = false;
    return head(pretty);
  }

  static bool has(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  }
  /// Behind the head of a tuple.
  bool hides_after_first(std::uint32_t count) const {
    if (how_.hides == nullptr || count < 2) return false;
    cursor ahead = in_;
    std::string_view name;
    bytes text;
    if (ahead.read_atom(name)) return has(how_.hides->tuples, name);
    return count == 2 && ahead.read_binary(text) &&
           has(how_.hides->pairs, {reinterpret_cast<const char*>(text.data()), text.size()});
  }
  bool is_hidden_key() const {
    cursor ahead = in_;
    std::string_view name;
    return how_.hides != nullptr && ahead.read_atom(name) && has(how_.hides->keys, name);
  }
  /// The value of a map, or what is left of a tuple.
  bool hide(frame& top) {
    const std::uint64_t count = top.is_map ? 1 : top.left;
    separate(top);
    out_ += "...";
    top.hides = false;
    top.left -= count;
    for (std::uint64_t i = 0; i < count; ++i)
      if (!in_.skip()) return false;
    return true;
  }

  /// Writes what goes before the next element; where a line may be broken, 0 before the first.
  std::size_t separate(frame& top) {
    if (top.first) return top.first = false, 0;
    out_ += top.is_map && top.left % 2 == 1 ? " => " : ",";
    return out_.size();
  }
  /// No line begins beyond the edge: what is nested deep would be blanks for the most part.
  void new_line(std::size_t at, std::size_t indent) {
    out_.insert(at, '\n' + std::string(std::min(indent, how_.width), ' '));
  }
  /// Moves what was written since `mark` to a new line if it went over the edge.
  void wrap(const frame& top, std::size_t mark) {
    if (top.broken && mark != 0 && column() > how_.width) new_line(mark, top.indent);
  }

  bool characters() {
    if (!read_characters(in_, characters_, room())) return false;
    out_ += '"';
    for (const std::uint32_t c : characters_) put_character(out_, c, '"');
    out_ += '"';
    return true;
  }

  void node(std::string_view name, std::uint32_t creation) {
    put_atom(out_, name);
    out_ += '.';
    out_ += std::to_string(creation);
  }
  void dotted(std::uint64_t value) {
    out_ += '.';
    out_ += std::to_string(value);
  }

  bool pid() {
    etf::pid value;
    if (!in_.read_pid(value)) return false;
    if (!how_.node.empty() && value.node == how_.node && value.creation == how_.creation) {
      out_ += "<0";
      dotted(value.id);
      dotted(value.serial);
    } else {
      out_ += "#Pid<";
      node(value.node, value.creation);
      dotted(value.id);
      dotted(value.serial);
    }
    out_ += '>';
    return true;
  }

  bool fun() {
    std::string_view module, function;
    std::uint8_t arity;
    bytes whole;
    if (in_.read_exported_fun(module, function, arity)) {
      out_ += "fun ";
      put_atom(out_, module);
      out_ += ':';
      put_atom(out_, function);
      out_ += '/';
      out_ += std::to_string(arity);
      return true;
    }
    if (!in_.read_term(whole)) return false;
    out_ += "#Fun<" + base64_encode(whole.first(std::min(whole.size(), room()))) + '>';
    return true;
  }

  bool leaf() {
    bool negative;
    bytes data;
    unsigned bits;
    std::int64_t whole;
    double real;
    std::string_view name;
    etf::port port;
    etf::reference reference;
    switch (in_.peek()) {
      case kind::integer:
        if (in_.read_integer(whole))
          out_ += std::to_string(whole);
        else if (in_.read_big(negative, data))
          put_big(out_, negative, data, room());
        else
          return false;
        return true;
      case kind::floating:
        return in_.read_float(real) && (put_float(out_, real), true);
      case kind::atom:
        return in_.read_atom(name) && (put_atom(out_, name), true);
      case kind::nil:
        return in_.read_nil() && (out_ += "[]", true);
      case kind::binary:
      case kind::bitstring:
        return in_.read_bitstring(data, bits) && (put_binary(out_, data, bits, room()), true);
      case kind::pid:
        return pid();
      case kind::fun:
        return fun();
      case kind::port:
        if (!in_.read_port(port)) return false;
        out_ += "#Port<";
        node(port.node, port.creation);
        dotted(port.id);
        out_ += '>';
        return true;
      case kind::reference:
        if (!in_.read_reference(reference)) return false;
        out_ += "#Ref<";
        node(reference.node, reference.creation);
        for (std::uint32_t i = 0; i < reference.count; ++i) dotted(reference.words[i]);
        out_ += '>';
        return true;
      default:
        return false;
    }
  }

  cursor in_;
  const print_options& how_;
  std::string out_;
  std::size_t limit_ = SIZE_MAX; ///< of out_: beyond it what is being written is too long
  std::vector<frame> open_;
  std::vector<std::uint32_t> characters_;
};

} // namespace

std::string print(bytes term, const print_options& options) {
  return printer(cursor(term), options).run();
}

std::string print_atom(std::string_view name) {
  std::string out;
  put_atom(out, name);
  return out;
}

} // namespace coppice::etf
