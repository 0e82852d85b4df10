// SPDX-License-Identifier: MIT
// Walks through a pattern and a term together, and writes where the two part. Any thread.
#include <coppice/testing/match.hpp>

#include <coppice/etf/order/terms.hpp>
#include <utility>

namespace coppice::testing {

matched::matched(holes bound, std::string difference)
    : bound_(std::move(bound)), difference_(std::move(difference)) {}

const value& matched::operator[](std::string_view hole) const {
  if (!*this) throw failure("the term does not match:\n" + difference_);
  const auto found = bound_.find(hole);
  if (found == bound_.end()) throw failure("this pattern has no hole " + std::string(hole));
  return found->second;
}

namespace detail {

matcher::matcher(std::string_view text, holes given)
    : text_(text), whole_(pattern_reader(text).whole()), bound_(std::move(given)) {}

matched matcher::run(const value& term) {
  if (!term)
    differs(whole_, "there is no term");
  else if (!fits(whole_, term.bytes()))
    difference_ += "\n  in " + show(term.bytes());
  return {std::move(bound_), std::move(difference_)};
}

std::string matcher::nth(std::string_view what, std::size_t i) {
  return std::string(what) + ' ' + std::to_string(i + 1);
}

bool matcher::differs(const pattern& at, const std::string& sentence) {
  difference_ = marked(text_, at.at, sentence);
  if (way_.empty()) return false;
  difference_ += "\n  at ";
  for (std::size_t i = 0; i < way_.size(); ++i) (difference_ += i == 0 ? "" : ", ") += way_[i];
  return false;
}

bool matcher::differs(const pattern& at, const std::string& wanted, etf::bytes came) {
  return differs(at, "wanted " + wanted + ", but came " + show(came));
}

bool matcher::equal(const value& a, etf::bytes b) {
  return etf::order::compare_terms(a.bytes(), b, true) == 0;
}

bool matcher::fits(const pattern& at, etf::bytes term) {
  switch (at.what) {
    case pattern::type::anything:
      return true;
    case pattern::type::hole:
      return fits_hole(at, term);
    case pattern::type::literal:
      return equal(at.term, term) || differs(at, show(at.term.bytes()), term);
    case pattern::type::tuple:
      return fits_tuple(at, term);
    case pattern::type::list:
      return fits_list(at, term);
    case pattern::type::map:
      return fits_map(at, term);
  }
  return false;
}

bool matcher::fits_hole(const pattern& at, etf::bytes term) {
  const auto [found, is_new] = bound_.try_emplace(at.name, value::of(term));
  return is_new || equal(found->second, term) ||
         differs(at, at.name + " to be " + show(found->second.bytes()) + " again", term);
}

bool matcher::fits_tuple(const pattern& at, etf::bytes term) {
  etf::cursor in(term);
  std::uint32_t arity = 0;
  const std::string wanted = "a tuple of " + std::to_string(at.parts.size());
  if (!in.read_tuple(arity)) return differs(at, wanted, term);
  if (arity != at.parts.size()) return differs(at, wanted + ", not of " + std::to_string(arity), term);
  for (std::size_t i = 0; i < at.parts.size(); ++i) {
    etf::bytes each;
    const step here(*this, nth("element", i));
    if (!in.read_term(each) || !fits(at.parts[i], each)) return false;
  }
  return true;
}

bool matcher::fits_list(const pattern& at, etf::bytes term) {
  const std::size_t count = at.parts.size() - (at.has_tail ? 1 : 0);
  const std::string wanted =
      std::string("a list of ") + (at.has_tail ? "at least " : "") + std::to_string(count);
  const etf::kind kind = etf::cursor(term).peek();
  if (kind != etf::kind::nil && kind != etf::kind::list) return differs(at, wanted, term);
  std::vector<value> items;
  value tail;
  read_list(term, items, tail);
  for (std::size_t i = 0; i < std::min(count, items.size()); ++i) {
    const step here(*this, nth("item", i));
    if (!fits(at.parts[i], items[i].bytes())) return false;
  }
  const bool proper = etf::cursor(tail.bytes()).peek() == etf::kind::nil;
  if (items.size() < count || (!at.has_tail && (items.size() > count || !proper)))
    return differs(at, wanted + (proper ? ", not of " + std::to_string(items.size()) : std::string()), term);
  if (!at.has_tail) return true;
  const step here(*this, "the tail");
  return fits(at.parts.back(), rest_of(items, count, tail).bytes());
}

void matcher::read_list(etf::bytes term, std::vector<value>& items, value& tail) {
  etf::cursor in(term);
  etf::order::list_walk walk;
  etf::bytes each;
  int byte = -1;
  bool ended = false;
  while (walk.next(in, byte, ended)) {
    if (byte >= 0)
      items.emplace_back(byte);
    else if (in.read_term(each))
      items.push_back(value::of(each));
  }
  tail = ended || !in.read_term(each) ? value(std::vector<int>()) : value::of(each);
}

value matcher::rest_of(const std::vector<value>& items, std::size_t from, const value& tail) {
  if (from == items.size()) return tail;
  etf::vector_writer out(64);
  out.list(static_cast<std::uint32_t>(items.size() - from));
  for (std::size_t i = from; i < items.size(); ++i) out.raw(items[i].bytes());
  out.raw(tail.bytes());
  return value::of(out.take());
}

bool matcher::fits_map(const pattern& at, etf::bytes term) {
  etf::cursor head(term);
  std::uint32_t pairs = 0;
  if (!head.read_map(pairs)) return differs(at, "a map", term);
  for (std::size_t i = 0; i < at.parts.size(); i += 2) {
    const value& key = at.parts[i].term;
    etf::bytes found;
    if (!has_key(head, pairs, key, found)) return differs(at.parts[i], "the key " + show(key.bytes()), term);
    const step here(*this, "key " + show(key.bytes()));
    if (!fits(at.parts[i + 1], found)) return false;
  }
  return true;
}

bool matcher::has_key(etf::cursor in, std::uint32_t pairs, const value& key, etf::bytes& found) {
  for (std::uint32_t i = 0; i < pairs; ++i) {
    etf::bytes each;
    if (!in.read_term(each) || !in.read_term(found)) return false;
    if (equal(key, each)) return true;
  }
  return false;
}

} // namespace detail
matched match(std::string_view pattern, const value& term, holes given) {
  return detail::matcher(pattern, std::move(given)).run(term);
}

} // namespace coppice::testing
