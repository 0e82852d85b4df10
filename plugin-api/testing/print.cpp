// SPDX-License-Identifier: MIT
// Prints terms in Erlang's syntax for the sentences of a failed test. Any thread.
#include <coppice/testing/print.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <coppice/etf/order/terms.hpp>
#include <coppice/etf/utf8.hpp>
#include <utility>

namespace coppice::testing::detail {

std::string cut_short(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most != 0 && (static_cast<std::uint8_t>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
  return text + "...";
}

std::string printer::print(etf::bytes term) {
  etf::cursor in(term);
  if (!one(in, 0)) out_ += '?';
  return cut_short(std::move(out_), most_);
}

void printer::atom(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '@';
  };
  bool bare = !name.empty() && name.front() >= 'a' && name.front() <= 'z';
  for (const char c : name) bare = bare && plain(c);
  if (bare)
    out_ += name;
  else
    quoted(name, '\'');
}

void printer::quoted(std::string_view text, char quote) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  out_ += quote;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == quote || c == '\\') out_ += '\\';
    if (c == '\n')
      out_ += "\\n";
    else if (byte < 32 || byte == 127)
      ((((out_ += "\\x{") += digits[byte >> 4]) += digits[byte & 15]) += '}');
    else
      out_ += c;
  }
  out_ += quote;
}

bool printer::is_text(etf::bytes data) {
  for (const std::uint8_t byte : data)
    if (byte < 32 && byte != '\n' && byte != '\t') return false;
  return etf::utf8::length(data.data(), data.size()) >= 0;
}

std::string_view printer::text_of(etf::bytes data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

bool printer::one(etf::cursor& in, int depth) {
  if (is_full()) return in.skip();
  if (depth > most_depth) return out_ += "...", in.skip();
  std::string_view name;
  double fraction = 0;
  switch (in.peek()) {
    case etf::kind::atom:
      return in.read_atom(name) ? (atom(name), true) : other(in);
    case etf::kind::integer:
      return integer(in);
    case etf::kind::floating:
      return in.read_float(fraction) ? (floating(fraction), true) : other(in);
    case etf::kind::tuple:
      return tuple(in, depth);
    case etf::kind::map:
      return map(in, depth);
    case etf::kind::nil:
    case etf::kind::list:
      return list(in, depth);
    case etf::kind::binary:
      return binary(in);
    case etf::kind::pid:
      return pid(in);
    case etf::kind::reference:
      return reference(in);
    default:
      return other(in);
  }
}

bool printer::other(etf::cursor& in) {
  out_ += in.peek() == etf::kind::fun ? "#Fun" : in.peek() == etf::kind::port ? "#Port" : "#Term";
  return in.skip();
}

bool printer::integer(etf::cursor& in) {
  std::int64_t small = 0;
  if (in.read_integer(small)) return out_ += std::to_string(small), true;
  bool negative = false;
  etf::bytes magnitude;
  if (!in.read_big(negative, magnitude)) return false;
  if (magnitude.size() > 64) return out_ += "(a large integer)", true;
  std::string digits; // least significant first
  for (std::size_t i = magnitude.size(); i-- != 0;) {
    unsigned carry = magnitude[i];
    for (char& each : digits) {
      carry += static_cast<unsigned>(each - '0') * 256;
      each = static_cast<char>('0' + carry % 10);
      carry /= 10;
    }
    for (; carry != 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
  }
  if (negative) out_ += '-';
  out_.append(digits.rbegin(), digits.rend());
  return true;
}

void printer::floating(double of) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.begin(), text.end(), of).ptr;
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  const auto exponent = std::min(written.find('e'), written.size());
  out_ += written.substr(0, exponent);
  if (written.find('.') == written.npos) out_ += ".0";
  out_ += written.substr(exponent);
}

bool printer::tuple(etf::cursor& in, int depth) {
  std::uint32_t arity = 0;
  if (!in.read_tuple(arity)) return false;
  out_ += '{';
  for (std::uint32_t i = 0; i < arity; ++i) {
    if (i != 0) out_ += ',';
    if (!one(in, depth + 1)) return false;
  }
  return out_ += '}', true;
}

bool printer::map(etf::cursor& in, int depth) {
  std::uint32_t pairs = 0;
  if (!in.read_map(pairs)) return false;
  out_ += "#{";
  for (std::uint32_t i = 0; i < pairs; ++i) {
    if (i != 0) out_ += ',';
    if (!one(in, depth + 1)) return false;
    out_ += " => ";
    if (!one(in, depth + 1)) return false;
  }
  return out_ += '}', true;
}

bool printer::list(etf::cursor& in, int depth) {
  etf::bytes text;
  if (in.peek_tag() == std::uint8_t(etf::tag::string) && in.read_string(text)) return byte_list(text), true;
  etf::order::list_walk walk;
  int byte = -1;
  bool ended = false;
  bool first = true;
  out_ += '[';
  while (walk.next(in, byte, ended)) {
    if (!std::exchange(first, false)) out_ += ',';
    if (byte >= 0)
      number(static_cast<std::uint64_t>(byte));
    else if (!one(in, depth + 1))
      return false;
  }
  if (!ended && !in.read_nil()) {
    out_ += '|';
    if (!one(in, depth + 1)) return false;
  }
  return out_ += ']', true;
}

void printer::byte_list(etf::bytes text) {
  bool printable = true;
  for (const std::uint8_t byte : text) printable = printable && byte >= 32 && byte < 127;
  if (printable) return quoted(text_of(text), '"');
  bytes_of(text, '[', ']');
}

void printer::bytes_of(etf::bytes data, char open, char close) {
  if (open != 0) out_ += open;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i != 0) out_ += ',';
    if (is_full()) break;
    number(data[i]);
  }
  if (close != 0) out_ += close;
}

bool printer::binary(etf::cursor& in) {
  etf::bytes data;
  if (!in.read_binary(data)) return false;
  out_ += "<<";
  const bool cut = data.size() > most_;
  if (cut) data = data.first(most_);
  if (data.empty()) return out_ += ">>", true;
  if (!is_text(data)) return bytes_of(data, 0, 0), out_ += cut ? ",...>>" : ">>", true;
  quoted(text_of(data), '"');
  if (!etf::utf8::is_ascii(data.data(), data.size())) out_ += "/utf8";
  return out_ += cut ? "...>>" : ">>", true;
}

bool printer::pid(etf::cursor& in) {
  etf::pid read;
  if (!in.read_pid(read)) return false;
  out_ += "#Pid<";
  atom(read.node);
  for (const std::uint32_t each : {read.creation, read.id, read.serial}) out_ += '.', number(each);
  return out_ += '>', true;
}

bool printer::reference(etf::cursor& in) {
  etf::reference read;
  if (!in.read_reference(read)) return false;
  out_ += "#Ref<";
  atom(read.node);
  out_ += '.', number(read.creation);
  for (std::uint32_t i = 0; i < read.count; ++i) out_ += '.', number(read.words[i]);
  return out_ += '>', true;
}

std::string show_plainly(etf::bytes encoded) {
  return printer(most_shown).print(encoded);
}

} // namespace coppice::testing::detail
