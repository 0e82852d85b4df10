// SPDX-License-Identifier: MIT
// A compiled schema: a tree with a rule for each value. Private to args_*.cpp; immutable once compiled.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/args_schema.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

enum type_bit : unsigned {
  type_null = 1,
  type_boolean = 2,
  type_integer = 4,
  type_number = 8,
  type_string = 16,
  type_array = 32,
  type_object = 64,
};

enum class unit { none, duration, size };

struct args_schema::rule {
  unsigned types = 0; // 0: any
  unit format = unit::none;
  struct property;
  std::vector<property> properties;
  std::vector<std::string> required;
  bool closed = false;              // additionalProperties: false
  std::unique_ptr<rule> additional; // additionalProperties: {…}
  std::unique_ptr<rule> items;
  std::vector<json> values; // enum, const
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above = false; // least itself is refused
  bool below = false;
  std::size_t shortest = 0;
  std::size_t longest = std::numeric_limits<std::size_t>::max();
  std::size_t fewest = 0;
  std::size_t largest = std::numeric_limits<std::size_t>::max();
  json fallback; // null: none

  const rule* find(std::string_view key) const;
};

struct args_schema::rule::property {
  std::string key;
  rule value;
};

} // namespace coppice::spec
