// SPDX-License-Identifier: MIT
// See exposition.hpp. The two formats differ in a counter's family name, which OpenMetrics has without
// _total, and in the end, which OpenMetrics says.
#include "control/exposition.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "spec/utf8.hpp"

namespace coppice::control {
namespace {

void append_value(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = spec::utf8_length(text);
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

} // namespace

exposition::format exposition::chosen(const std::string* accept) {
  const bool open = accept != nullptr && accept->find("application/openmetrics-text") != std::string::npos;
  return open ? format::openmetrics : format::prometheus;
}

std::string_view exposition::content_type(format how) {
  return how == format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}

void exposition::family(metric_kind kind, std::string_view name, std::string_view help) {
  const bool counts = kind == metric_kind::counter;
  sample_name_ = fmt::format("coppice_{}{}", name, counts ? "_total" : "");
  const std::string family_name =
      format_ == format::openmetrics ? fmt::format("coppice_{}", name) : sample_name_;
  fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", family_name, help, family_name,
                 counts ? "counter" : "gauge");
}

void exposition::begin(const labels& of) {
  out_ += sample_name_;
  char before = '{';
  for (const label& one : of) {
    (out_ += std::exchange(before, ',')) += one.name;
    out_ += "=\"";
    append_value(out_, one.value);
    out_ += '"';
  }
  out_ += of.empty() ? " " : "} ";
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

void exposition::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  family(metric_kind::counter, name, help);
  sample(value);
}

void exposition::gauge(std::string_view name, std::string_view help, std::uint64_t value) {
  family(metric_kind::gauge, name, help);
  sample(value);
}

std::string exposition::take() {
  if (format_ == format::openmetrics) out_ += "# EOF\n";
  return std::exchange(out_, {});
}

} // namespace coppice::control
