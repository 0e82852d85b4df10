// SPDX-License-Identifier: MIT
// Checks args that are a term already against a schema: those of running actors before another plugin
// replaces theirs, and those given to start_child. Also finds the durations in such args. The rules are
// those for YAML, but the walk goes through the term, as the actor reads it: durations and sizes are numbers
// in it, and a finding has a path and no line. Recursion is as deep as the term, whose depth is checked
// first. Any thread.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>
#include <optional>

#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "spec/schema/args_rule.hpp"
#include "spec/schema/term.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {
namespace {

using rule = args_schema::rule;

constexpr std::size_t most_shown = 80; // characters of a value in a finding

// A place in the term and what is wrong there. The path is put together on the way up, so that a check that
// finds nothing makes no text.
struct finding {
  std::string path;
  std::string what;
  const std::uint8_t* begin = nullptr; // the first byte of the term
  const base::secrets* secrets = nullptr;
  bool only_secrets = false; // values without a secret in them are not looked at

  // Whether the value is a secret, or the marker of one.
  bool is_secret(etf::bytes value) const {
    return secrets != nullptr && std::ranges::any_of(secrets->all, [&](const base::secret& one) {
             return begin + one.offset == value.data();
           });
  }
  // Whether the value is or contains a secret or a marker.
  bool has_secret(etf::bytes value) const {
    return secrets != nullptr && std::ranges::any_of(secrets->all, [&](const base::secret& one) {
             const std::uint8_t* const at = begin + one.offset;
             return at >= value.data() && at < value.data() + value.size();
           });
  }
};

// Returns false. The checks below return true for a value that is good.
bool wrong(finding& out, std::string what) {
  out.what = std::move(what);
  return false;
}

bool inside(finding& out, std::string_view where) {
  out.path.insert(0, where);
  return false;
}

std::string_view as_text(etf::bytes data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// A text as JSON writes it, anything else as Erlang does.
std::string shown(etf::bytes term) {
  etf::cursor at(term);
  etf::bytes text;
  if (!at.read_binary(text)) return etf::print(term, {.most = most_shown});
  if (text.size() <= most_shown) return base::json_text(json(as_text(text)));
  return base::json_text(json(as_text(text.first(most_shown)))) + "...";
}

// The number of elements of a list, however it is written; nullopt: it is no proper list.
std::optional<std::size_t> list_size(etf::bytes term) {
  etf::cursor at(term);
  etf::bytes data;
  if (at.read_string(data)) return data.size();
  std::uint32_t count = 0;
  if (!at.read_list(count)) return std::nullopt;
  if (count != 0 && (!at.skip(count) || !at.read_nil())) return std::nullopt;
  return count;
}

// Calls `use` with each element of a proper list, until a call returns false.
template <class Use>
bool each_element(etf::bytes list, Use&& use) {
  etf::cursor at(list);
  etf::bytes data;
  if (at.read_string(data)) {
    for (const std::uint8_t byte : data) {
      const std::array<std::uint8_t, 2> element{static_cast<std::uint8_t>(etf::tag::small_integer), byte};
      if (!use(etf::bytes(element))) return false;
    }
    return true;
  }
  std::uint32_t count = 0;
  etf::bytes element;
  if (!at.read_list(count)) return true;
  for (; count > 0 && at.read_term(element); --count)
    if (!use(element)) return false;
  return true;
}

// The number that the term is, however large; nullopt: it is no number.
std::optional<double> number_of(etf::bytes term) {
  etf::cursor at(term);
  std::int64_t whole = 0;
  std::uint64_t large = 0;
  double real = 0;
  if (at.read_integer(whole)) return static_cast<double>(whole);
  if (at.read_unsigned(large)) return static_cast<double>(large);
  if (at.read_float(real)) return real;
  bool negative = false;
  etf::bytes magnitude;
  if (!at.read_big(negative, magnitude)) return std::nullopt;
  for (std::size_t i = magnitude.size(); i-- > 0 && std::isfinite(real);) real = real * 256 + magnitude[i];
  return negative ? -real : real;
}

// The type_bits of the term, as the actor reads it. 0: it has no type of a schema, as a tuple or a pid. An
// atom is no text, since actors read it in another way.
unsigned type_of(etf::bytes term) {
  etf::cursor at(term);
  std::string_view name;
  bool flag = false;
  if (at.read_bool(flag)) return type_boolean;
  if (at.read_atom(name)) return name == "undefined" ? type_null : 0U;
  switch (at.peek()) {
    case etf::kind::integer:
      return type_integer | type_number;
    case etf::kind::floating:
      return type_number;
    case etf::kind::binary:
      return type_string;
    case etf::kind::map:
      return type_object;
    default:
      return list_size(term) ? unsigned{type_array} : 0U;
  }
}

// Whether the term is that value of an enum. An atom is taken for the text that it spells.
bool equals(const json& expected, etf::bytes term) {
  etf::cursor at(term);
  if (expected.is_string()) {
    etf::bytes text;
    std::string_view name;
    if (at.read_binary(text)) return as_text(text) == expected.get_ref<const std::string&>();
    return (type_of(term) & (type_boolean | type_null)) == 0 && at.read_atom(name) &&
           name == expected.get_ref<const std::string&>();
  }
  if (expected.is_null()) return at.read_atom_is("undefined");
  bool flag = false;
  if (expected.is_boolean()) return at.read_bool(flag) && flag == expected.get<bool>();
  std::int64_t whole = 0;
  if (expected.is_number_integer() && at.read_integer(whole)) return expected == whole;
  if (expected.is_number()) return number_of(term) == expected.get<double>();
  if (expected.is_array()) {
    if (list_size(term) != expected.size()) return false;
    std::size_t i = 0;
    return each_element(term, [&](etf::bytes one) { return equals(expected[i++], one); });
  }
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs) || pairs != expected.size()) return false;
  for (; pairs > 0; --pairs) {
    std::string_view key;
    etf::bytes value;
    if (!at.read_atom(key) || !at.read_term(value)) return false;
    const auto known = expected.find(std::string(key));
    if (known == expected.end() || !equals(*known, value)) return false;
  }
  return true;
}

