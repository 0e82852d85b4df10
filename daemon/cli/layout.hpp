// SPDX-License-Identifier: MIT
// What all texts for people are made of: cells that are read from a document with a default, tables with
// aligned columns, names with their values, times and sizes. A missing field is "-", so that a client of
// another version reads the document. Pure functions.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace coppice::cli {

// Nothing is cut for its width.
inline constexpr std::size_t any_width = std::numeric_limits<std::size_t>::max();

// Null: it is no object, or has no such key.
const nlohmann::json& at(const nlohmann::json& object, const char* key);
// 0: it is no number.
long long number(const nlohmann::json& object, const char* key);
// Strings as they are, numbers and booleans printed, lists joined, everything else "-".
std::string cell(const nlohmann::json& value);
std::string cell(const nlohmann::json& object, const char* key);

// Columns as wide as their widest cell, two blanks between; the last column is not padded. A table wider than
// `columns` is cut where it is widest, down to eight characters a column, or to six where there are many, and
// shows it by "…".
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t columns = any_width);

// Two columns, "name  demo@127.0.0.1", for a document about one thing. Values go on below where they are
// long.
std::string fields(const std::vector<std::vector<std::string>>& pairs, std::size_t columns);

// 93784005 → "1d 2h 3m"; 4005 → "4s"; 12 → "12ms".
std::string duration_text(long long milliseconds);

// 12 → "12us"; 1234 → "1.2ms"; 1500000 → "1.5s"; from a minute on as duration_text().
std::string short_time_text(long long microseconds);

// 1536 → "1.5 KiB".
std::string size_text(long long bytes);

} // namespace coppice::cli
