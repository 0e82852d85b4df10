// SPDX-License-Identifier: MIT
// The simple types a schema table names: texts, numbers, choices, durations, sizes, paths. Each reads one
// scalar, and says in JSON Schema exactly what it reads. Immutable; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/type.hpp"
#include "spec/schema/values.hpp"
#include "tree/supervision.hpp"
#include "tree/words.hpp"

namespace coppice::spec {

// The text of a scalar that is a text; nullopt: it is none, and "expected WHAT" is reported.
std::optional<std::string> read_text(reader&, const node&, std::string_view expected);

// A text with a rule of its own.
class text final : public value_type<std::string> {
 public:
  // Empty if the text is good, else what is wrong: "must …".
  using rule = std::string (*)(std::string_view);
  // `pattern`: the rule as a regular expression, for the JSON Schema.
  explicit text(std::string_view expected, rule check = nullptr, std::string_view pattern = {})
      : expected_(expected), check_(check), pattern_(pattern) {}
  bool read(reader&, const node&, std::string& into) const override;
  json print(const std::string& value) const override { return value.empty() ? json(nullptr) : json(value); }
  json describe(json&) const override;

 private:
  std::string_view expected_;
  rule check_;
  std::string_view pattern_;
};

// A path, made absolute with the folder of the file that has it. `keyword` is taken as it is.
class path final : public value_type<std::string> {
 public:
  explicit path(std::string_view keyword = {}) : keyword_(keyword) {}
  bool read(reader&, const node&, std::string& into) const override;
  json print(const std::string& value) const override { return value; }
  json describe(json&) const override { return {{"type", "string"}, {"minLength", 1}}; }

 private:
  std::string_view keyword_;
};

class flag final : public value_type<bool> {
 public:
  bool read(reader&, const node&, bool& into) const override;
  json print(const bool& value) const override { return value; }
  json describe(json&) const override { return {{"type", "boolean"}}; }
};

// A whole number from `least` to `most`; nullopt: it is none, and that is reported.
std::optional<std::uint64_t> read_whole(reader&, const node&, std::uint64_t least, std::uint64_t most);
json describe_whole(std::uint64_t least, std::uint64_t most);

// A whole number from `least` to `most`.
template <class T>
class whole final : public value_type<T> {
 public:
  whole(T least, T most) : least_(least), most_(most) {}
  bool read(reader& from, const node& value, T& into) const override {
    const std::optional<std::uint64_t> number = read_whole(from, value, least_, most_);
    if (number) into = static_cast<T>(*number);
    return number.has_value();
  }
  json print(const T& value) const override { return value; }
  json describe(json&) const override { return describe_whole(least_, most_); }

 private:
  T least_, most_;
};

// How many of something: a number from 1 to `most`, `cores`, or a multiple: `2x cores`. The result is a
// number.
class per_core final : public value_type<std::uint32_t> {
 public:
  // `most`: at most 99999.
  explicit per_core(std::uint32_t most) : most_(most) {}
  bool read(reader&, const node&, std::uint32_t& into) const override;
  json print(const std::uint32_t& value) const override { return value; }
  json describe(json&) const override;

 private:
  std::uint32_t most_;
};

// A number from `least` to `most`.
class real final : public value_type<double> {
 public:
  real(double least, double most) : least_(least), most_(most) {}
  bool read(reader&, const node&, double& into) const override;
  json print(const double& value) const override { return value; }
  json describe(json&) const override {
    return {{"type", "number"}, {"minimum", least_}, {"maximum", most_}};
  }

 private:
  double least_, most_;
};

// `10ms`, `5s`, `2m`, `1h`, not below `least`.
class duration final : public value_type<milliseconds> {
 public:
  explicit duration(milliseconds least = milliseconds(0)) : least_(least) {}
  bool read(reader&, const node&, milliseconds& into) const override;
  json print(const milliseconds& value) const override { return print_duration(value); }
  json describe(json&) const override;

