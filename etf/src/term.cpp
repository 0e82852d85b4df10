// SPDX-License-Identifier: MIT
// The dynamic term's public face; how it is kept stands in term_access.hpp, how it is built in
// term_builder.hpp.
#include <algorithm>
#include <cmath>
#include <string>

#include <coppice/etf/inflate.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/validate.hpp>

#include "term_access.hpp"
#include "term_builder.hpp"

namespace coppice::etf {

namespace {

using access = term_access;

bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Moves `from` into a row of its own; a list's `tail` behind them.
term row(repr what, std::vector<term>& from, term* tail) {
  term made;
  term* const to = access::set_terms(made, what, from.size());
  std::move(from.begin(), from.end(), to);
  if (tail != nullptr) to[from.size()] = std::move(*tail);
  return made;
}

/// By way of the bytes, for what is kept as bytes.
template <class Write>
term written(Write&& write) {
  vector_writer out;
  write(out);
  auto made = term::decode(out.view());
  return made ? std::move(*made) : term();
}

/// The elements if OTP would write this list as STRING_EXT.
bool is_byte_list(const term& t) {
  const std::span<const term> all = t.elements();
  if (all.size() >= 65536 || t.tail() != nullptr) return false;
  return std::all_of(all.begin(), all.end(), [](const term& each) {
    return access::what(each) == repr::integer && access::scalar<std::uint64_t>(each) < 256;
  });
}

void encode_leaf(const term& t, writer& out) {
  switch (access::what(t)) {
    case repr::nil:
      return out.nil();
    case repr::integer:
      return out.integer(access::scalar<std::int64_t>(t));
    case repr::floating:
      return out.floating(access::scalar<double>(t));
    case repr::short_atom:
    case repr::long_atom:
      return out.atom(t.atom_name());
    case repr::short_binary:
    case repr::long_binary:
      return out.binary(t.data());
    case repr::bitstring:
      return out.bitstring(t.data(), access::bits(t));
    case repr::encoded:
      return out.raw(t.data());
    default:
      return;
  }
}

} // namespace

term::term() noexcept : raw_{} {}
term::term(term&& other) noexcept : raw_(std::exchange(other.raw_, {})) {}
term::term(const term& other) : raw_(other.raw_) {
  if (!access::has_row(other)) return;
  raw_ = {};
  const std::vector<std::uint8_t> encoded = other.encode();
  if (auto copied = term_builder(encoded, true, true).run()) raw_ = std::exchange(copied->raw_, {});
}
term& term::operator=(const term& other) {
  if (this != &other) *this = term(other);
  return *this;
}
term& term::operator=(term&& other) noexcept {
  if (this == &other) return *this;
  term old;
  old.raw_ = std::exchange(raw_, std::exchange(other.raw_, {}));
  return *this;
}
term::~term() {
  access::destroy(*this);
}

term term::integer(std::int64_t value) {
  term made;
  access::set(made, repr::integer, value);
  return made;
}
term term::unsigned_integer(std::uint64_t value) {
  if (value <= INT64_MAX) return integer(static_cast<std::int64_t>(value));
  return written([value](writer& out) { out.unsigned_integer(value); });
}
term term::big(bool negative, bytes magnitude) {
  return written([&](writer& out) { out.big(negative, magnitude); });
}
term term::floating(double value) {
  if (!std::isfinite(value)) return atom("undefined");
  term made;
  access::set(made, repr::floating, value);
  return made;
}
term term::atom(std::string_view name) {
  term made;
  access::set_text(made, repr::short_atom, repr::long_atom, bytes_of(name));
  return made;
}
term term::boolean(bool value) {
  return atom(value ? "true" : "false");
}
term term::binary(bytes data) {
  term made;
  access::set_text(made, repr::short_binary, repr::long_binary, data);
  return made;
}
term term::binary(std::string_view data) {
  return binary(bytes_of(data));
}
term term::bitstring(bytes data, unsigned bits) {
  return written([&](writer& out) { out.bitstring(data, bits); });
}
term term::string(std::string_view data) {
  return written([&](writer& out) { out.string(data); });
}
term term::tuple(std::vector<term> elements) {
  return row(repr::tuple, elements, nullptr);
}
term term::list(std::vector<term> elements) {
  term end;
  return elements.empty() ? end : row(repr::list, elements, &end);
}
term term::improper_list(std::vector<term> elements, term tail) {
  if (elements.empty()) return tail;
  if (access::what(tail) == repr::list) { // the longer list it is
    const std::span<const term> more = tail.elements();
    elements.insert(elements.end(), more.begin(), more.end());
    term end;
    if (tail.tail() != nullptr) end = *tail.tail();
    return row(repr::list, elements, &end);
  }
  return row(repr::list, elements, &tail);
}
term term::map(std::vector<std::pair<term, term>> pairs) {
  term made;
  term* const to = access::set_terms(made, repr::map, pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    to[2 * i] = std::move(pairs[i].first);
    to[2 * i + 1] = std::move(pairs[i].second);
  }
  access::seal_map(made);
  return made;
}
std::optional<term> term::unique_map(std::vector<std::pair<term, term>> pairs) {
  term made = map(std::move(pairs));
  const std::span<const term> all = made.pairs();
  for (std::size_t i = 0; i < all.size(); i += 2) {
    if (made.find(all[i]) != &all[i + 1]) return std::nullopt;
  }
  return made;
}
term term::exported_fun(std::string_view module, std::string_view function, std::uint8_t arity) {
  return written([&](writer& out) { out.exported_fun(module, function, arity); });
}
term term::pid(const etf::pid& value) {
  return written([&](writer& out) { out.pid(value); });
}
term term::port(const etf::port& value) {
  return written([&](writer& out) { out.port(value); });
}
term term::reference(const etf::reference& value) {
  return written([&](writer& out) { out.reference(value); });
}

result<term> term::decode(bytes in, const limits& bounds) {
  const auto seen = scan(in, bounds);
  if (!seen) return unexpected<error>(seen.error());
  if (seen->length != in.size())
    return fail(errc::trailing, seen->length, in[seen->length], "the end expected");
  if (!seen->sized) return fail(errc::bad_value, 0, in[0], "funs of the sizes they name expected");
  return term_builder(in, seen->canonical, false).run();
}

result<term> term::from_binary(bytes in, const limits& bounds) {
  if (in.empty() || in[0] != version_magic)
    return fail(errc::bad_tag, 0, in.empty() ? std::uint8_t{0} : in[0], "the version 131 expected");
  in = in.subspan(1);
  if (!is_compressed(in)) return decode(in, bounds);
  const auto plain = inflate(in, bounds);
  if (!plain) return unexpected<error>(plain.error());
  return decode(*plain, bounds);
}

void term::encode(writer& out) const {
  struct span_left {
    const term* at;
    const term* end;
  };
  std::vector<span_left> open;
  const term* now = this;
  for (;;) {
    if (!access::has_terms(*now)) {
      encode_leaf(*now, out);
    } else if (access::what(*now) == repr::list && is_byte_list(*now)) {
      std::string text;
      for (const term& each : now->elements())
        text.push_back(static_cast<char>(access::scalar<std::int64_t>(each)));
      out.string(text);
    } else {
      const auto count = static_cast<std::uint32_t>(access::count(*now));
      if (access::what(*now) == repr::tuple)
        out.tuple(count);
      else if (access::what(*now) == repr::list)
        out.list(count);
      else
        out.map(count);
      const term* const first = access::terms(*now);
      open.push_back({first, first + access::slots(*now)});
    }
    while (!open.empty() && open.back().at == open.back().end) open.pop_back();
    if (open.empty()) return;
    now = open.back().at++;
  }
}

std::vector<std::uint8_t> term::encode() const {
  vector_writer out;
  encode(out);
  return out.take();
}
std::vector<std::uint8_t> term::to_binary() const {
  vector_writer out;
  out.version();
  encode(out);
  return out.take();
}

kind term::kind() const {
  switch (access::what(*this)) {
    case repr::nil:
      return etf::kind::nil;
    case repr::integer:
      return etf::kind::integer;
    case repr::floating:
      return etf::kind::floating;
    case repr::short_atom:
    case repr::long_atom:
      return etf::kind::atom;
    case repr::short_binary:
    case repr::long_binary:
      return etf::kind::binary;
    case repr::bitstring:
      return etf::kind::bitstring;
    case repr::encoded:
      return kind_of(data()[0]);
    case repr::tuple:
      return etf::kind::tuple;
    case repr::list:
      return etf::kind::list;
    case repr::map:
      return etf::kind::map;
  }
  return etf::kind::none;
}

bool term::is_atom(std::string_view name) const {
  return kind() == etf::kind::atom && atom_name() == name;
}
std::optional<std::int64_t> term::as_integer() const {
  if (access::what(*this) != repr::integer) return std::nullopt;
  return access::scalar<std::int64_t>(*this);
}
std::optional<double> term::as_float() const {
  if (access::what(*this) != repr::floating) return std::nullopt;
  return access::scalar<double>(*this);
}
std::optional<bool> term::as_bool() const {
  if (is_atom("true")) return true;
  if (is_atom("false")) return false;
  return std::nullopt;
}
std::string_view term::atom_name() const {
  const repr what = access::what(*this);
  if (what != repr::short_atom && what != repr::long_atom) return {};
  const bytes name = access::text(*this);
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}
bytes term::data() const {
  const repr what = access::what(*this);
  return what == repr::short_atom || what == repr::long_atom ? bytes{} : access::text(*this);
}
std::optional<std::string> term::as_text() const {
  std::string text;
  if (kind() == etf::kind::nil) return text;
  if (kind() == etf::kind::binary)
    return text.assign(reinterpret_cast<const char*>(data().data()), data().size());
  if (kind() != etf::kind::list || tail() != nullptr) return std::nullopt;
  for (const term& each : elements()) {
    const auto byte = each.as_integer();
    if (!byte || *byte < 0 || *byte > 255) return std::nullopt;
    text.push_back(static_cast<char>(*byte));
  }
  return text;
}
std::optional<etf::pid> term::as_pid() const {
  etf::pid value;
  return cursor(data()).read_pid(value) && access::what(*this) == repr::encoded ? std::optional(value)
                                                                                : std::nullopt;
}
std::optional<etf::port> term::as_port() const {
  etf::port value;
  return cursor(data()).read_port(value) && access::what(*this) == repr::encoded ? std::optional(value)
                                                                                 : std::nullopt;
}
std::optional<etf::reference> term::as_reference() const {
  etf::reference value;
  return cursor(data()).read_reference(value) && access::what(*this) == repr::encoded ? std::optional(value)
                                                                                      : std::nullopt;
}

std::size_t term::size() const {
  return access::has_terms(*this) ? access::count(*this) : data().size();
}
std::span<const term> term::elements() const {
  const repr what = access::what(*this);
  if (what != repr::tuple && what != repr::list) return {};
  return {access::terms(*this), access::count(*this)};
}
const term* term::tail() const {
  if (access::what(*this) != repr::list) return nullptr;
  const term* const end = access::terms(*this) + access::count(*this);
  return access::what(*end) == repr::nil ? nullptr : end;
}
std::span<const term> term::pairs() const {
  if (access::what(*this) != repr::map) return {};
  return {access::terms(*this), access::count(*this) * 2};
}
const term* term::find(const term& key) const {
  if (access::what(*this) != repr::map) return nullptr;
  const std::size_t pair = access::find(*this, key);
  return pair == access::count(*this) ? nullptr : access::terms(*this) + 2 * pair + 1;
}
const term* term::find(std::string_view atom_key) const {
  return find(atom(atom_key));
}

namespace {

/// Of terms that own no terms, or of maps, whose order does not count.
bool equal_leaves(const term& a, const term& b) {
  if (!access::has_row(a)) return access::same_raw(a, b);
  if (access::has_terms(a)) return a.size() == b.size() && equal_exact(a.encode(), b.encode());
  const bytes x = access::text(a), y = access::text(b);
  return access::bits(a) == access::bits(b) && x.size() == y.size() &&
         std::equal(x.begin(), x.end(), y.begin());
}

} // namespace

bool operator==(const term& a, const term& b) {
  struct both {
    const term* x;
    const term* y;
    std::size_t left;
  };
  std::vector<both> open;
  for (both now{&a, &b, 1};;) {
    const term& x = *now.x;
    const term& y = *now.y;
    if (access::what(x) != access::what(y)) return false;
    --now.left, ++now.x, ++now.y;
    if (!access::has_terms(x) || access::what(x) == repr::map) {
      if (!equal_leaves(x, y)) return false;
    } else {
      if (x.size() != y.size()) return false;
      if (now.left != 0) open.push_back(now);
      now = {access::terms(x), access::terms(y), access::slots(x)};
    }
    while (now.left == 0) {
      if (open.empty()) return true;
      now = open.back();
      open.pop_back();
    }
  }
}

bool operator<(const term& a, const term& b) {
  return compare(a.encode(), b.encode()) < 0;
}

} // namespace coppice::etf
