// SPDX-License-Identifier: MIT
// A schema is compiled into a tree of rules once; values are then checked along that tree. A keyword outside
// of the subset is an error of the schema: ignoring it would accept values that its author meant to refuse.
#include "spec/schema/args_rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <coppice/etf/writer.hpp>
#include <map>

#include "base/json_depth.hpp"
#include "base/json_text.hpp"
#include "base/suggest.hpp"
#include "base/utf8.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/secrets.hpp"
#include "spec/schema/term.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t deepest_schema = 64;

constexpr std::array<std::pair<std::string_view, unsigned>, 7> type_names{{{"object", type_object},
                                                                           {"array", type_array},
                                                                           {"string", type_string},
                                                                           {"integer", type_integer},
                                                                           {"number", type_number},
                                                                           {"boolean", type_boolean},
                                                                           {"null", type_null}}};

} // namespace

const args_schema::rule* args_schema::rule::find(std::string_view key) const {
  for (const auto& one : properties)
    if (one.key == key) return &one.value;
  return nullptr;
}

namespace {

using rule = args_schema::rule;

unexpected<base::error> invalid(const std::string& where, const std::string& what) {
  return base::fail(base::errc::invalid, (where.empty() ? "" : where + ": ") + what);
}

base::status compile_into(const json& from, const std::string& where, rule& into);

base::status compile_type(const json& from, const std::string& where, rule& into) {
  const json names = from.is_array() ? from : json::array({from});
  for (const auto& name : names) {
    auto known = std::find_if(type_names.begin(), type_names.end(),
                              [&name](const auto& one) { return name.is_string() && name == one.first; });
    if (known == type_names.end()) return invalid(where, "type " + base::json_text(name) + " is not known");
    into.types |= known->second;
  }
  return {};
}

base::status compile_properties(const json& from, const std::string& where, rule& into) {
  if (!from.is_object()) return invalid(where, "properties must be an object");
  for (const auto& [key, one] : from.items()) {
    into.properties.push_back({key, rule()});
    auto done = compile_into(one, (where.empty() ? "" : where + ".") + key, into.properties.back().value);
    if (!done) return done;
  }
  return {};
}

base::status compile_count(const json& from, const std::string& where, std::size_t& into) {
  if (!from.is_number_unsigned())
    return invalid(where, "expected a whole number, found " + base::json_text(from));
  into = from.get<std::size_t>();
  return {};
}

base::status compile_bound(const json& from, const std::string& where, double& into) {
  if (!from.is_number()) return invalid(where, "expected a number, found " + base::json_text(from));
  into = from.get<double>();
  return {};
}

base::status compile_keyword(const std::string& key, const json& from, const std::string& where, rule& into) {
  if (key == "type") return compile_type(from, where, into);
  if (key == "properties") return compile_properties(from, where, into);
  if (key == "required") {
    if (!from.is_array()) return invalid(where, "required must be a list");
    for (const auto& name : from) {
      if (!name.is_string()) return invalid(where, "required must be a list of texts");
      into.required.push_back(name.get<std::string>());
    }
    return {};
  }
  if (key == "additionalProperties") {
    if (from.is_boolean()) {
      into.closed = !from.get<bool>();
      return {};
    }
    into.additional = std::make_unique<rule>();
    return compile_into(from, where + ".*", *into.additional);
  }
  if (key == "items") {
    into.items = std::make_unique<rule>();
    return compile_into(from, where + "[]", *into.items);
  }
  if (key == "enum") {
    if (!from.is_array()) return invalid(where, "enum must be a list");
    into.values.assign(from.begin(), from.end());
    return {};
  }
  if (key == "const") return into.values.assign(1, from), base::status();
  if (key == "minimum") return compile_bound(from, where, into.least);
  if (key == "maximum") return compile_bound(from, where, into.most);
  if (key == "exclusiveMinimum") return into.above = true, compile_bound(from, where, into.least);
  if (key == "exclusiveMaximum") return into.below = true, compile_bound(from, where, into.most);
  if (key == "minLength") return compile_count(from, where, into.shortest);
  if (key == "maxLength") return compile_count(from, where, into.longest);
  if (key == "minItems") return compile_count(from, where, into.fewest);
  if (key == "maxItems") return compile_count(from, where, into.largest);
  if (key == "default" && has_marker(from))
    return invalid(where, "a default names no secret: only the configuration does");
  if (key == "default") return into.fallback = from, base::status();
  if (key == "format") {
    if (from == "duration")
      into.format = unit::duration;
    else if (from == "size")
      into.format = unit::size;
    else
      return invalid(where, "format " + base::json_text(from) + " is not known: duration and size are");
    return {};
  }
  for (std::string_view ignored : {"title", "description", "examples", "$schema", "$id", "$comment"})
    if (key == ignored) return {};
  return invalid(where, "the keyword '" + key + "' is not supported");
}

base::status compile_into(const json& from, const std::string& where, rule& into) {
  if (from.is_boolean() && from.get<bool>()) return {};
  if (!from.is_object()) return invalid(where, "a schema must be an object");
  for (const auto& [key, value] : from.items())
    if (auto done = compile_keyword(key, value, where, into); !done) return done;
  return {};
}

std::string type_words(const rule& by) {
  if (by.format == unit::duration) return "a duration such as 10ms, 5s, 2m or 1h";
  if (by.format == unit::size) return "a size such as 64KiB or 1MB";
  constexpr std::array<std::pair<unsigned, std::string_view>, 7> words{{{type_object, "a map"},
                                                                        {type_array, "a list"},
                                                                        {type_string, "a text"},
                                                                        {type_integer, "a whole number"},
                                                                        {type_number, "a number"},
                                                                        {type_boolean, "true or false"},
                                                                        {type_null, "nothing"}}};
  std::string all;
  for (const auto& [bit, word] : words)
    if (by.types & bit) all += (all.empty() ? "" : " or ") + std::string(word);
  return all;
}

unsigned type_of(const node& value) {
  if (value.is_map()) return type_object;
  if (value.is_sequence()) return type_array;
  struct bits {
    unsigned operator()(std::nullptr_t) const { return type_null; }
    unsigned operator()(bool) const { return type_boolean; }
    unsigned operator()(const whole_number&) const { return type_integer | type_number; }
    unsigned operator()(double number) const {
      return type_number | (number == std::floor(number) ? type_integer : 0u);
    }
    unsigned operator()(std::string_view) const { return type_string; }
    unsigned operator()(too_large) const { return type_number; }
  };
  return std::visit(bits(), resolve(value));
}

std::optional<double> number_of(const node& value) {
  if (value.is_map() || value.is_sequence()) return std::nullopt;
  auto resolved = resolve(value);
  if (auto* real = std::get_if<double>(&resolved)) return *real;
  if (auto* whole = std::get_if<whole_number>(&resolved))
    return static_cast<double>(whole->magnitude) * (whole->negative ? -1 : 1);
  return std::nullopt;
}

bool equals(const json& expected, const node& value) {
  if (expected.is_string()) return type_of(value) == type_string && value.text == expected.get<std::string>();
  if (expected.is_boolean())
    return type_of(value) == type_boolean &&
           (value.text[0] == 't' || value.text[0] == 'T') == expected.get<bool>();
  if (expected.is_null()) return type_of(value) == type_null;
  if (expected.is_number()) return number_of(value) == expected.get<double>();
  return false;
}

// One walk over args: checks and writes at once.
class walk {
 public:
  walk(report& to, etf::writer& writer) : to_(to), writer_(writer) {}

