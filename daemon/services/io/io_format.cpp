// SPDX-License-Identifier: MIT
// ~[Field[.[Precision][.Pad]]][Modifiers]Control. A * takes a number from the arguments. Only as much of the
// format and of each argument is read as can be shown: the cost of an argument is bounded by its field, or by
// the room that is left. Source: io_lib_format.erl of OTP 25.
#include "services/io/io_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/utf8.hpp>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "services/answers/long_terms.hpp"
#include "services/io/io_term.hpp"

namespace coppice::services {
namespace {

using characters = std::vector<std::uint32_t>;

constexpr std::int64_t widest = 4096;          // field, precision: the longest line of a log
constexpr std::size_t longest_format = 65'536; // characters; formats that people write have some hundred

bool is_character(std::int64_t c) {
  return c >= 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

// Result of reading a text. enough: the bound was reached, and the rest was not read.
enum class taken : std::uint8_t { all, enough, wrong };

taken add_binary(characters& out, etf::bytes data, bool unicode, std::size_t most) {
  for (std::size_t at = 0; at < data.size();) {
    if (out.size() >= most) return taken::enough;
    std::uint32_t c = data[at];
    const std::size_t step = unicode ? etf::utf8::decode(data.data() + at, data.size() - at, c) : 1;
    if (step == 0) return taken::wrong;
    out.push_back(c);
    at += step;
  }
  return taken::all;
}

// Flattens a deep list of characters and binaries, up to `most` characters. wrong: another term, or
// characters that need `unicode`. Of lists without characters only a small multiple of `most` is read. May
// yield.
taken flatten(characters& out, etf::bytes term, bool unicode, std::size_t most, portions& work) {
  etf::cursor in(term);
  std::vector<std::uint64_t> left{1}; // items of each open list, including its tail
  for (std::size_t steps = 0; !left.empty(); ++steps) {
    if (out.size() >= most || steps > 4 * (most + longest_format)) return taken::enough;
    work.add();
    if (left.back() == 0) {
      left.pop_back();
      continue;
    }
    --left.back();
    etf::bytes data;
    std::uint32_t count = 0;
    std::int64_t c = 0;
    in.skip_empty_heads();
    if (in.read_integer(c)) {
      if (left.size() == 1 || !is_character(c) || (!unicode && c > 255)) return taken::wrong;
      out.push_back(static_cast<std::uint32_t>(c));
    } else if (in.read_string(data)) {
      data = data.first(std::min(data.size(), most - out.size()));
      out.insert(out.end(), data.begin(), data.end());
    } else if (in.read_binary(data)) {
      if (const taken some = add_binary(out, data, unicode, most); some != taken::all) return some;
    } else if (!in.read_nil()) { // before read_list(), which takes it for an empty list
      if (!in.read_list(count)) return taken::wrong;
      left.push_back(std::uint64_t{count} + 1);
    }
  }
  return taken::all;
}

std::string in_utf8(const characters& all) {
  std::string out;
  for (const std::uint32_t c : all) etf::utf8::append(out, c);
  return out;
}

std::string repeated(std::uint32_t c, std::int64_t times) {
  return in_utf8(characters(static_cast<std::size_t>(std::max<std::int64_t>(times, 0)), c));
}

std::string cut(const std::string& text, std::int64_t length) {
  return std::string(base::utf8_prefix(text, static_cast<std::size_t>(length)));
}

struct control {
  std::optional<std::int64_t> field;
  std::optional<std::int64_t> precision;
  bool to_the_left = false;
  std::uint32_t pad = ' ';
  bool unicode = false;
  bool no_texts = false; // the modifier l
  std::uint32_t what = 0;

  std::string adjust(const std::string& text, std::int64_t missing) const {
    return to_the_left ? text + repeated(pad, missing) : repeated(pad, missing) + text;
  }
};

// A value in its field; a field that is too small is filled with stars.
std::string in_field(const control& c, const std::string& text, std::optional<std::int64_t> precision) {
  if (!c.field && !precision) return text;
  const std::int64_t field = c.field.value_or(precision.value_or(0));
  const std::int64_t most = std::min(field, precision.value_or(field));
  if (static_cast<std::int64_t>(base::utf8_count(text)) > most)
    return c.adjust(repeated('*', most), field - most);
  return c.adjust(text, field - static_cast<std::int64_t>(base::utf8_count(text)));
}

// A text in its field, which truncates it.
std::string text_in_field(const control& c, const std::string& text) {
  if (!c.field && !c.precision) return text;
  const auto length = static_cast<std::int64_t>(base::utf8_count(text));
  control inner = c;
  inner.to_the_left = true; // within its precision
  const std::int64_t field = c.field.value_or(c.precision.value_or(0));
  const std::int64_t most = c.precision.value_or(field);
  if (!c.field || !c.precision || field == most)
    return length > field ? cut(text, field) : (c.field ? c : inner).adjust(text, field - length);
  return c.adjust(length > most ? cut(text, most) : inner.adjust(text, most - length), field - most);
}

class formatter {
 public:
  formatter(const characters& format, etf::bytes arguments, std::size_t most, portions& work)
      : format_(format), in_(arguments), most_(most), work_(work) {
    sound_ = in_.read_string(bytes_) || in_.read_list(left_);
  }

  std::optional<std::string> run() {
    while (sound_ && at_ < format_.size() && out_.size() <= most_) {
      const std::uint32_t c = format_[at_++];
      if (c == '~') {
        one();
      } else {
        etf::utf8::append(out_, c);
      }
    }
    const bool none_left = left_ == 0 && bytes_.empty();
    if (!sound_ || !(none_left || out_.size() > most_)) return std::nullopt;
    return std::move(out_);
  }

 private:
  std::uint32_t peek() const { return at_ < format_.size() ? format_[at_] : 0; }
  bool accept(std::uint32_t c) { return peek() == c && (++at_, true); }
  std::int64_t next_character() { return at_ < format_.size() ? format_[at_++] : -1; }
  void refuse() { sound_ = false; }

  // The next argument; the bytes of a list of small integers count as integers.
  etf::bytes next() {
    etf::bytes one;
    if (!bytes_.empty()) {
      small_ = {97, bytes_.front()};
      bytes_ = bytes_.subspan(1);
      return small_;
    }
    if (left_ == 0 || !read_long_term(in_, one, work_)) return refuse(), one;
    --left_;
    return one;
  }
  std::int64_t next_integer() {
    std::int64_t value = 0;
    if (!etf::cursor(next()).read_integer(value) || value > widest || value < -widest) refuse();
    return sound_ ? value : 0;
  }
  std::optional<std::int64_t> number() {
    if (accept('*')) return next_integer();
    if (peek() < '0' || peek() > '9') return std::nullopt;
    std::int64_t value = 0;
    for (; peek() >= '0' && peek() <= '9' && value <= widest; ++at_) value = value * 10 + (peek() - '0');
    if (value > widest) refuse();
    return value;
  }

  void one() {
    work_.add();
    control c;
    const std::size_t start = at_ - 1;
    const bool left = accept('-');
    c.field = number();
    if (left && !c.field) return refuse();
    c.to_the_left = left || c.field.value_or(0) < 0;
    if (c.field) c.field = std::abs(*c.field);
    if (accept('.')) {
      c.precision = number();
      if (accept('.')) {
        const std::int64_t pad = accept('*') ? next_integer() : next_character();
        if (!is_character(pad)) return refuse();
        c.pad = static_cast<std::uint32_t>(pad);
      }
    }
    for (bool more = true; more;) {
      more = false;
      if (accept('t')) more = c.unicode = true;
      if (accept('l')) more = c.no_texts = true;
    }
    c.what = peek();
    ++at_;
    if (sound_) write(c, start);
  }

  void write(const control& c, std::size_t start) {
    switch (c.what) {
      case 'w':
      case 'p':
        return write_term(c);
      case 's':
        return write_text(c);
      case 'b':
        return c.precision.value_or(10) == 10 ? write_integer(c) : write_as_it_stands(start);
      case 'f':
        return write_float(c);
      case 'c':
        return write_characters(c, character(c));
      case '~':
        return write_characters(c, '~');
      case 'n':
        out_ += repeated('\n', c.field.value_or(1));
        return;
      case 'i':
        next();
        return;
      default:
        write_as_it_stands(start);
    }
  }

  // Writes the control sequence at `start` literally, and its values after it.
  void write_as_it_stands(std::size_t start) {
    if (at_ > format_.size()) return refuse();
    const auto sequence = std::span(format_).subspan(start, at_ - start);
    out_ += in_utf8({sequence.begin(), sequence.end()});
    constexpr std::string_view with_two = "xXWP";
    const bool two = std::ranges::find(with_two, static_cast<char>(sequence.back())) != with_two.end();
    for (int i = two ? 2 : 1; i > 0 && (left_ != 0 || !bytes_.empty()); --i) {
      std::string text;
      write_io_term(text, next(), {}, shown({}));
      out_ += "(" + text + ")";
    }
  }

  // How many characters of a value can be shown: the width of its field, else the room that is left.
  std::size_t shown(std::optional<std::int64_t> field) const {
    const std::size_t room = most_ - std::min(most_, out_.size());
    return field ? static_cast<std::size_t>(std::max<std::int64_t>(*field, 0)) : room;
  }

  void write_term(const control& c) {
    const etf::bytes term = next();
    if (!sound_) return;
    std::string text;
    const auto field = c.what == 'p' ? std::nullopt : c.field ? c.field : c.precision;
    const std::size_t bytes = (field ? 4 : 1) * shown(field);
    write_io_term(text, term, {c.what == 'p' && !c.no_texts, c.unicode}, bytes);
    out_ += c.what == 'p' ? text : in_field(c, text, c.precision);
  }
  void write_text(const control& c) {
    const etf::bytes term = next();
    std::string_view name;
    characters all;
    const auto field = c.field && c.precision ? std::max(c.field, c.precision)
                       : c.field              ? c.field
                                              : c.precision;
    const std::size_t most = shown(field) + 1; // one more shows that it is longer
    if (etf::cursor(term).read_atom(name)) {
      const auto* const data = reinterpret_cast<const std::uint8_t*>(name.data());
      if (add_binary(all, {data, name.size()}, true, name.size()) == taken::wrong) return refuse();
      if (!c.unicode && std::ranges::any_of(all, [](std::uint32_t each) { return each > 255; }))
        return refuse();
    } else if (!sound_ || flatten(all, term, c.unicode, most, work_) == taken::wrong) {
      return refuse();
    }
    out_ += text_in_field(c, in_utf8(all));
  }
  void write_integer(const control& c) {
    const etf::bytes value = next();
    if (etf::cursor(value).peek() != etf::kind::integer) return refuse();
    std::string text;
    write_io_term(text, value, {}, shown(c.field) + 1);
    out_ += in_field(c, text, std::nullopt);
  }
  void write_float(const control& c) {
    double value = 0;
    const std::int64_t decimals = c.precision.value_or(6);
    if (!etf::cursor(next()).read_float(value) || decimals < 1) return refuse();
    out_ += in_field(c, fmt::format("{:.{}f}", value, decimals), c.field);
  }
  std::uint32_t character(const control& c) {
    std::int64_t value = 0;
    if (!etf::cursor(next()).read_integer(value) || (c.unicode && !is_character(value))) return refuse(), 0;
    return static_cast<std::uint32_t>(c.unicode ? value : value & 255);
  }
  void write_characters(const control& c, std::uint32_t which) {
    const std::int64_t times = c.precision.value_or(c.field.value_or(1));
    const std::int64_t field = c.field.value_or(times);
    if (field < times) return refuse();
    out_ += c.adjust(repeated(which, times), field - times);
  }

  const characters& format_;
  std::size_t at_ = 0;
  etf::cursor in_;
  std::uint32_t left_ = 0; // arguments left
  etf::bytes bytes_{};     // the arguments left, if they are a list of bytes
  std::array<std::uint8_t, 2> small_{};
  std::size_t most_;
  portions& work_;
  std::string out_;
  bool sound_ = true;
};

} // namespace

std::optional<std::string> io_format(etf::bytes format, etf::bytes arguments, std::size_t most,
                                     portions& work) {
  characters text;
  std::string_view name;
  taken whole = taken::wrong;
  if (etf::cursor(format).read_atom(name)) {
    whole = add_binary(text, {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}, true,
                       longest_format);
  } else {
    whole = flatten(text, format, true, longest_format, work);
  }
  if (whole != taken::all) return std::nullopt;
  return formatter(text, arguments, most, work).run();
}

} // namespace coppice::services
