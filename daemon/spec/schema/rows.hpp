// SPDX-License-Identifier: MIT
// The keys of a schema table, for code that does not know the struct which the table fills. A table reads,
// prints, describes and compares its struct key by key. These loops are no template of the struct, because
// the compiler would then make them again for each of some seventy structs. type.hpp has the typed table.
// Immutable after construction; a `reader` belongs to one load.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
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

// Whether a key can be used in this version. A key that cannot be used is accepted only with its default.
enum class available { now, later };

// One key of a struct, whatever the types of the struct and of its member. The functions take pointers to the
// struct that the key's table fills.
class row {
 public:
  row(std::string_view its_key, available from_when, std::string_view its_sentence)
      : key(its_key), when(from_when), sentence(its_sentence) {}
  row(const row&) = delete;
  row& operator=(const row&) = delete;
  virtual ~row() = default;
  // False after an error; `into` then keeps a value that is good enough to go on checking.
  virtual bool read(reader&, const node&, void* into) const = 0;
  virtual json print(const void* from) const = 0;
  // JSON Schema; subschemas that refer to themselves go into `definitions`.
  virtual json describe(json& definitions) const = 0;
  // Adds this key, or keys below it, if the two structs differ in it.
  virtual void compare(const void* before, const void* after, std::string_view prefix,
                       changed_keys&) const = 0;
  // Whether a change of this key, or of the key `below` it (empty: of this key), is live.
  virtual bool is_live(std::string_view below) const = 0;

  change_effect effect_of(const void* before, const void* after) const {
    return decide ? decide(before, after) : effect;
  }

  const std::string_view key;
  const available when;
  const std::string_view sentence;
  bool required = false;
  change_effect effect = change_effect::restarts;
  std::function<change_effect(const void* before, const void* after)> decide; // empty: `effect`
};

// The keys of a struct, in the table's order.
class table_rows {
 public:
  // `fresh` makes a struct that has the defaults.
  explicit table_rows(std::shared_ptr<void> (*fresh)()) : fresh_(fresh) {}
  void add(std::unique_ptr<row> one) { rows_.push_back(std::move(one)); }
  row& last() { return *rows_.back(); }

  // False: the value is no map. Errors of single keys are reported, and the keys after them are read.
  bool read(reader&, const node&, void* into) const;
  // Keys whose value prints as null are left out.
  json print(const void* from) const;
  // `extra`: joined to the description.
  json describe(json& definitions, const json& extra) const;
  void compare(const void* before, const void* after, std::string_view prefix, changed_keys&) const;
  // Whether a change of the key at this path ("node.log.level") is live. False: also if there is no such
  // key.
  bool is_live(std::string_view path) const;

 private:
  const row* find(std::string_view key) const;
  std::vector<std::string_view> keys() const;
  void read_row(reader&, const row&, const node& key, const node& value, void* into) const;

  std::vector<std::unique_ptr<row>> rows_;
  std::shared_ptr<void> (*fresh_)();
};

// "unknown key 'KEY'"; without KEY if the key itself may be a secret.
std::string unknown_key_text(const node& key);
// A hint with the known key that is meant, otherwise with all known keys. Hides the value, which may be a
// secret under a wrong key, unless the key is misspelt for one whose value is no secret.
std::string hint_for_key(report&, const node& key, const node& value,
                         const std::vector<std::string_view>& known);

} // namespace coppice::spec
