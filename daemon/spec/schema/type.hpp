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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/rows.hpp"

namespace coppice::spec {

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

template <class Struct, auto Member, class Type>
class member_row final : public row {
 public:
  member_row(std::string_view its_key, Type type, available from_when, std::string_view its_sentence)
      : row(its_key, from_when, its_sentence), type_(std::move(type)) {}
  bool read(reader& from, const node& value, void* into) const override {
    return type_.read(from, value, static_cast<Struct*>(into)->*Member);
  }
  json print(const void* from) const override { return type_.print(member(from)); }
  json describe(json& definitions) const override { return type_.describe(definitions); }
  void compare(const void* before, const void* after, std::string_view prefix,
               changed_keys& to) const override {
    const change_effect its = effect_of(before, after);
    if (its != change_effect::elsewhere)
      compare_values(type_, member(before), member(after), prefix, key, its, to);
  }
  bool is_live(std::string_view below) const override {
    return effect == change_effect::live || is_live_below(type_, below);
  }

 private:
  static const auto& member(const void* of) { return static_cast<const Struct*>(of)->*Member; }

  Type type_;
};

// The keys of a struct, and what they must fulfil together.
template <class Struct>
class table final : public value_type<Struct> {
 public:
  using check_function = void (*)(reader&, const node&, Struct&);

  template <auto Member, class Type>
  table&& add(std::string_view key, Type type, std::string_view sentence,
              available when = available::now) && {
    rows_.add(std::make_unique<member_row<Struct, Member, Type>>(key, std::move(type), when, sentence));
    return std::move(*this);
  }
  // Rows whose functions take a Struct.
  table&& add(std::vector<std::unique_ptr<row>> more) && {
    for (auto& one : more) rows_.add(std::move(one));
    return std::move(*this);
  }
  // The key of the row added last is required.
  table&& needed() && {
    rows_.last().required = true;
    return std::move(*this);
  }
  // A change of the row added last is live.
  table&& live() && {
    rows_.last().effect = change_effect::live;
    return std::move(*this);
  }
  // compare() passes over the row added last.
  table&& elsewhere() && {
    rows_.last().effect = change_effect::elsewhere;
    return std::move(*this);
  }
  // The effect of a change of the row added last depends on both values of the struct.
  table&& when(change_effect (*decide)(const Struct& before, const Struct& after)) && {
    rows_.last().decide = [decide](const void* before, const void* after) {
      return decide(*static_cast<const Struct*>(before), *static_cast<const Struct*>(after));
    };
    return std::move(*this);
  }
  // Runs after the keys are read, for what several of them must fulfil together; `schema` says the same
  // in JSON Schema.
  table&& check(check_function function, json schema = json::object()) && {
    check_ = function;
    extra_ = std::move(schema);
    return std::move(*this);
  }

  // Changes the printed JSON so that it can be read back; null leaves the whole out.
  table&& prune(void (*function)(const Struct&, json&)) && {
    prune_ = function;
    return std::move(*this);
  }

  bool read(reader& from, const node& value, Struct& into) const override {
    if constexpr (requires { into.at; }) into.at = value.at;
    if (!rows_.read(from, value, &into)) return false;
    if (check_) check_(from, value, into);
    return true;
  }

  json print(const Struct& from) const override {
    json result = rows_.print(&from);
    if (prune_) prune_(from, result);
    return result;
  }

  // Adds the keys in which both values differ, each behind `prefix`, in the table's order.
  void compare(const Struct& before, const Struct& after, std::string_view prefix, changed_keys& to) const {
    rows_.compare(&before, &after, prefix, to);
  }
  // Whether a change of the key at this path ("node.log.level") is live. False: also if there is no such
  // key.
  bool is_live(std::string_view path) const { return rows_.is_live(path); }

  json describe(json& definitions) const override { return rows_.describe(definitions, extra_); }

 private:
  table_rows rows_{[]() -> std::shared_ptr<void> { return std::make_shared<Struct>(); }};
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

// JSON Schema of a list whose elements `items` describes.
json describe_list(json items);

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
  json describe(json& definitions) const override { return describe_list(type_.describe(definitions)); }

 private:
  Type type_;
};

} // namespace coppice::spec
