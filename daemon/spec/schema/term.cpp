// SPDX-License-Identifier: MIT
// The two directions between configuration values and terms. Recursion is as deep as the YAML tree,
// whose depth is bounded, and terms printed here were written here.
#include "spec/schema/term.hpp"

#include <coppice/etf/cursor.hpp>

#include "base/json_text.hpp"
#include "base/utf8.hpp"
#include "spec/schema/scalar.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t atom_limit = 255; // characters

struct scalar_writer {
  etf::writer& to;
  bool operator()(std::nullptr_t) const { return to.atom("undefined"), true; }
  bool operator()(bool value) const { return to.boolean(value), true; }
  bool operator()(double value) const { return to.floating(value), true; }
  bool operator()(std::string_view value) const { return to.binary(value), true; }
  bool operator()(const whole_number& value) const {
    if (auto small = value.as_signed())
      to.integer(*small);
    else
      to.unsigned_integer(value.magnitude);
    return true;
  }
  bool operator()(too_large) const { return false; }
};

json read_json(etf::cursor& from) {
  std::int64_t number = 0;
  std::uint64_t large = 0;
  double real = 0;
  std::string_view name;
  etf::bytes data;
  std::uint32_t count = 0;
  bool flag = false;
  if (from.read_bool(flag)) return flag;
  if (from.read_atom(name)) return name == "undefined" ? json(nullptr) : json(name);
  if (from.read_integer(number)) return number;
  if (from.read_unsigned(large)) return large;
  if (from.read_float(real)) return real;
  if (from.read_binary(data)) return std::string(reinterpret_cast<const char*>(data.data()), data.size());
  if (from.read_map(count)) {
    json result = json::object();
    for (; count > 0; --count) {
      json key = read_json(from);
      json value = read_json(from);
      result[key.is_string() ? key.get<std::string>()
             : key.is_null() ? "undefined"
                             : base::json_text(key)] = std::move(value);
    }
    return result;
  }
  json result = json::array();
  if (from.read_string(data)) {
    for (const std::uint8_t byte : data) result.push_back(byte);
    return result;
  }
  if (from.read_list(count)) {
    const bool has_tail = count > 0;
    for (; count > 0; --count) result.push_back(read_json(from));
    if (has_tail) from.skip();
    return result;
  }
  from.skip();
  return result;
}

} // namespace

bool encode_key(report& to, const node& key, etf::writer& writer) {
  if (base::utf8_count(key.text) > atom_limit) {
    to.error(key.at, "a key longer than 255 characters is no atom");
    return false;
  }
  for (char c : key.text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      to.error(key.at, "a key must not contain control characters");
      return false;
    }
  writer.atom(key.text);
  return true;
}

bool encode_term(report& to, const node& from, etf::writer& writer) {
  if (from.is_sequence()) {
    writer.list(static_cast<std::uint32_t>(from.items.size()));
    bool good = true;
    for (const node* one : from.items) good = encode_term(to, *one, writer) && good;
    writer.nil();
    return good;
  }
  if (from.is_map()) {
    writer.map(static_cast<std::uint32_t>(from.items.size() / 2));
    bool good = true;
    for (std::size_t i = 0; i + 1 < from.items.size(); i += 2) {
      good = encode_key(to, *from.items[i], writer) && good;
      good = encode_term(to, *from.items[i + 1], writer) && good;
    }
    return good;
  }
  if (std::visit(scalar_writer{writer}, resolve(from))) return true;
  to.error(from.at,
           "the number " + (from.is_secret ? "" : printable(from.text.substr(0, 40)) + " ") + "is too large",
           "whole numbers have 64 bits; there is no infinity");
  return false;
}

bool encode_term(report& to, const node& from, encoded_term& into) {
  etf::vector_writer writer;
  bool good = encode_term(to, from, writer);
  into = writer.take();
  return good;
}

json term_to_json(std::span<const std::uint8_t> term) {
  etf::cursor from(term);
  return read_json(from);
}

void encode_json(const json& from, etf::writer& to) {
  if (from.is_null()) return to.atom("undefined");
  if (from.is_boolean()) return to.boolean(from.get<bool>());
  if (from.is_number_unsigned()) return to.unsigned_integer(from.get<std::uint64_t>());
  if (from.is_number_integer()) return to.integer(from.get<std::int64_t>());
  if (from.is_number_float()) return to.floating(from.get<double>());
  if (from.is_string()) return to.binary(from.get_ref<const std::string&>());
  if (from.is_array()) {
    to.list(static_cast<std::uint32_t>(from.size()));
    for (const auto& one : from) encode_json(one, to);
    return to.nil();
  }
  to.map(static_cast<std::uint32_t>(from.size()));
  for (const auto& [key, value] : from.items()) {
    to.atom(key);
    encode_json(value, to);
  }
}

} // namespace coppice::spec