  bool value(const rule& by, const node& from, const std::string& path) {
    if (is_secret(from)) return secret(by, from, path);
    const bool is_null = (by.types & type_null) != 0 && type_of(from) == type_null;
    if (by.format != unit::none && !is_null) return with_unit(by, from, path);
    if (by.types && !(by.types & type_of(from))) return wrong(from, path, type_words(by));
    if (!by.values.empty() && !one_of(by, from, path)) return false;
    if (from.is_map()) return map(by, from, path);
    if (from.is_sequence()) return list(by, from, path);
    if (!in_bounds(by, from, path)) return false;
    // A float such as 3.0 becomes an integer where the schema says integer.
    if (auto number = number_of(from); number && (by.types & type_integer) && !(by.types & type_number)) {
      if (std::fabs(*number) < 9e15) return writer_.integer(static_cast<std::int64_t>(*number)), true;
    }
    return encode_term(to_, from, writer_);
  }

  // `from` nullptr: no args are written, and errors are placed at `owner`.
  bool map(const rule& by, const node* from, const node& owner, const std::string& path,
           args_schema::part what = args_schema::part::whole) {
    const std::size_t given = from ? from->items.size() / 2 : 0;
    std::uint32_t absent = 0;
    for (const auto& [key, one] : by.properties)
      if (!one.fallback.is_null() && !(from && from->find(key))) ++absent;
    writer_.map(static_cast<std::uint32_t>(given) + absent);
    bool good = true;
    for (std::size_t i = 0; i < given; ++i)
      good = pair(by, *from->items[2 * i], *from->items[2 * i + 1], path) && good;
    for (const auto& [key, one] : by.properties) {
      if (one.fallback.is_null() || (from && from->find(key))) continue;
      writer_.atom(key);
      encode_fallback(one);
    }
    for (const auto& key : by.required) {
      if (what == args_schema::part::of_template || (from && from->find(key))) continue;
      if (const rule* known = by.find(key); known && !known->fallback.is_null()) continue;
      to_.error((from ? *from : owner).at, path + ": the key '" + key + "' is missing",
                "the plugin's schema requires it");
      good = false;
    }
    return good;
  }

