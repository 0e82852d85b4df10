// SPDX-License-Identifier: MIT
// The implementation of recording.hpp.
#include "recording.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>

#include "behaviours/stage/event_list.hpp"

namespace coppice::test {
namespace {

constexpr std::string_view node = "nonode@nohost";
constexpr std::uint32_t creation = 4;

// The text in which each match is replaced by the result of `with`.
std::string replaced(const std::string& text, const std::regex& what,
                     const std::function<std::string(const std::smatch&)>& with) {
  std::string out;
  auto at = text.cbegin();
  std::smatch match;
  while (std::regex_search(at, text.cend(), match, what)) {
    out.append(at, match[0].first);
    out += with(match);
    at = match[0].second;
  }
  out.append(at, text.cend());
  return out;
}

// The list of all numbers of a range such as [3..12000].
std::string expanded(const std::smatch& match) {
  std::string out = "[";
  for (std::int64_t i = std::stoll(match[1]); i <= std::stoll(match[2]); ++i)
    out += (out.size() == 1 ? "" : ",") + std::to_string(i);
  return out + "]";
}

// The text in which strings are written as lists of numbers. Binaries stay.
std::string without_strings(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '"') {
      out += text[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    const std::string quoted = text.substr(at, ++end - at);
    at = end;
    const auto list = etf::parse(quoted);
    const auto numbers = behaviours::event_list::of(runtime::message::copy_of(list.value()));
    if (out.ends_with("<<")) { // a binary
      out += quoted;
      continue;
    }
    out += '[';
    numbers->each([&out](const runtime::message& each) {
      out += (out.back() == '[' ? "" : ",") + etf::print(each.bytes());
    });
    out += ']';
  }
  return out;
}

const std::regex a_range(R"(\[(\d+)\.\.(\d+)\])");
const std::regex a_pid(R"(<([a-z][a-z0-9_]*)>)");
const std::regex a_reference(R"(#Ref<([a-z]+\d+)>)");
const std::regex a_fun(R"(#Fun<[a-z_]*>)");

} // namespace

std::vector<recorded_line> read_recording(const std::string& file) {
  std::ifstream in(file);
  REQUIRE(in);
  std::vector<recorded_line> out;
  std::string text;
  std::getline(in, text); // the first line describes the recording
  while (std::getline(in, text)) {
    const auto line = nlohmann::json::parse(text);
    out.push_back({line.at("kind"), line.value("from", ""), line.value("to", ""), line.value("term", ""),
                   line.value("returns", ""), line.value("of", ""), line.value("lost", false)});
  }
  return out;
}

runtime::pid recorded_names::pid_of(const std::string& name) {
  const auto number = static_cast<std::uint32_t>(pids_.size() + 1);
  return {0, creation, pids_.try_emplace(name, number).first->second, 0};
}

runtime::reference recorded_names::make_reference() {
  return {0, creation, 1, {++last_reference_}};
}

std::string recorded_names::reference_text(const std::string& name) {
  auto found = references_.find(name);
  if (found == references_.end()) found = references_.emplace(name, ++last_reference_).first;
  return "#Ref<'nonode@nohost'.4." + std::to_string(found->second) + ">";
}

runtime::message recorded_names::term_of(const std::string& text) {
  std::string plain = replaced(text, a_range, expanded);
  plain = replaced(plain, a_fun, [](const std::smatch&) { return std::string("fun a:selector/1"); });
  plain = replaced(plain, a_reference, [this](const std::smatch& m) { return reference_text(m[1]); });
  plain = replaced(plain, a_pid,
                   [this](const std::smatch& m) { return "<0." + std::to_string(pid_of(m[1]).id) + ".0>"; });
  const auto parsed = etf::parse(plain, {.node = node, .creation = creation});
  REQUIRE_MESSAGE(parsed.has_value(), plain);
  return runtime::message::copy_of(*parsed);
}

std::string recorded_names::text_of(etf::bytes term) {
  static const std::regex our_reference(R"(#Ref<'?nonode@nohost'?\.4\.(\d+)>)");
  static const std::regex our_short_reference(R"(#Ref<0\.(\d+)>)");
  static const std::regex our_pid(R"(<0\.(\d+)\.0>)");
  static const std::regex our_text(R"x(\{bad_opts,<<"([^"\\]|\\.)*">>\})x");
  std::string out = etf::print(term, {.node = node, .creation = creation});
  const auto own = [](const std::smatch& m) { return "#Ref<own " + m[1].str() + ">"; };
  out = replaced(replaced(out, our_reference, own), our_short_reference, own);
  out = replaced(out, our_text, [](const std::smatch&) { return std::string("{bad_opts,'TEXT'}"); });
  out = without_strings(out);
  return replaced(out, our_pid, [this](const std::smatch& m) {
    for (const auto& [name, number] : pids_)
      if (std::to_string(number) == m[1].str()) return "<" + name + ">";
    return m[0].str();
  });
}

bool recorded_names::same(const std::string& recorded, const std::string& ours) {
  static const std::regex blanks(R"([ \n]+)");
  std::string left = replaced(recorded, a_range, expanded);
  left = replaced(left, a_fun, [](const std::smatch&) { return std::string("funa:selector/1"); });
  left = std::regex_replace(left, blanks, "");
  const std::string right = std::regex_replace(ours, blanks, "");
  // Reads #Ref<NAME> at the position `at`, and moves `at` behind it. False: there is none.
  const auto take = [](const std::string& of, std::size_t& at, std::string& name) {
    if (of.compare(at, 5, "#Ref<") != 0) return false;
    const std::size_t end = of.find('>', at);
    name = of.substr(at + 5, end - at - 5);
    at = end + 1;
    return true;
  };
  std::size_t a = 0, b = 0;
  while (a < left.size() && b < right.size()) {
    std::string theirs, own;
    if (take(left, a, theirs)) {
      if (!take(right, b, own) || !own.starts_with("own")) return false;
      const auto value = static_cast<std::uint32_t>(std::stoul(own.substr(3)));
      if (references_.try_emplace(theirs, value).first->second != value) return false;
    } else if (left[a++] != right[b++]) {
      return false;
    }
  }
  return a == left.size() && b == right.size();
}

} // namespace coppice::test
