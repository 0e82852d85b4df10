// SPDX-License-Identifier: MIT
// Decoding, splitting and matching of request paths. See path_pattern.hpp. Any thread.
#include "base/path_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace coppice::base {
namespace {

constexpr std::string_view rest_mark = "...";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_identifier(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

template <class Use>
void each_part(std::string_view text, char between, const Use& use) {
  for (;;) {
    const std::size_t cut = text.find(between);
    use(text.substr(0, cut));
    if (cut == std::string_view::npos) return;
    text.remove_prefix(cut + 1);
  }
}

error wrong(std::string_view written, std::string_view why) {
  return {errc::invalid, fmt::format("the path {} {}", written, why)};
}

} // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c != '%') {
      out += c == '+' && plus_is_blank ? ' ' : c;
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const int high = digit(text[at + 1]), low = digit(text[at + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

std::optional<std::vector<std::string>> path_segments(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::vector<std::string> out;
  bool good = true;
  each_part(path.substr(1), '/', [&](std::string_view part) {
    auto decoded = percent_decoded(part);
    good = good && decoded && *decoded != "." && *decoded != ".." && decoded->find('\0') == std::string::npos;
    if (good) out.push_back(std::move(*decoded));
  });
  if (!good) return std::nullopt;
  return out;
}

std::optional<path_parameters> query_parameters(std::string_view query) {
  path_parameters out;
  bool good = true;
  each_part(query, '&', [&](std::string_view part) {
    if (part.empty()) return;
    const std::size_t cut = part.find('=');
    auto name = percent_decoded(part.substr(0, cut), true);
    auto value = percent_decoded(cut == std::string_view::npos ? "" : part.substr(cut + 1), true);
    good = good && name && value;
    if (good) out.emplace_back(std::move(*name), std::move(*value));
  });
  if (!good) return std::nullopt;
  return out;
}

result<path_pattern> path_pattern::parse(std::string_view written) {
  path_pattern out;
  out.text_ = written;
  if (!written.starts_with('/')) return unexpected(wrong(written, "does not begin with /"));
  if (written.find_first_of("?#") != std::string_view::npos)
    return unexpected(wrong(written, "has a query or a fragment"));
  std::optional<error> trouble;
  each_part(written.substr(1), '/', [&](std::string_view part) {
    if (trouble) return;
    if (!out.steps_.empty() && out.steps_.back().what == step::kind::rest) {
      trouble = wrong(written, "goes on behind its rest");
    } else if (part.find_first_of("{}") == std::string_view::npos) {
      auto literal = percent_decoded(part);
      if (!literal || *literal == "." || *literal == "..")
        trouble = wrong(written, fmt::format("has the segment {}, which no request has", part));
      else
        out.steps_.push_back({step::kind::literal, std::move(*literal)});
    } else {
      const bool braced = part.size() > 2 && part.starts_with('{') && part.ends_with('}');
      std::string_view name = braced ? part.substr(1, part.size() - 2) : std::string_view();
      const bool rest = name.ends_with(rest_mark);
      if (rest) name.remove_suffix(rest_mark.size());
      const auto has_name = [&](const step& one) {
        return one.what != step::kind::literal && one.text == name;
      };
      if (!is_identifier(name))
        trouble =
            wrong(written, fmt::format("has the segment {}; a parameter is {{NAME}} or {{NAME...}}", part));
      else if (std::ranges::any_of(out.steps_, has_name))
        trouble = wrong(written, fmt::format("has the parameter {} twice", name));
      else
        out.steps_.push_back({rest ? step::kind::rest : step::kind::segment, std::string(name)});
    }
  });
  if (trouble) return unexpected(std::move(*trouble));
  return out;
}

std::optional<path_parameters> path_pattern::match(const std::vector<std::string>& segments) const {
  path_parameters out;
  std::size_t at = 0;
  for (const step& one : steps_) {
    if (one.what == step::kind::rest) {
      std::string rest;
      for (std::size_t i = at; i < segments.size(); ++i) rest += (i == at ? "" : "/") + segments[i];
      out.emplace_back(one.text, std::move(rest));
      return out;
    }
    if (at == segments.size()) return std::nullopt;
    const std::string& segment = segments[at++];
    if (one.what == step::kind::literal ? segment != one.text : segment.empty()) return std::nullopt;
    if (one.what == step::kind::segment) out.emplace_back(one.text, segment);
  }
  if (at != segments.size()) return std::nullopt;
  return out;
}

bool path_pattern::covers(const path_pattern& other) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const step& mine = steps_[i];
    if (mine.what == step::kind::rest) return true;
    if (i == other.steps_.size()) return false;
    const step& its = other.steps_[i];
    if (its.what == step::kind::rest) return false; // it may be empty
    if (mine.what == step::kind::literal) {
      if (its.what != step::kind::literal || its.text != mine.text) return false;
    } else if (its.what == step::kind::literal && its.text.empty()) {
      return false;
    }
  }
  return steps_.size() == other.steps_.size();
}

std::optional<std::size_t> path_pattern::rest_begins() const {
  if (steps_.empty() || steps_.back().what != step::kind::rest) return std::nullopt;
  return steps_.size() - 1;
}

} // namespace coppice::base