 private:
  bool map(const rule& by, const node& from, const std::string& path) { return map(by, &from, from, path); }

  bool pair(const rule& by, const node& key, const node& from, const std::string& path) {
    if (!encode_key(to_, key, writer_)) return false;
    const rule* known = by.find(key.text);
    if (!known && by.additional) known = by.additional.get();
    if (known) return value(*known, from, path + "." + printable(key.text));
    if (!by.closed) return encode_term(to_, from, writer_);
    std::vector<std::string_view> names;
    for (const auto& one : by.properties) names.push_back(one.key);
    to_.error(key.at, path + ": " + unknown_key_text(key), hint_for_key(to_, key, from, names));
    return false;
  }

  // The marker's text is read, and checked, when an actor starts.
  bool secret(const rule& by, const node& from, const std::string& path) {
    if (by.format == unit::none && (by.types == 0 || (by.types & type_string)))
      return encode_term(to_, from, writer_);
    to_.error(from.at, path + ": expected " + type_words(by) + ", found a secret", "a secret is a text");
    return false;
  }

  bool list(const rule& by, const node& from, const std::string& path) {
    if (from.items.size() < by.fewest || from.items.size() > by.largest) {
      to_.error(from.at, path + ": has " + std::to_string(from.items.size()) + " elements, " +
                             (from.items.size() < by.fewest ? "at least " + std::to_string(by.fewest)
                                                            : "at most " + std::to_string(by.largest)) +
                             " are wanted");
      return false;
    }
    static const rule anything;
    writer_.list(static_cast<std::uint32_t>(from.items.size()));
    bool good = true;
    for (std::size_t i = 0; i < from.items.size(); ++i)
      good = value(by.items ? *by.items : anything, *from.items[i], path + "[" + std::to_string(i) + "]") &&
             good;
    writer_.nil();
    return good;
  }

  bool with_unit(const rule& by, const node& from, const std::string& path) {
    std::optional<std::int64_t> amount;
    const bool scalar = from.what == node::kind::scalar;
    if (scalar && by.format == unit::duration) {
      if (auto time = parse_duration(from.text)) amount = time->count();
    } else if (scalar) {
      if (auto bytes = parse_size(from.text); bytes && *bytes < (1ull << 63))
        amount = static_cast<std::int64_t>(*bytes);
    }
    auto resolved = resolve(from);
    if (auto* whole = std::get_if<whole_number>(&resolved); !amount && whole && !whole->negative) {
      // A size without a unit is in bytes. A duration without a unit is ambiguous.
      if (by.format == unit::duration)
        return wrong(
            from, path, type_words(by),
            from.is_secret ? "which unit?" : "which unit? " + from.text + "ms or " + from.text + "s");
      amount = whole->as_signed();
    }
    if (!amount) return wrong(from, path, type_words(by));
    if (!check_range(by, static_cast<double>(*amount), from, path)) return false;
    writer_.integer(*amount);
    return true;
  }

