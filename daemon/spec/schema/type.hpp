// SPDX-License-Identifier: MIT
// The words a schema table is written in. A type of value knows four things: how to read it from YAML
// (reporting what is wrong and going on), how to print it, how to describe it as JSON Schema, and, through
// the struct it fills, its default. A table is a struct's keys, each a row of name, member, type, sentence,
// whether this version has it, and what a change of it takes; parser, defaults, JSON Schema, `--effective`
// and `diff` all come from it. The tables are immutable after their construction; a `reader` belongs to one
// load.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// Keeps keys in the order of the table.
using json = nlohmann::ordered_json;

// The context in which a value is read.
struct reader {
  const sources* texts;
  report* to;
  std::string path; // the keys from the nearest list's element down, joined by dots

  void error(const node& at, std::string message, std::string hint = {}) {
    to->error(at.at, std::move(message), std::move(hint));
  }
  // "KEY: expected WHAT, found …"
  void wrong_type(const node& at, std::string_view expected, std::string hint = {});
};

template <class T>
class value_type {
 public:
  virtual ~value_type() = default;
  // False after an error; `into` then keeps a value that is good enough to go on checking.
  virtual bool read(reader&, const node&, T& into) const = 0;
  virtual json print(const T&) const = 0;
  // JSON Schema; subschemas that refer to themselves go into `definitions`.
  virtual json describe(json& definitions) const = 0;
};

// The effect on a running process when a key of its specification changes.
enum class change_effect : std::uint8_t {
  restarts,  // it starts anew
  live,      // it goes on: the process, or its supervisor, is told
  elsewhere, // the table passes over the key; the code that compares the structs looks at it
};

// The keys in which two values differ, with the way to each from the outermost table: "pool.queue.limit".
struct changed_keys {
  std::vector<std::string> restarts;
  std::vector<std::string> live;

  std::vector<std::string>& of(change_effect effect) {
    return effect == change_effect::live ? live : restarts;
  }
};

// Whether == compares the contents of two values. A vector has an == whatever its elements are, and pointers
// compare addresses.
template <class T>
inline constexpr bool has_equality = std::equality_comparable<T>;
template <class T>
inline constexpr bool has_equality<std::vector<T>> = has_equality<T>;
template <class T>
inline constexpr bool has_equality<std::optional<T>> = has_equality<T>;
template <class T>
inline constexpr bool has_equality<std::shared_ptr<T>> = false;
template <class T>
inline constexpr bool has_equality<std::unique_ptr<T>> = false;

// Compares two values by their type's own compare(), else by ==. Values that have neither count as changed.
template <class Type, class T>
void compare_values(const Type& type, const T& before, const T& after, std::string_view prefix,
                    std::string_view key, change_effect effect, changed_keys& to) {
  if constexpr (requires { type.compare(before, after, prefix, key, effect, to); }) {
    type.compare(before, after, prefix, key, effect, to);
  } else if constexpr (has_equality<T>) {
    if (!(before == after)) to.of(effect).push_back(std::string(prefix).append(key));
  } else {
    to.of(effect).push_back(std::string(prefix).append(key));
  }
}

// Whether a change of the key `below` a value of this type is live: "log.level". False: the type has no keys.
template <class Type>
bool is_live_below(const Type& type, std::string_view below) {
  if constexpr (requires { type.is_live(below); })
    return type.is_live(below);
  else
    return false;
}

// Whether a key can be used in this version. A key that cannot be used is accepted only with its default.
enum class available { now, later };

// One key of a struct, whatever the type of its member.
template <class Struct>
class row {
 public:
  row(std::string_view its_key, available from_when, std::string_view its_sentence)
      : key(its_key), when(from_when), sentence(its_sentence) {}
  virtual ~row() = default;
  virtual bool read(reader&, const node&, Struct&) const = 0;
  virtual json print(const Struct&) const = 0;
  virtual json describe(json& definitions) const = 0;
  // Adds this key, or keys below it, if the two structs differ in it.
  virtual void compare(const Struct& before, const Struct& after, std::string_view prefix,
                       changed_keys&) const = 0;
  // Whether a change of this key, or of the key `below` it (empty: of this key), is live.
  virtual bool is_live(std::string_view below) const = 0;

