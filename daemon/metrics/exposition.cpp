// SPDX-License-Identifier: MIT
// See exposition.hpp. OpenMetrics differs from Prometheus' format: a counter's family name has no _total; a
// bound that is a whole number has a decimal point; a histogram with negative bounds has no sum and no
// count, since its sum would not only go up; and the text says where it ends.
#include "metrics/exposition.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "base/utf8.hpp"

namespace coppice::metrics {
namespace {

void append_value(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    if (length == 0)
      out += "\xef\xbf\xbd"; // U+FFFD
    else if (text[0] == '\n')
      out += "\\n";
    else if (text[0] == '"' || text[0] == '\\')
      (out += '\\') += text[0];
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

// The shortest text that is read back as the same number.
std::string shortest(double value) {
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  return fmt::format("{}", value);
}

std::string_view word(kind what) {
  switch (what) {
    case kind::counter:
      return "counter";
    case kind::gauge:
      return "gauge";
    case kind::histogram:
      break;
  }
  return "histogram";
}

} // namespace

exposition::format exposition::chosen(const std::string* accept) {
  const bool open = accept != nullptr && accept->find("application/openmetrics-text") != std::string::npos;
  return open ? format::openmetrics : format::prometheus;
}

std::string_view exposition::content_type(format how) {
  return how == format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}

void exposition::family(kind what, std::string_view name, std::string_view help) {
  begin_family(what, fmt::format("coppice_{}", name), help);
}

void exposition::standard_family(kind what, std::string_view name, std::string_view help) {
  begin_family(what, std::string(name), help);
}

void exposition::begin_family(kind what, std::string name, std::string_view help) {
  sample_name_ = name + (what == kind::counter ? "_total" : "");
  const std::string family_name = format_ == format::openmetrics ? std::move(name) : sample_name_;
  fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", family_name, help, family_name,
                 word(what));
}

void exposition::begin(const labels& of, std::string_view suffix, std::string_view le) {
  (out_ += sample_name_) += suffix;
  char before = '{';
  const auto add = [&](const label& one) {
    (out_ += std::exchange(before, ',')) += one.name;
    out_ += "=\"";
    append_value(out_, one.value);
    out_ += '"';
  };
  for (const label& one : of) add(one);
  if (!le.empty()) add({"le", le});
  out_ += before == '{' ? " " : "} ";
}

void exposition::sample(const labels& of, std::uint64_t value) {
  begin(of);
  fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void exposition::signed_sample(const labels& of, std::int64_t value) {
  begin(of);
  fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void exposition::seconds(const labels& of, std::int64_t nanos) {
  begin(of);
  fmt::format_to(std::back_inserter(out_), "{:.3f}\n", static_cast<double>(nanos) / 1e9);
}

void exposition::histogram(const labels& of, const std::vector<double>& bounds,
                           const std::vector<std::uint64_t>& at_or_below, double sum) {
  const bool open = format_ == format::openmetrics;
  for (std::size_t i = 0; i < at_or_below.size(); ++i) {
    std::string le = i == bounds.size() ? "+Inf" : shortest(bounds[i]);
    if (open && le.find_first_not_of("-0123456789") == le.npos) le += ".0";
    begin(of, "_bucket", le);
    fmt::format_to(std::back_inserter(out_), "{}\n", at_or_below[i]);
  }
  if (open && !bounds.empty() && bounds.front() < 0) return;
  begin(of, "_sum");
  (out_ += shortest(sum)) += '\n';
  begin(of, "_count");
  fmt::format_to(std::back_inserter(out_), "{}\n", at_or_below.back());
}

void exposition::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  family(kind::counter, name, help);
  sample(value);
}

void exposition::gauge(std::string_view name, std::string_view help, std::uint64_t value) {
  family(kind::gauge, name, help);
  sample(value);
}

std::string exposition::take() {
  if (format_ == format::openmetrics) out_ += "# EOF\n";
  return std::exchange(out_, {});
}

} // namespace coppice::metrics
