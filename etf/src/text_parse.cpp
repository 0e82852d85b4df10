// SPDX-License-Identifier: MIT
// Erlang syntax to bytes: a stack of open containers, so that depth is a limit and not a crash, around the
// values of text_values.hpp. Terms are built as values and encoded at the end, which gives every list and
// number the spelling OTP would. Errors carry the column of the offending character.
#include <string>
#include <utility>
#include <vector>

#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>

#include "text_reader.hpp"
#include "text_values.hpp"

namespace coppice::etf {

namespace {

struct container {
  enum class type : std::uint8_t { tuple, list, map } what;
  std::vector<term> elements;
  bool tail = false;      ///< the element after `|`
  std::size_t at;         ///< where it was opened
  std::size_t joined = 0; ///< of a list: lists that are open as its tail, whose elements are its own
};

class parser {
 public:
  parser(std::string_view text, const text_options& options) : in_(text, options), bounds_(options.bounds) {}

  result<std::vector<std::uint8_t>> run() {
    term value;
    if (!whole(value)) return in_.trouble();
    in_.skip_space();
    in_.accept(".");
    in_.skip_space();
    if (!in_.at_end()) return in_.refuse("the end of the term expected"), in_.trouble();
    std::vector<std::uint8_t> out = value.encode();
    if (const auto good = validate(out, bounds_); !good)
      return fail(good.error().code, 1, 0, good.error().what);
    return out;
  }

 private:
  bool whole(term& out) {
    std::vector<container> open;
    for (;;) {
      in_.skip_space();
      term value;
      if (begins_container(open)) {
        if (open.size() > bounds_.depth)
          return in_.refuse_at(open.back().at, "a term within the limit of depth expected", errc::too_deep);
        in_.skip_space();
        if (!in_.accept(open.back().what == container::type::list ? "]" : "}")) continue;
        if (!close(open, value)) return false;
      } else if (!leaf(value)) {
        return false;
      }
      bool ready = true;
      while (ready) {
        if (open.empty()) return out = std::move(value), true;
        open.back().elements.push_back(std::move(value));
        if (!after_element(open, value, ready)) return false;
      }
    }
  }

  bool begins_container(std::vector<container>& open) {
    const std::size_t start = in_.at();
    if (in_.accept("#{"))
      open.push_back({container::type::map, {}, false, start});
    else if (in_.accept("{"))
      open.push_back({container::type::tuple, {}, false, start});
    else if (in_.accept("["))
      open.push_back({container::type::list, {}, false, start});
    else
      return false;
    return true;
  }

  /// What follows an element: another (ready becomes false), or the end of its container (its value).
  bool after_element(std::vector<container>& open, term& value, bool& ready) {
    container& top = open.back();
    in_.skip_space();
    ready = false;
    if (top.what == container::type::map) {
      if (top.elements.size() % 2 == 1) return in_.accept("=>") || in_.refuse("\"=>\" expected");
      if (in_.accept(",")) return true;
      if (!in_.accept("}")) return in_.refuse("\",\" or \"}\" expected");
    } else if (top.what == container::type::tuple) {
      if (in_.accept(",")) return true;
      if (!in_.accept("}")) return in_.refuse("\",\" or \"}\" expected");
    } else {
      if (!top.tail && in_.accept(",")) return true;
      const bool has_tail = !top.tail && in_.accept("|");
      if (has_tail && !joins_nothing(top)) return true;
      if (!in_.accept("]")) {
        const bool ended = top.tail || has_tail;
        return in_.refuse(ended ? "\"]\" expected" : "\",\", \"|\" or \"]\" expected");
      }
      for (; top.joined != 0; --top.joined)
        if (!in_.expect("]")) return false;
    }
    ready = true;
    return close(open, value);
  }

  /// Behind `|`. True: [] is there, and is passed. A list of elements there is joined at once: if each list
  /// of a chain were made and then copied into the one around it, the work would be the square of their
  /// number.
  bool joins_nothing(container& list) {
    in_.skip_space();
    if (!in_.accept("[")) return list.tail = true, false;
    in_.skip_space();
    if (!in_.accept("]")) return ++list.joined, false;
    in_.skip_space();
    return true;
  }

  bool close(std::vector<container>& open, term& value) {
    container done = std::move(open.back());
    open.pop_back();
    if (done.what == container::type::tuple) {
      value = term::tuple(std::move(done.elements));
    } else if (done.what == container::type::list) {
      term tail;
      if (done.tail) {
        tail = std::move(done.elements.back());
        done.elements.pop_back();
      }
      value = term::improper_list(std::move(done.elements), std::move(tail));
    } else {
      std::vector<std::pair<term, term>> pairs(done.elements.size() / 2);
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        pairs[i] = {std::move(done.elements[2 * i]), std::move(done.elements[2 * i + 1])};
      }
      auto made = term::unique_map(std::move(pairs));
      if (!made) return in_.refuse_at(done.at, "each key only once expected in a map", errc::duplicate_key);
      value = std::move(*made);
    }
    return true;
  }

  bool leaf(term& out) {
    const char c = in_.peek(), next = in_.peek(1);
    const bool is_signed = (c == '-' || c == '+') && (text_reader::is_digit(next) || next == '$');
    if (text_reader::is_digit(c) || c == '$' || is_signed) return read_number(in_, out);
    if (c == '"') return read_string(in_, out);
    if (c == '~') return read_sigil(in_, out);
    if (in_.starts("<<")) return read_binary(in_, out);
    if (c == '<') return read_local_pid(in_, out);
    if (c == '#') return read_identity(in_, out);
    if (c == '\'' || text_reader::begins_word(c)) return word(out);
    if (in_.at_end()) return in_.refuse("a term expected, not the end");
    if (c == '_' || (c >= 'A' && c <= 'Z'))
      return in_.refuse("a term expected: variables have no value here");
    return in_.refuse("a term expected");
  }

  /// An atom, or `fun Module:Function/Arity`.
  bool word(term& out) {
    const bool quoted = in_.peek() == '\'';
    std::string name;
    if (!in_.atom(name)) return false;
    if (quoted || name != "fun") return out = term::atom(name), true;
    in_.skip_space();
    std::string module, function;
    std::uint64_t arity;
    if (!in_.atom(module) || !in_.expect(":")) return false;
    in_.skip_space();
    if (!in_.atom(function) || !in_.expect("/")) return false;
    in_.skip_space();
    const std::size_t start = in_.at();
    if (!in_.plain_number(arity)) return false;
    if (arity > 255) return in_.refuse_at(start, "an arity of 0 to 255 expected");
    out = term::exported_fun(module, function, static_cast<std::uint8_t>(arity));
    return true;
  }

  text_reader in_;
  const limits& bounds_;
};

} // namespace

result<std::vector<std::uint8_t>> parse(std::string_view erlang_text, const text_options& options) {
  return parser(erlang_text, options).run();
}

} // namespace coppice::etf