bool check_value(const rule& by, etf::bytes term, finding& out);

bool check_count(std::size_t count, std::size_t least, std::size_t most, std::string_view what,
                 finding& out) {
  if (count >= least && count <= most) return true;
  return wrong(
      out, fmt::format("has {} {}, {} are wanted", count, what,
                       count < least ? fmt::format("at least {}", least) : fmt::format("at most {}", most)));
}

bool check_number(const rule& by, double number, finding& out) {
  const bool low = by.above ? number <= by.least : number < by.least;
  const bool high = by.below ? number >= by.most : number > by.most;
  if (low) return wrong(out, fmt::format("{} is below what the schema allows ({})", number, by.least));
  if (high) return wrong(out, fmt::format("{} is above what the schema allows ({})", number, by.most));
  return true;
}

// A key of a map. `name`: the text of an atom or of a binary. The actor may read n or <<"n">>, so the rule
// of n is applied to both. Only the atom counts as a key that the schema requires.
struct map_key {
  etf::bytes term;
  std::string_view name;
  bool named = false;
  bool is_atom = false;
};

bool read_key(etf::cursor& at, map_key& out) {
  if (!at.read_term(out.term)) return false;
  etf::cursor inside_key(out.term);
  etf::bytes text;
  out.is_atom = inside_key.read_atom(out.name);
  out.named = out.is_atom || inside_key.read_binary(text);
  if (out.named && !out.is_atom) out.name = as_text(text);
  return true;
}

// How a finding names the key.
std::string shown(const map_key& key) {
  return key.named ? base::printable(key.name.substr(0, most_shown)) : shown(key.term);
}

bool check_pair(const rule& by, const map_key& key, etf::bytes value, finding& out) {
  if (out.only_secrets && !out.has_secret(value)) return true;
  const rule* known = key.named ? by.find(key.name) : nullptr;
  if (known == nullptr) known = by.additional.get();
  if (known == nullptr && by.closed) return wrong(out, "unknown key '" + shown(key) + "'");
  if (known == nullptr || check_value(*known, value, out)) return true;
  return inside(out, "." + shown(key));
}

bool check_map(const rule& by, etf::bytes map, finding& out,
               args_schema::part what = args_schema::part::whole) {
  etf::cursor at(map);
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs)) return wrong(out, "they are no map");
  std::vector<bool> found(by.required.size());
  for (; pairs > 0; --pairs) {
    map_key key;
    etf::bytes value;
    if (!read_key(at, key) || !at.read_term(value)) return wrong(out, "they are no term");
    if (!check_pair(by, key, value, out)) return false;
    if (!key.is_atom) continue;
    const auto wanted = std::find(by.required.begin(), by.required.end(), key.name);
    if (wanted != by.required.end()) found[static_cast<std::size_t>(wanted - by.required.begin())] = true;
  }
  if (what == args_schema::part::of_template || out.only_secrets) return true;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i]) continue;
    const std::string& key = by.required[i];
    if (const rule* known = by.find(key); known != nullptr && !known->fallback.is_null()) continue;
    return wrong(out, "the key '" + key + "' is missing, and the schema requires it");
  }
  return true;
}

