// SPDX-License-Identifier: MIT
// JSON (RFC 8259) as C++ values, by the same reflection as arguments: a struct is an object whose keys are
// its members, a member with an initialiser or an optional may be left out, an enum is a text, a std::map
// with text keys is an object, a list is an array, a duration is a number of milliseconds. Keys that a struct
// does not have are passed over. Pairs and tuples are written as arrays, and not read.
//
//   coppice::expected<item, std::string> got = coppice::json::read<item>(R"({"name":"tea","price":3})");
//   std::string text = coppice::json::text(item{"tea", 3});
//
// A text is read into an encoded term first, which is at most five times as long. At most 64 levels deep.
// Header-only. Any thread.
#pragma once

#include <coppice/answer.hpp>
#include <coppice/detail/args.hpp>
#include <coppice/etf/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::detail {

/// Turns JSON into an encoded term: objects are maps with atoms as keys (binaries if they are longer than an
/// atom), texts binaries, arrays lists; true, false and null are the atoms true, false and undefined.
class json_reader {
 public:
  static constexpr unsigned deepest = 64;

  explicit json_reader(std::string_view text) : text_(text) {}

  /// False: error() says what is wrong, and where.
  bool read() {
    skip_space();
    if (!read_value(0)) return false;
    skip_space();
    return at_ == text_.size() || fail("expected the end");
  }
  etf::bytes term() const { return {out_.data(), out_.size()}; }
  std::string error() const {
    return etf::detail::concatenated({"byte ", std::to_string(at_ + 1), ": ", error_});
  }

