// SPDX-License-Identifier: MIT
// Writes metrics as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0. A family is begun with
// its name, then come its samples; names and units are as Prometheus' conventions have them, label values are
// escaped and made UTF-8. One thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::metrics {

enum class kind : std::uint8_t { counter, gauge, histogram };

class exposition {
 public:
  enum class format : std::uint8_t { prometheus, openmetrics };
  struct label {
    std::string_view name; // [a-z_]+
    std::string_view value;
  };
  using labels = std::vector<label>;

  explicit exposition(format how) : format_(how) {}

  // The format that a scraper can read, from its Accept header; null: none came.
  static format chosen(const std::string* accept);
  static std::string_view content_type(format how);

  // Begins a family: `name` without the prefix coppice_ and, for a counter, without _total. `help`: a
  // sentence without quotes, backslashes and line ends.
  void family(kind what, std::string_view name, std::string_view help);
  // Begins a family with this whole name: a family that Prometheus' own clients have, which dashboards know.
  void standard_family(kind what, std::string_view name, std::string_view help);
  void sample(std::uint64_t value) { sample({}, value); }
  void sample(const labels& of, std::uint64_t value);
  void signed_sample(const labels& of, std::int64_t value);
  void seconds(const labels& of, std::int64_t nanos);
  // A series of a histogram's family: how many observations were at or below each of its bounds, which rise,
  // and of all last; and their sum, which is no NaN.
  void histogram(const labels& of, const std::vector<double>& bounds,
                 const std::vector<std::uint64_t>& at_or_below, double sum);
  // A family of one sample.
  void counter(std::string_view name, std::string_view help, std::uint64_t value);
  void gauge(std::string_view name, std::string_view help, std::uint64_t value);

  std::string take();

 private:
  void begin_family(kind what, std::string name, std::string_view help);
  // Begins a sample with its name and labels. `le`: one more label, for a bucket; empty: none.
  void begin(const labels& of, std::string_view suffix = {}, std::string_view le = {});

  format format_;
  std::string out_;
  std::string sample_name_; // of the family under way
};

} // namespace coppice::metrics