bool check_list(const rule& by, etf::bytes list, finding& out) {
  if (!check_count(*list_size(list), by.fewest, by.largest, "elements", out)) return false;
  if (by.items == nullptr) return true;
  std::size_t i = 0;
  return each_element(list, [&](etf::bytes one) {
    if (check_value(*by.items, one, out)) return ++i, true;
    return inside(out, fmt::format("[{}]", i));
  });
}

// How a finding shows a value, without the text of a secret.
std::string shown(etf::bytes term, const finding& out) {
  return out.is_secret(term) ? "the secret" : out.has_secret(term) ? "what has a secret in it" : shown(term);
}

bool check_value(const rule& by, etf::bytes term, finding& out) {
  if (out.only_secrets && !out.has_secret(term)) return true;
  const unsigned types = by.format == unit::none ? by.types : type_integer | (by.types & type_null);
  const bool is_marker = out.is_secret(term) && !out.secrets->are_read;
  const unsigned is = is_marker ? unsigned{type_string} : type_of(term);
  if (is_marker && (types == 0 || (types & is) != 0)) return true;
  const bool listed =
      std::any_of(by.values.begin(), by.values.end(), [term](const json& one) { return equals(one, term); });
  // An atom that an enum lists counts as that text.
  if (types != 0 && (types & is) == 0 && !(listed && is == 0))
    return wrong(out, shown(term, out) + " is not of the type the schema wants");
  if (!by.values.empty() && !listed)
    return wrong(out, shown(term, out) + " is none of the values the schema allows");
  if ((is & type_number) != 0) return check_number(by, *number_of(term), out);
  if ((is & type_object) != 0) return check_map(by, term, out);
  if ((is & type_array) != 0) return check_list(by, term, out);
  if (is != type_string) return true;
  etf::cursor at(term);
  etf::bytes text;
  at.read_binary(text);
  return check_count(base::utf8_count(as_text(text)), by.shortest, by.longest, "characters", out);
}

bool mentions_durations(const rule& by) {
  if (by.format == unit::duration) return true;
  for (const auto& [key, one] : by.properties)
    if (mentions_durations(one)) return true;
  return (by.additional != nullptr && mentions_durations(*by.additional)) ||
         (by.items != nullptr && mentions_durations(*by.items));
}

void find_durations(const rule& by, const json& value, const json::json_pointer& at,
                    std::vector<std::string>& into) {
  if (by.format == unit::duration && value.is_number_integer() && value.get<std::int64_t>() >= 0)
    into.push_back(at.to_string());
  if (value.is_object()) {
    for (const auto& [key, one] : value.items()) {
      const rule* known = by.find(key);
      if (known == nullptr) known = by.additional.get();
      if (known != nullptr) find_durations(*known, one, at / key, into);
    }
  } else if (value.is_array() && by.items != nullptr) {
    for (std::size_t i = 0; i < value.size(); ++i) find_durations(*by.items, value[i], at / i, into);
  }
}

} // namespace

base::status args_schema::check(std::span<const std::uint8_t> term, part what,
                                const base::secrets* secrets) const {
  // The args of a child that was started by a call may be any term: its caller may be on another node.
  constexpr etf::limits as_in_a_file{tree_limits().depth};
  finding found{{}, {}, term.data(), secrets, what == part::secrets};
  bool good = true;
  if (!etf::validate(term, as_in_a_file))
    good = wrong(found, fmt::format("they are nested deeper than {} levels", as_in_a_file.depth));
  else
    good = check_map(*root_, term, found, what);
  if (good) return {};
  return base::fail(base::errc::invalid, "args" + found.path + ": " + found.what);
}

std::vector<std::string> args_schema::durations(std::span<const std::uint8_t> term) const {
  std::vector<std::string> found;
  if (mentions_durations(*root_)) find_durations(*root_, term_to_json(term), json::json_pointer(), found);
  return found;
}

} // namespace coppice::spec