 private:
  milliseconds least_; // 0, or a power of ten up to a second
};

// A duration whose member is in nanoseconds.
class duration_in_nanos final : public value_type<base::nanos> {
 public:
  bool read(reader& from, const node& value, base::nanos& into) const override;
  json print(const base::nanos& value) const override {
    return duration().print(base::to_milliseconds(value));
  }
  json describe(json& definitions) const override { return duration().describe(definitions); }
};

// `64KiB`, `1MB`.
class size final : public value_type<std::uint64_t> {
 public:
  bool read(reader&, const node&, std::uint64_t& into) const override;
  json print(const std::uint64_t& value) const override { return print_size(value); }
  json describe(json&) const override { return {{"type", "string"}, {"pattern", size_pattern}}; }
};

// Which of the words the value is, as an index; nullopt: none, and that is reported.
std::optional<std::size_t> read_word(reader&, const node&, const std::vector<std::string_view>& words);
json describe_words(const std::vector<std::string_view>& words);

// One of a few words.
template <class E>
class choice final : public value_type<E> {
 public:
  using word = std::pair<std::string_view, E>;
  // All words of the enumeration.
  choice() requires tree::has_words<E> {
    for (const std::string_view one : tree::words<E>) add(one, *tree::value_of<E>(one));
  }
  choice(std::initializer_list<word> words) {
    for (const auto& [text, value] : words) add(text, value);
  }
  bool read(reader& from, const node& value, E& into) const override {
    const std::optional<std::size_t> found = read_word(from, value, words_);
    if (found) into = values_[*found];
    return found.has_value();
  }
  json print(const E& value) const override {
    const auto found = std::find(values_.begin(), values_.end(), value);
    if (found == values_.end()) return nullptr;
    return words_[static_cast<std::size_t>(found - values_.begin())];
  }
  json describe(json&) const override { return describe_words(words_); }

 private:
  void add(std::string_view text, E value) {
    words_.push_back(text);
    values_.push_back(value);
  }

  std::vector<std::string_view> words_;
  std::vector<E> values_; // of the words, in their order
};

// JSON Schema of a value that is the word, or what `other` describes.
json describe_either(std::string_view word, json other);

// A value, or a word for none: `auto`, `infinity`.
template <class T, class Type>
class or_word final : public value_type<std::optional<T>> {
 public:
  or_word(std::string_view word, Type type) : word_(word), type_(std::move(type)) {}
  bool read(reader& from, const node& value, std::optional<T>& into) const override {
    if (value.what == node::kind::scalar && value.text == word_) {
      into.reset();
      return true;
    }
    T read{};
    bool good = type_.read(from, value, read);
    into = read;
    return good;
  }
  json print(const std::optional<T>& value) const override {
    return value ? type_.print(*value) : json(word_);
  }
  json describe(json& definitions) const override {
    return describe_either(word_, type_.describe(definitions));
  }

 private:
  std::string_view word_;
  Type type_;
};

// `75%` or a size.
class memory final : public value_type<memory_limit> {
 public:
  bool read(reader&, const node&, memory_limit& into) const override;
  json print(const memory_limit& value) const override;
  json describe(json&) const override;
};

// `15000-65000`, or one port; 0: any.
class ports final : public value_type<port_range> {
 public:
  bool read(reader&, const node&, port_range& into) const override;
  json print(const port_range& value) const override;
  json describe(json&) const override;
};

// A file mode in quotes, "0660".
class file_mode final : public value_type<std::uint32_t> {
 public:
  bool read(reader&, const node&, std::uint32_t& into) const override;
  json print(const std::uint32_t& value) const override;
  json describe(json&) const override { return {{"type", "string"}, {"pattern", "^0?[0-7]{3}$"}}; }
};

// For a row's check: an error at the key of the map `at` if its value, a size, is larger than `most`.
void no_more_than(reader& from, const node& at, std::string_view key, std::uint64_t value,
                  std::uint64_t most);

// For a row's check: an error at the key of the map `at`, if it is written. `unless`: the condition under
// which it has an effect.
void without_effect(reader& from, const node& at, std::string_view key, std::string_view unless);

// A time, brutal_kill or infinity.
class shutdown_time final : public value_type<tree::shutdown_limit> {
 public:
  bool read(reader&, const node&, tree::shutdown_limit& into) const override;
  json print(const tree::shutdown_limit& value) const override;
  json describe(json&) const override;
};

// A map that becomes a term; see term.hpp.
class term final : public value_type<encoded_term> {
 public:
  bool read(reader&, const node&, encoded_term& into) const override;
  json print(const encoded_term& value) const override;
  json describe(json&) const override { return {{"type", "object"}}; }
  // The keys of the map that differ: "args.max_entries".
  static void compare(const encoded_term& before, const encoded_term& after, std::string_view prefix,
                      std::string_view key, change_effect effect, changed_keys& to);
};

} // namespace coppice::spec