  bool in_bounds(const rule& by, const node& from, const std::string& path) {
    if (auto number = number_of(from)) return check_range(by, *number, from, path);
    if (type_of(from) != type_string) return true;
    const std::size_t length = base::utf8_count(from.text);
    if (length >= by.shortest && length <= by.longest) return true;
    to_.error(from.at, path + ": " + quoted(from) + " has " + std::to_string(length) + " characters, " +
                           (length < by.shortest ? "at least " + std::to_string(by.shortest)
                                                 : "at most " + std::to_string(by.longest)) +
                           " are wanted");
    return false;
  }

  bool check_range(const rule& by, double number, const node& from, const std::string& path) {
    auto shown = [&by](double bound) {
      if (by.format == unit::duration) return print_duration(milliseconds(static_cast<std::int64_t>(bound)));
      if (by.format == unit::size) return print_size(static_cast<std::uint64_t>(bound));
      return bound == std::floor(bound) && std::fabs(bound) < 9e15
                 ? std::to_string(static_cast<std::int64_t>(bound))
                 : base::json_text(json(bound));
    };
    std::string wanted;
    if (number < by.least || (by.above && number <= by.least))
      wanted = (by.above ? "more than " : "at least ") + shown(by.least);
    if (number > by.most || (by.below && number >= by.most))
      wanted = (by.below ? "less than " : "at most ") + shown(by.most);
    if (wanted.empty()) return true;
    to_.error(from.at, path + ": must be " + wanted + ", found " +
                           (from.is_secret ? "another" : printable(from.text)));
    return false;
  }

  bool one_of(const rule& by, const node& from, const std::string& path) {
    std::string expected;
    std::vector<std::string> words;
    for (const auto& one : by.values) {
      if (equals(one, from)) return true;
      words.push_back(one.is_string() ? one.get<std::string>() : base::json_text(one));
      expected += (expected.empty() ? "" : &one == &by.values.back() ? " or " : ", ") + words.back();
    }
    std::vector<std::string_view> known(words.begin(), words.end());
    return wrong(from, path, expected,
                 from.what == node::kind::scalar ? base::did_you_mean(from.text, known) : "");
  }

  void encode_fallback(const rule& by) {
    if (by.fallback.is_string()) {
      const auto& written = by.fallback.get_ref<const std::string&>();
      if (by.format == unit::duration)
        if (auto time = parse_duration(written)) return writer_.integer(time->count());
      if (by.format == unit::size)
        if (auto bytes = parse_size(written)) return writer_.unsigned_integer(*bytes);
    }
    encode_json(by.fallback, writer_);
  }

  bool wrong(const node& from, const std::string& path, const std::string& expected, std::string hint = {}) {
    to_.error(from.at, path + ": expected " + expected + ", found " + describe(from), std::move(hint));
    return false;
  }

  report& to_;
  etf::writer& writer_;
};

} // namespace

args_schema::args_schema(std::unique_ptr<rule> root) : root_(std::move(root)) {}
args_schema::args_schema(args_schema&&) noexcept = default;
args_schema& args_schema::operator=(args_schema&&) noexcept = default;
args_schema::~args_schema() = default;

base::result<args_schema> args_schema::compile(std::string_view json_text) {
  auto root = std::make_unique<rule>();
  if (json_text.empty()) return args_schema(std::move(root));
  if (base::nests_deeper(json_text, deepest_schema)) return invalid("", "nested too deeply");
  try {
    auto done = compile_into(json::parse(json_text), "", *root);
    if (!done) return unexpected(done.error());
  } catch (const std::exception& error) {
    return base::fail(base::errc::invalid, error.what());
  }
  if (root->types && root->types != type_object)
    return invalid("", "args are a map: its type must be object");
  return args_schema(std::move(root));
}

bool args_schema::encode(report& to, const node* args, const node& owner, encoded_term& into, part what,
                         std::string_view key) const {
  etf::vector_writer writer;
  if (args && !args->is_map()) return false; // reported where the key was read
  bool good = walk(to, writer).map(*root_, args, owner, std::string(key), what);
  into = writer.take();
  return good;
}

} // namespace coppice::spec
