// SPDX-License-Identifier: MIT
// Writes families that have one sample for each row of a snapshot, as far as there is room for series.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/exposition.hpp"

namespace coppice::metrics {

// Series that a family may have for rows whose number is not bounded by the configuration.
inline constexpr std::size_t most_rows = 1000;

// The rows that have series: the first most_rows.
template <class Row>
std::span<const Row> rows_of(const std::vector<Row>& all) {
  return std::span(all).first(std::min(most_rows, all.size()));
}

// Labels a row by a text that it has.
template <class Row>
auto by(std::string_view name, std::string Row::*text) {
  return [name, text](const Row& row) { return exposition::labels{{name, row.*text}}; };
}

// Gives a function that writes a family: `labels` has the labels of a row, `of` the part of it that has the
// value, which is a member of that part, or a function of it. `to` and `rows` outlive the function.
template <class Row, class Labels, class Subject = std::identity>
auto writes_each(exposition& to, const std::vector<Row>& rows, Labels labels, Subject of = {}) {
  return [&to, &rows, labels, of](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    for (const Row& one : rows_of(rows)) to.sample(labels(one), std::invoke(value, of(one)));
  };
}

} // namespace coppice::metrics