  const std::string_view key;
  const available when;
  const std::string_view sentence;
  bool required = false;
  change_effect effect = change_effect::restarts;
  change_effect (*decide)(const Struct& before, const Struct& after) = nullptr; // null: `effect`
};

template <class Struct, auto Member, class Type>
class member_row final : public row<Struct> {
 public:
  member_row(std::string_view its_key, Type type, available from_when, std::string_view its_sentence)
      : row<Struct>(its_key, from_when, its_sentence), type_(std::move(type)) {}
  bool read(reader& from, const node& value, Struct& into) const override {
    return type_.read(from, value, into.*Member);
  }
  json print(const Struct& from) const override { return type_.print(from.*Member); }
  json describe(json& definitions) const override { return type_.describe(definitions); }
  void compare(const Struct& before, const Struct& after, std::string_view prefix,
               changed_keys& to) const override {
    const change_effect its = this->decide != nullptr ? this->decide(before, after) : this->effect;
    if (its == change_effect::elsewhere) return;
    compare_values(type_, before.*Member, after.*Member, prefix, this->key, its, to);
  }
  bool is_live(std::string_view below) const override {
    return this->effect == change_effect::live || is_live_below(type_, below);
  }

 private:
  Type type_;
};

// Parts of every table that do not need the struct's type, kept out of the template.
// "unknown key 'KEY'"; without KEY if the key itself may be a secret.
std::string unknown_key_text(const node& key);
// A hint with the known key that is meant, otherwise with all known keys. Hides the value, which may be a
// secret under a wrong key, unless the key is misspelt for one whose value is no secret.
std::string hint_for_key(report&, const node& key, const node& value,
                         const std::vector<std::string_view>& known);
void unknown_key(reader&, const node& key, const node& value, const std::vector<std::string_view>& known);
void not_available(reader&, const node& at, std::string_view key, const json& default_value,
                   const node& value);

// The keys of a struct.
template <class Struct>
class table final : public value_type<Struct> {
 public:
  using check_function = void (*)(reader&, const node&, Struct&);

  template <auto Member, class Type>
  table add(std::string_view key, Type type, std::string_view sentence, available when = available::now) && {
    rows_.push_back(std::make_unique<member_row<Struct, Member, Type>>(key, std::move(type), when, sentence));
    return std::move(*this);
  }
  table add(std::vector<std::unique_ptr<row<Struct>>> more) && {
    for (auto& one : more) rows_.push_back(std::move(one));
    return std::move(*this);
  }
  // The key of the row added last is required.
  table needed() && {
    rows_.back()->required = true;
    return std::move(*this);
  }
  // A change of the row added last is live.
  table live() && {
    rows_.back()->effect = change_effect::live;
    return std::move(*this);
  }
  // compare() passes over the row added last.
  table elsewhere() && {
    rows_.back()->effect = change_effect::elsewhere;
    return std::move(*this);
  }
  // The effect of a change of the row added last depends on both values of the struct.
  table when(change_effect (*decide)(const Struct& before, const Struct& after)) && {
    rows_.back()->decide = decide;
    return std::move(*this);
  }
  // Runs after the keys are read, for what several of them must fulfil together; `schema` says the same
  // in JSON Schema.
  table check(check_function function, json schema = json::object()) && {
    check_ = function;
    extra_ = std::move(schema);
    return std::move(*this);
  }

  // Changes the printed JSON so that it can be read back; null leaves the whole out.
  table prune(void (*function)(const Struct&, json&)) && {
    prune_ = function;
    return std::move(*this);
  }

