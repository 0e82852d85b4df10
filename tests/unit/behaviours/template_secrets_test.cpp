// SPDX-License-Identifier: MIT
// Tests of secrets in a template's args: the args of start_child can remove a secret, and never add one.
#include "behaviours/supervision/template_secrets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <coppice/etf/text.hpp>
#include <string_view>

using namespace coppice;

namespace {

runtime::message term(const char* text) {
  const auto made = etf::parse(text);
  REQUIRE(made.has_value());
  return runtime::message::copy_of(*made);
}

constexpr const char* of_template = R"(#{a => 1, db => #{password => #{'$file' => <<"/p">>}}, z => 2})";

base::secrets_ptr one_secret() {
  const auto whole = term(of_template);
  const auto marker = term(R"(#{'$file' => <<"/p">>})");
  const auto all = whole.bytes();
  const auto value = marker.bytes();
  const auto found = std::search(all.begin(), all.end(), value.begin(), value.end());
  base::secrets out;
  out.all.push_back({base::secret::source::file, "/p", "args.db.password",
                     static_cast<std::size_t>(found - all.begin()), value.size()});
  return std::make_shared<const base::secrets>(std::move(out));
}

} // namespace

TEST_CASE("a template's secret stays where its key keeps its value, at its new place") {
  const auto merged = term(R"(#{longer => <<"xyz">>, db => #{password => #{'$file' => <<"/p">>}}, a => 1})");
  const auto left = behaviours::left_in(merged, term(of_template), one_secret());
  REQUIRE(left);
  REQUIRE(left->all.size() == 1);
  const auto marker = term(R"(#{'$file' => <<"/p">>})");
  CHECK(std::ranges::equal(merged.bytes().subspan(left->all[0].offset, left->all[0].size), marker.bytes()));
}

TEST_CASE("a map that looks like a marker is none where the template has none") {
  for (const char* merged : {R"(#{db => #{password => #{'$file' => <<"/other">>}}})",
                             R"(#{db => #{host => <<"h">>, password => #{'$file' => <<"/p">>}}})",
                             R"(#{other => #{password => #{'$file' => <<"/p">>}}})",
                             R"(#{db => <<"plain">>})", R"(#{a => #{'$file' => <<"/p">>}})", "#{}"})
    CHECK_MESSAGE(behaviours::left_in(term(merged), term(of_template), one_secret()) == nullptr, merged);
  CHECK(behaviours::left_in(term(of_template), term(of_template), nullptr) == nullptr);
}