 private:
  bool fail(const char* what) {
    if (error_[0] == 0) error_ = what;
    return false;
  }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char wanted) { return peek() == wanted && !at_end() ? (++at_, true) : false; }
  void skip_space() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  void byte(std::uint8_t value) { out_.push_back(value); }
  void number(std::uint64_t value, unsigned bytes) { // most significant byte first
    while (bytes-- != 0) byte(static_cast<std::uint8_t>(value >> (8 * bytes)));
  }
  void set_count(std::size_t where, std::uint32_t count) {
    for (unsigned i = 0; i < 4; ++i) out_[where + i] = static_cast<std::uint8_t>(count >> (8 * (3 - i)));
  }
  void atom(std::string_view name) {
    byte(119); // SMALL_ATOM_UTF8_EXT
    byte(static_cast<std::uint8_t>(name.size()));
    out_.insert(out_.end(), name.begin(), name.end());
  }
  void binary(std::string_view data) {
    byte(109); // BINARY_EXT
    number(data.size(), 4);
    out_.insert(out_.end(), data.begin(), data.end());
  }

  bool read_value(unsigned depth) {
    if (depth == deepest) return fail("expected at most 64 levels");
    switch (peek()) {
      case '{':
        return read_object(depth);
      case '[':
        return read_array(depth);
      case '"':
        if (!read_text()) return false;
        binary(word_);
        return true;
      case 't':
        return read_word("true", "true");
      case 'f':
        return read_word("false", "false");
      case 'n':
        return read_word("null", "undefined");
      default:
        return read_number();
    }
  }
  bool read_word(std::string_view word, std::string_view as) {
    if (!text_.substr(at_).starts_with(word)) return fail("expected a value");
    at_ += word.size();
    atom(as);
    return true;
  }
  bool read_object(unsigned depth) {
    ++at_;
    byte(116); // MAP_EXT
    const std::size_t where = out_.size();
    number(0, 4);
    std::uint32_t count = 0;
    skip_space();
    if (take('}')) return true;
    for (;;) {
      skip_space();
      if (peek() != '"') return fail("expected a key in quotation marks");
      if (!read_text()) return false;
      if (word_.size() <= 255)
        atom(word_);
      else
        binary(word_);
      skip_space();
      if (!take(':')) return fail("expected ':'");
      skip_space();
      if (!read_value(depth + 1)) return false;
      ++count;
      skip_space();
      if (take('}')) break;
      if (!take(',')) return fail("expected ',' or '}'");
    }
    set_count(where, count);
    return true;
  }
  bool read_array(unsigned depth) {
    ++at_;
    skip_space();
    if (take(']')) return byte(106), true; // NIL_EXT
    byte(108);                             // LIST_EXT
    const std::size_t where = out_.size();
    number(0, 4);
    for (std::uint32_t count = 1;; ++count) {
      skip_space();
      if (!read_value(depth + 1)) return false;
      skip_space();
      if (take(']')) return set_count(where, count), byte(106), true;
      if (!take(',')) return fail("expected ',' or ']'");
    }
  }

  // ---- texts ----

  bool read_text() {
    word_.clear();
    ++at_;
    while (!at_end()) {
      const auto letter = static_cast<std::uint8_t>(text_[at_]);
      if (letter == '"') return ++at_, true;
      if (letter < 0x20) return fail("expected no control character in a text");
      if (letter == '\\') {
        if (!read_escape()) return false;
        continue;
      }
      std::uint32_t point = 0;
      const std::size_t size = etf::utf8::decode(reinterpret_cast<const std::uint8_t*>(text_.data()) + at_,
                                                 text_.size() - at_, point);
      if (size == 0) return fail("expected UTF-8");
      word_.append(text_, at_, size);
      at_ += size;
    }
    return fail("expected '\"'");
  }
  bool read_escape() {
    constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    if (text_.size() - at_ < 2) return fail("expected an escape");
    if (const auto found = letters.find(text_[at_ + 1]); found != letters.npos) {
      word_ += meant[found];
      at_ += 2;
      return true;
    }
    std::uint32_t point = 0;
    if (!read_unit(point)) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      std::uint32_t low = 0;
      if (peek() != '\\') return fail("expected the other half of a surrogate pair");
      if (!read_unit(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return fail("expected the other half of a surrogate pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point <= 0xdfff) {
      return fail("expected no half of a surrogate pair alone");
    }
    add_point(point);
    return true;
  }
  // \uXXXX
  bool read_unit(std::uint32_t& unit) {
    if (text_.size() - at_ < 6 || text_[at_ + 1] != 'u') return fail("expected an escape");
    const char* const first = text_.data() + at_ + 2;
    if (const auto read = std::from_chars(first, first + 4, unit, 16); read.ptr != first + 4 || *first == '-')
      return fail("expected four hexadecimal digits");
    at_ += 6;
    return true;
  }
  void add_point(std::uint32_t point) {
    const auto tail = [&](unsigned shift) { word_ += static_cast<char>(0x80 | ((point >> shift) & 0x3f)); };
    if (point < 0x80) {
      word_ += static_cast<char>(point);
    } else if (point < 0x800) {
      word_ += static_cast<char>(0xc0 | (point >> 6));
      tail(0);
    } else if (point < 0x10000) {
      word_ += static_cast<char>(0xe0 | (point >> 12));
      tail(6);
      tail(0);
    } else {
      word_ += static_cast<char>(0xf0 | (point >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  // ---- numbers ----

  bool digits() {
    const std::size_t from = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != from;
  }
  bool read_number() {
    const std::size_t from = at_;
    bool whole = true;
    take('-');
    if (!take('0') && !digits()) return at_ = from, fail("expected a value");
    if (take('.')) {
      whole = false;
      if (!digits()) return fail("expected a digit");
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      if (!digits()) return fail("expected a digit");
    }
    const char *const first = text_.data() + from, *const last = text_.data() + at_;
    if (whole && add_integer(first, last)) return true;
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc())
      return at_ = from, fail("expected a smaller number");
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof value);
    std::memcpy(&bits, &value, sizeof bits);
    byte(70); // NEW_FLOAT_EXT
    number(bits, 8);
    return true;
  }
  // False: it does not fit in 64 bits.
  bool add_integer(const char* first, const char* last) {
    std::int64_t value = 0;
    if (std::from_chars(first, last, value).ec == std::errc()) {
      if (value >= std::numeric_limits<std::int32_t>::min() &&
          value <= std::numeric_limits<std::int32_t>::max()) {
        byte(98); // INTEGER_EXT
        number(static_cast<std::uint32_t>(value), 4);
      } else {
        const auto plain = static_cast<std::uint64_t>(value);
        add_big(value < 0, value < 0 ? 0 - plain : plain);
      }
      return true;
    }
    std::uint64_t large = 0;
    if (*first == '-' || std::from_chars(first, last, large).ec != std::errc()) return false;
    add_big(false, large);
    return true;
  }
  void add_big(bool negative, std::uint64_t magnitude) {
    unsigned size = 8;
    while (magnitude >> (8 * (size - 1)) == 0) --size;
    byte(110); // SMALL_BIG_EXT
    byte(static_cast<std::uint8_t>(size));
    byte(negative ? 1 : 0);
    for (unsigned i = 0; i < size; ++i) byte(static_cast<std::uint8_t>(magnitude >> (8 * i)));
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::uint8_t> out_;
  std::string word_; // the last text
  const char* error_ = "";
};

/// Writes a term as JSON. Throws std::invalid_argument for a term that JSON has no word for.
class json_writer {
 public:
  void write(etf::cursor& in, unsigned depth = 0) {
    if (depth == json_reader::deepest) refuse("it is more than 64 levels deep");
    switch (in.peek()) {
      case etf::kind::integer:
        return integer(in);
      case etf::kind::floating:
        return floating(in);
      case etf::kind::atom:
        return atom(in);
      case etf::kind::binary:
        return binary(in);
      case etf::kind::nil:
      case etf::kind::list:
      case etf::kind::tuple:
        return array(in, depth);
      case etf::kind::map:
        return object(in, depth);
      default:
        refuse(etf::name_of(in.peek()));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  [[noreturn]] static void refuse(std::string_view what) {
    throw std::invalid_argument(etf::detail::concatenated({"this value has no JSON: ", what}));
  }
  template <class Number>
  void digits(Number value) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, end);
  }
  void integer(etf::cursor& in) {
    std::int64_t value = 0;
    std::uint64_t large = 0;
    if (in.read_integer(value)) return digits(value);
    if (!in.read_unsigned(large)) refuse("an integer of more than 64 bits");
    digits(large);
  }
  void floating(etf::cursor& in) {
    double value = 0;
    if (!in.read_float(value)) refuse("a float");
    const std::size_t before = out_.size();
    digits(value);
    if (out_.find_first_of(".e", before) == out_.npos) out_ += ".0";
  }
  void atom(etf::cursor& in) {
    std::string_view name;
    if (!in.read_atom(name)) refuse("an atom");
    if (name == "undefined")
      out_ += "null";
    else if (name == "true" || name == "false")
      out_ += name;
    else
      text(name);
  }
  void binary(etf::cursor& in) {
    etf::bytes data;
    if (!in.read_binary(data)) refuse("a binary");
    text({reinterpret_cast<const char*>(data.data()), data.size()});
  }
  void text(std::string_view of) {
    constexpr std::string_view digits = "0123456789abcdef";
    out_ += '"';
    for (std::size_t at = 0; at != of.size();) {
      const char letter = of[at];
      if (static_cast<std::uint8_t>(letter) < 0x20) {
        out_ += "\\u00";
        out_ += digits[static_cast<std::uint8_t>(letter) >> 4];
        out_ += digits[letter & 15];
        ++at;
      } else if (letter == '"' || letter == '\\') {
        (out_ += '\\') += letter;
        ++at;
      } else {
        std::uint32_t point = 0;
        const std::size_t size =
            etf::utf8::decode(reinterpret_cast<const std::uint8_t*>(of.data()) + at, of.size() - at, point);
        if (size == 0) refuse("a text that is not UTF-8");
        out_.append(of, at, size);
        at += size;
      }
    }
    out_ += '"';
  }
  void array(etf::cursor& in, unsigned depth) {
    std::uint32_t length = 0;
    const bool is_list = !in.read_tuple(length);
    etf::bytes small;
    if (is_list && in.read_string(small)) return small_numbers(small);
    if (is_list && !in.read_list(length)) refuse("a list");
    out_ += '[';
    for (std::uint32_t i = 0; i < length; ++i) {
      if (i != 0) out_ += ',';
      write(in, depth + 1);
    }
    out_ += ']';
    if (is_list && length != 0 && !in.read_nil()) refuse("an improper list");
  }
  void small_numbers(etf::bytes all) {
    out_ += '[';
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i != 0) out_ += ',';
      digits(static_cast<unsigned>(all[i]));
    }
    out_ += ']';
  }
  void object(etf::cursor& in, unsigned depth) {
    std::uint32_t pairs = 0;
    if (!in.read_map(pairs)) refuse("a map");
    out_ += '{';
    for (std::uint32_t i = 0; i < pairs; ++i) {
      if (i != 0) out_ += ',';
      key(in);
      out_ += ':';
      write(in, depth + 1);
    }
    out_ += '}';
  }
  void key(etf::cursor& in) {
    std::string_view name;
    if (in.read_atom(name)) return text(name);
    if (in.peek() == etf::kind::binary) return binary(in);
    if (in.peek() != etf::kind::integer) refuse("a key that is neither a text nor an integer");
    out_ += '"';
    integer(in);
    out_ += '"';
  }

  std::string out_;
};

/// A mismatch in the words of JSON, without the place in the encoded term.
inline std::string in_words_of_json(std::string text) {
  text.resize(std::min(text.size(), text.find(" at byte ")));
  constexpr std::string_view record = "expected {"; // of a struct, where another term than a map came
  if (const std::size_t at = text.find(record), end = text.find(", got ");
      at != text.npos && end != text.npos)
    text.replace(at, end - at, "expected object");
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"got atom undefined", "got null"}, {"got atom true", "got true"},      {"got atom false", "got false"},
      {"got map", "got object"},          {"got binary", "got text"},         {"got []", "got array"},
      {"got list", "got array"},          {"expected map", "expected object"}};
  for (const auto& [from, to] : words)
    if (const std::size_t at = text.find(from); at != text.npos) text.replace(at, from.size(), to);
  return text;
}

} // namespace coppice::detail

namespace coppice::json {

/// The text as a T, or a sentence that names what does not fit: "item.price: expected integer, got text", or
/// "byte 7: expected ':'".
template <class T>
expected<T, std::string> read(std::string_view text) {
  static_assert(
      !coppice::detail::borrows<T>(),
      "this type would point into a text that is gone: have its members as std::string and std::vector");
  coppice::detail::json_reader reader(text);
  if (!reader.read()) return unexpected(reader.error());
  T value{};
  etf::mismatch why;
  why.set_charlists(false);
  etf::cursor at(reader.term());
  if (coppice::detail::read_args(at, value, why) && at.at_end()) return value;
  return unexpected(coppice::detail::in_words_of_json(why.take(etf::root_name<T>()).text()));
}

/// The value as JSON. Throws std::invalid_argument if it has none: a text that is not UTF-8, a pid, a bit
/// string, an integer of more than 64 bits.
template <class T>
std::string text(const T& value) {
  etf::vector_writer term(256);
  coppice::detail::write_args(term, value);
  if (term.failed()) throw std::invalid_argument("this value has no JSON: it has no encoding");
  etf::cursor at(term.view());
  coppice::detail::json_writer out;
  out.write(at);
  return out.take();
}

} // namespace coppice::json