  bool read(reader& from, const node& value, Struct& into) const override {
    if constexpr (requires { into.at; }) into.at = value.at;
    if (!value.is_map()) {
      from.wrong_type(value, "a map");
      return false;
    }
    const std::size_t length = from.path.size();
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
      const row<Struct>* found = find(value.items[i]->text);
      if (!found) {
        unknown_key(from, *value.items[i], *value.items[i + 1], keys());
        continue;
      }
      if (length) from.path += '.';
      from.path += found->key;
      read_row(from, *found, *value.items[i], *value.items[i + 1], into);
      from.path.resize(length);
    }
    for (const auto& one : rows_)
      if (one->required && !value.find(one->key))
        from.error(value, "the key '" + std::string(one->key) + "' is missing", std::string(one->sentence));
    if (check_) check_(from, value, into);
    return true;
  }

  json print(const Struct& from) const override {
    json result = json::object();
    for (const auto& one : rows_) {
      json value = one->print(from);
      if (!value.is_null() && is_accepted(*one, value)) result[std::string(one->key)] = std::move(value);
    }
    if (prune_) prune_(from, result);
    return result;
  }

  // Adds the keys in which both values differ, each behind `prefix`, in the table's order.
  void compare(const Struct& before, const Struct& after, std::string_view prefix, changed_keys& to) const {
    for (const auto& one : rows_) one->compare(before, after, prefix, to);
  }
  // Whether a change of the key at this path ("node.log.level") is live. False: also if there is no such
  // key.
  bool is_live(std::string_view path) const {
    const std::string_view first = path.substr(0, path.find('.'));
    const row<Struct>* const found = find(first);
    return found != nullptr && found->is_live(path.substr(std::min(path.size(), first.size() + 1)));
  }

  json describe(json& definitions) const override {
    json result = {{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}};
    json required = json::array();
    const Struct defaults{};
    for (const auto& one : rows_) {
      json fallback = one->print(defaults);
      json property;
      if (!is_accepted(*one, fallback)) continue;
      if (one->when == available::later)
        property["const"] = fallback;
      else
        property = one->describe(definitions);
      property["description"] = one->sentence;
      if (!fallback.is_null() && !one->required) property["default"] = std::move(fallback);
      result["properties"][std::string(one->key)] = std::move(property);
      if (one->required) required.push_back(one->key);
    }
    if (!required.empty()) result["required"] = std::move(required);
    result.update(extra_);
    return result;
  }

 private:
  const row<Struct>* find(std::string_view key) const {
    for (const auto& one : rows_)
      if (one->key == key) return one.get();
    return nullptr;
  }
  std::vector<std::string_view> keys() const {
    std::vector<std::string_view> all;
    for (const auto& one : rows_) all.push_back(one->key);
    return all;
  }
  // A key that is not available is accepted only with a simple default; without a default it is not
  // accepted.
  static bool is_accepted(const row<Struct>& one, const json& fallback) {
    return one.when == available::now || (fallback.is_primitive() && !fallback.is_null());
  }
  void read_row(reader& from, const row<Struct>& one, const node& key, const node& value,
                Struct& into) const {
    if (one.when == available::now) {
      one.read(from, value, into);
      return;
    }
    // Read with a report of its own: a key that is not available is one error, whatever else is wrong with
    // it.
    Struct scratch{};
    const json fallback = one.print(scratch);
    report unheard(*from.texts);
    reader aside{from.texts, &unheard, from.path};
    bool same = is_accepted(one, fallback) && one.read(aside, value, scratch) && !unheard.failed() &&
                one.print(scratch) == fallback;
    if (!same) not_available(from, key, from.path, fallback, value);
  }

  std::vector<std::unique_ptr<row<Struct>>> rows_;
  check_function check_ = nullptr;
  void (*prune_)(const Struct&, json&) = nullptr;
  json extra_ = json::object();
};

