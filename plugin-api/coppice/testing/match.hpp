// SPDX-License-Identifier: MIT
// Compares terms with patterns in Erlang's syntax. A variable is a hole: it takes any term, and the same one
// wherever its name stands; `_` takes any term. Maps have to have the pattern's keys, and may have others.
//
//   const auto sent = match("{reserved, Item, #{count := N, by := Item}}", cart.did.sent.at(0).term);
//   CHECK(sent);                             // a failure shows the place where the two part
//   CHECK(sent.as<int>("N") == 2);
//   CHECK(match("{'DOWN', _, process, Pid, _}", term, {{"Pid", clerk}}));    // a hole that is filled before
//
// Equal is =:= of Erlang: 1 is not 1.0. A pattern that is wrong throws testing::failure, with the column.
// Any thread.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/testing/pattern.hpp>
#include <coppice/testing/print.hpp>

namespace coppice::testing {

/// Terms by the name of their hole.
using holes = std::map<std::string, value, std::less<>>;

/// The outcome of match().
class matched {
 public:
  /// `difference` is empty if the term matches.
  matched(holes bound, std::string difference);
  explicit operator bool() const { return difference_.empty(); }
  /// The term in a hole. Throws testing::failure if there is none.
  const value& operator[](std::string_view hole) const;
  template <class T>
  T as(std::string_view hole) const {
    return (*this)[hole].template as<T>();
  }
  /// Where the two part, in two to four lines. Empty: they match.
  const std::string& difference() const { return difference_; }
  friend std::ostream& operator<<(std::ostream& out, const matched& shown) {
    return shown ? out << "(it matches)" : out << '\n' << shown.difference_;
  }

 private:
  holes bound_;
  std::string difference_;
};

namespace detail {

class matcher {
 public:
  matcher(std::string_view text, holes given);
  matched run(const value& term);

 private:
  // One step of the way from the whole term to the part that is compared.
  class step {
   public:
    step(matcher& of, std::string name) : of_(of) { of_.way_.push_back(std::move(name)); }
    step(const step&) = delete;
    step& operator=(const step&) = delete;
    ~step() { of_.way_.pop_back(); }

   private:
    matcher& of_;
  };
  // The library's printer, if it is linked, cuts nothing.
  static std::string show(etf::bytes term) { return cut_short(detail::show(term), most_shown); }
  static std::string nth(std::string_view what, std::size_t i);

  bool differs(const pattern& at, const std::string& sentence);
  bool differs(const pattern& at, const std::string& wanted, etf::bytes came);
  static bool equal(const value& a, etf::bytes b);

  bool fits(const pattern& at, etf::bytes term);
  bool fits_hole(const pattern& at, etf::bytes term);
  bool fits_tuple(const pattern& at, etf::bytes term);
  bool fits_list(const pattern& at, etf::bytes term);
  static void read_list(etf::bytes term, std::vector<value>& items, value& tail);
  static value rest_of(const std::vector<value>& items, std::size_t from, const value& tail);
  bool fits_map(const pattern& at, etf::bytes term);
  static bool has_key(etf::cursor in, std::uint32_t pairs, const value& key, etf::bytes& found);

  const std::string_view text_;
  const pattern whole_;
  holes bound_;
  std::vector<std::string> way_;
  std::string difference_;
};

} // namespace detail

/// Compares a term with a pattern; `given` has the terms of holes that are filled before.
matched match(std::string_view pattern, const value& term, holes given = {});
/// Compares the answer to a call of coppice/testing.hpp. A call without a reply does not match.
template <class Answer>
requires requires(const Answer& a) {
  { a.reply() } -> std::convertible_to<const value&>;
}
matched match(std::string_view pattern, const Answer& answer, holes given = {}) {
  return match(pattern, answer ? answer.reply() : value(), std::move(given));
}

} // namespace coppice::testing