// How two values of a section are compared: as one, or by their keys.
enum class compared : bool { whole, by_key };

// Another table, by the function that gives it.
template <class T>
class section final : public value_type<T> {
 public:
  using source_function = const table<T>& (*)();
  explicit section(source_function source, compared how = compared::whole) : source_(source), how_(how) {}
  bool read(reader& from, const node& value, T& into) const override {
    return source_().read(from, value, into);
  }
  json print(const T& value) const override { return source_().print(value); }
  json describe(json& definitions) const override { return source_().describe(definitions); }
  void compare(const T& before, const T& after, std::string_view prefix, std::string_view key,
               change_effect effect, changed_keys& to) const {
    const std::string name = std::string(prefix).append(key);
    if (how_ == compared::by_key) return source_().compare(before, after, name + ".", to);
    if constexpr (has_equality<T>)
      if (before == after) return;
    to.of(effect).push_back(name);
  }
  bool is_live(std::string_view below) const { return source_().is_live(below); }

 private:
  source_function source_;
  compared how_;
};

// A table that contains itself further down: described once, by name.
template <class T>
class named_section final : public value_type<T> {
 public:
  using source_function = const table<T>& (*)();
  named_section(std::string_view name, source_function source) : name_(name), source_(source) {}
  bool read(reader& from, const node& value, T& into) const override {
    return source_().read(from, value, into);
  }
  json print(const T& value) const override { return source_().print(value); }
  json describe(json& definitions) const override {
    if (!definitions.contains(name_)) {
      definitions[name_] = nullptr;
      // By value first: describing inserts further definitions.
      json described = source_().describe(definitions);
      definitions[name_] = std::move(described);
    }
    return {{"$ref", "#/$defs/" + name_}};
  }

 private:
  std::string name_;
  source_function source_;
};

// A value that may be absent. Holder is optional<T> or unique_ptr<T>; absent prints as null.
template <class Holder, class Type>
class maybe final : public value_type<Holder> {
 public:
  explicit maybe(Type type) : type_(std::move(type)) {}
  bool read(reader& from, const node& value, Holder& into) const override {
    if constexpr (requires { into.emplace(); })
      into.emplace();
    else
      into = std::make_unique<typename Holder::element_type>();
    return type_.read(from, value, *into);
  }
  json print(const Holder& value) const override { return value ? type_.print(*value) : json(nullptr); }
  json describe(json& definitions) const override { return type_.describe(definitions); }
  // A value that comes or goes is a change of the key itself.
  void compare(const Holder& before, const Holder& after, std::string_view prefix, std::string_view key,
               change_effect effect, changed_keys& to) const {
    if (before && after) return compare_values(type_, *before, *after, prefix, key, effect, to);
    if (before || after) to.of(effect).push_back(std::string(prefix).append(key));
  }
  bool is_live(std::string_view below) const { return is_live_below(type_, below); }

 private:
  Type type_;
};

template <class T, class Type>
class list final : public value_type<std::vector<T>> {
 public:
  explicit list(Type type) : type_(std::move(type)) {}
  bool read(reader& from, const node& value, std::vector<T>& into) const override {
    into.clear();
    if (!value.is_sequence()) {
      from.wrong_type(value, "a list");
      return false;
    }
    // Messages name the keys of an element without the path to the list.
    std::string path;
    if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) std::swap(path, from.path);
    into.reserve(value.items.size());
    bool good = true;
    for (const node* one : value.items) good = type_.read(from, *one, into.emplace_back()) && good;
    if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) std::swap(path, from.path);
    return good;
  }
  json print(const std::vector<T>& value) const override {
    json result = json::array();
    for (const auto& one : value) result.push_back(type_.print(one));
    return result;
  }
  json describe(json& definitions) const override {
    return {{"type", "array"}, {"items", type_.describe(definitions)}};
  }

 private:
  Type type_;
};

} // namespace coppice::spec
