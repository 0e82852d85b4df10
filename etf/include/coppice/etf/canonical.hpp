// SPDX-License-Identifier: MIT
// Rewrites a peer's term into the form that mailboxes hold: one spelling for each value, so that equal atoms,
// pids, ports, references and numbers have equal bytes. Atoms become UTF-8 in the shortest tag, atom cache
// references become their atoms, pids, ports and references get the newest tag, floats eight bytes, integers
// their shortest form. Maps keep their order, and a list of bytes keeps its tag. Most terms are canonical
// already: scan() reports that, and their bytes are used unchanged. A map that has a key twice is refused
// here (unique_keys.hpp): in canonical bytes one pass finds equal keys.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::etf {

/// Finds the atom of an ATOM_CACHE_REF's index. A view without data: unknown index.
struct atom_lookup {
  using find_fn = std::string_view (*)(const void* context, std::uint8_t index);
  find_fn find = nullptr;
  const void* context = nullptr;

  atom_lookup() = default;
  atom_lookup(find_fn finder, const void* with) : find(finder), context(with) {}
  /// Names by index; `names`, including the span itself, must outlive the lookup.
  explicit atom_lookup(const std::span<const std::string_view>& names)
      : find([](const void* with, std::uint8_t index) {
          const auto& all = *static_cast<const std::span<const std::string_view>*>(with);
          return index < all.size() ? all[index] : std::string_view{};
        }),
        context(&names) {}
};

namespace detail {

/// Requires input that a scanner has passed, as a whole or in pieces of whole elements.
class rewriter {
 public:
  rewriter(writer& out, const limits& bounds, const atom_lookup& atoms)
      : out_(out), atoms_(atoms), bounds_(bounds), start_(out.size()) {}

  result<void> run(bytes in) {
    p_ = kept_ = begin_ = in.data();
    end_ = begin_ + in.size();
    while (p_ != end_) {
      if (in_fun()) count();
      step();
      if (unknown_ != nullptr)
        return fail(errc::bad_value, offset(unknown_), *unknown_, "an atom the cache knows expected");
      if (is_too_large() || outgrows()) return too_large();
      close_funs();
    }
    keep();
    return settled(in.size());
  }

  /// As above, for a part of a binary, or for canonical bytes while no fun is open.
  result<void> pass_on(bytes in) {
    out_.raw(in);
    p_ = kept_ = begin_ = end_ = in.data() + in.size();
    base_ += in.size();
    beyond_ -= std::min(beyond_, in.size());
    close_funs();
    return settled(0);
  }
  bool in_fun() const { return !funs_.empty(); }
  /// Bytes of memory that it holds.
  std::size_t held() const { return funs_.capacity() * sizeof(open_fun) + scratch_.capacity(); }

 private:
  struct open_fun {
    std::uint64_t due;   ///< terms that have not begun; the fun's size field is not relied on
    std::size_t size_at; ///< offset of its size field in the output
  };

  std::size_t offset(const std::uint8_t* at) const { return base_ + static_cast<std::size_t>(at - begin_); }

  bool is_too_large() const { return out_.size() - start_ > bounds_.bytes; }
  /// Whether the cached atom that was just written is one too many for the bytes that have come. Asked after
  /// such atoms alone, so that the answer is the same wherever the term is cut.
  bool outgrows() {
    if (!std::exchange(resolved_, false)) return false;
    const std::size_t made = out_.size() - start_;
    return made > bounds_.small_inflated && made / bounds_.inflate_ratio > offset(p_);
  }
  unexpected<error> too_large() const {
    return fail(errc::too_large, base_, 0,
                "a term within the limit of bytes expected when its atoms are resolved");
  }
  result<void> settled(std::size_t passed) {
    base_ += passed;
    if (out_.failed()) return fail(errc::out_of_memory, 0, 0, "no room to write the canonical term");
    if (is_too_large()) return too_large();
    return {};
  }

  static constexpr std::uint8_t code(tag t) { return static_cast<std::uint8_t>(t); }

  /// Copies the bytes that were passed unchanged. Call it before writing and moving p_, then call resume().
  void keep() { out_.raw({kept_, p_}); }
  void resume(const std::uint8_t* at) { p_ = kept_ = at; }

  /// For the term at p_ inside a fun: it has begun, and its parts are due.
  void count() {
    std::uint64_t& due = funs_.back().due;
    --due;
    switch (static_cast<tag>(*p_)) {
      case tag::small_tuple:
        due += p_[1];
        return;
      case tag::large_tuple:
        due += wire::load32(p_ + 1);
        return;
      case tag::list:
        due += std::uint64_t{wire::load32(p_ + 1)} + 1;
        return;
      case tag::map:
        due += std::uint64_t{wire::load32(p_ + 1)} * 2;
        return;
      default:
        return;
    }
  }

  /// Handles one head or one term without elements.
  void step() {
    const std::uint8_t* const at = p_;
    switch (static_cast<tag>(*at)) {
      case tag::small_tuple:
        p_ += 2;
        return;
      case tag::map:
        p_ += 5;
        return;
      case tag::list:
        if (wire::load32(at + 1) == 0)
          keep(), resume(at + 5);
        else
          p_ += 5;
        return;
      case tag::large_tuple:
        keep();
        out_.tuple(wire::load32(at + 1));
        resume(at + 5);
        return;
      case tag::binary: { // the last binary of a piece may continue
        const std::size_t whole = std::size_t{5} + wire::load32(at + 1);
        const std::size_t here = std::min(whole, static_cast<std::size_t>(end_ - at));
        beyond_ = whole - here;
        p_ += here;
        return;
      }
      case tag::new_fun:
        return fun();
      case tag::exported_fun:
        p_ += 1;
        name();
        name();
        p_ += 2;
        return;
      case tag::string:
        if (wire::load16(at + 1) != 0) break;
        keep();
        out_.nil();
        resume(at + 3);
        return;
      default:
        break;
    }
    switch (kind_of(*at)) {
      case kind::none: // a cached atom: the one tag that passes the scan and is not a term
      case kind::atom:
        return name();
      case kind::integer:
        return integer();
      case kind::floating:
        return floating();
      case kind::bitstring:
        return bitstring();
      case kind::pid:
      case kind::port:
      case kind::reference:
        return identity();
      default:
        break;
    }
    cursor ahead({at, end_});
    ahead.skip();
    p_ = at + ahead.offset();
  }

  /// The atom at p_: kept if it is canonical, else written anew.
  void name() {
    const auto t = static_cast<tag>(*p_);
    if (t == tag::small_atom_utf8) {
      p_ += 2 + p_[1];
      return;
    }
    std::size_t past;
    const std::string_view found = atom_at(p_, past);
    keep();
    out_.atom(found);
    resume(p_ + past);
  }

  /// The atom as UTF-8, from any tag; borrowed from the input, the cache or scratch_.
  std::string_view atom_at(const std::uint8_t* at, std::size_t& past) {
    const auto t = static_cast<tag>(*at);
    if (t == tag::atom_cache_ref) {
      past = 2;
      resolved_ = true;
      const std::string_view found =
          atoms_.find == nullptr ? std::string_view{} : atoms_.find(atoms_.context, at[1]);
      if (found.data() == nullptr) unknown_ = at;
      return found;
    }
    const std::size_t head = t == tag::small_atom_utf8 || t == tag::small_atom_latin1 ? 2 : 3;
    const std::size_t size = head == 2 ? at[1] : wire::load16(at + 1);
    past = head + size;
    const std::string_view raw{reinterpret_cast<const char*>(at + head), size};
    if (t == tag::small_atom_utf8 || t == tag::atom_utf8) return raw;
    scratch_.clear();
    for (const char c : raw) utf8::append(scratch_, static_cast<std::uint8_t>(c));
    return scratch_;
  }

  void integer() {
    const std::uint8_t* const at = p_;
    cursor ahead({at, end_});
    bool negative;
    bytes magnitude;
    std::int64_t value = 0;
    if (ahead.read_big(negative, magnitude)) {
      keep();
      out_.big(negative, magnitude);
    } else {
      ahead.read_integer(value);
      if (*at == code(tag::small_integer)) return void(p_ += 2);
      keep();
      out_.integer(value);
    }
    resume(at + ahead.offset());
  }

  void floating() {
    if (*p_ == code(tag::new_float)) return void(p_ += 9);
    double value = 0;
    cursor({p_, end_}).read_float(value);
    keep();
    out_.floating(value);
    resume(p_ + 32);
  }

  void bitstring() {
    cursor ahead({p_, end_});
    bytes data;
    unsigned bits = 8;
    const std::size_t size = wire::load32(p_ + 1);
    if (size != 0) ahead.read_bitstring(data, bits);
    keep();
    out_.bitstring(data, bits);
    resume(p_ + 6 + size);
  }

  void identity() {
    const std::uint8_t* const at = p_;
    const auto t = static_cast<tag>(*at);
    const bool is_counted = t == tag::newer_reference || t == tag::new_reference;
    const std::uint32_t count = is_counted ? wire::load16(at + 1) : 1;
    std::size_t past;
    const std::uint8_t* p = at + (is_counted ? 3 : 1);
    const std::string_view node = atom_at(p, past);
    p += past;
    keep();
    if (kind_of(*at) == kind::pid) {
      const bool is_new = t == tag::new_pid;
      out_.pid({node, wire::load32(p), wire::load32(p + 4), is_new ? wire::load32(p + 8) : p[8]});
      p += is_new ? 12 : 9;
    } else if (kind_of(*at) == kind::port) {
      const std::size_t id = t == tag::v4_port ? 8 : 4;
      out_.port({node, id == 8 ? wire::load64(p) : wire::load32(p),
                 t == tag::old_port ? p[4] : wire::load32(p + id)});
      p += id + (t == tag::old_port ? 1 : 4);
    } else if (t == tag::old_reference) {
      out_.reference({node, p[4], 1, {wire::load32(p)}});
      p += 5;
    } else {
      reference made{node, t == tag::newer_reference ? wire::load32(p) : *p, count, {}};
      p += t == tag::newer_reference ? 4 : 1;
      for (std::uint32_t i = 0; i < count; ++i, p += 4) made.words[i] = wire::load32(p);
      out_.reference(made);
    }
    resume(p);
  }

  void fun() {
    const std::uint64_t due = wire::load32(p_ + 26);
    keep();
    kept_ = p_;
    const std::size_t size_at = out_.size() + 1;
    p_ += 30;
    name();
    p_ += *p_ == code(tag::small_integer) ? 2 : 5;
    p_ += *p_ == code(tag::small_integer) ? 2 : 5;
    identity();
    funs_.push_back({due, size_at});
  }

  void close_funs() {
    while (!funs_.empty() && funs_.back().due == 0 && beyond_ == 0) {
      keep();
      resume(p_);
      const std::size_t size_at = funs_.back().size_at;
      out_.patch32(size_at, static_cast<std::uint32_t>(out_.size() - size_at));
      funs_.pop_back();
    }
  }

  const std::uint8_t* begin_ = nullptr;
  const std::uint8_t* p_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  const std::uint8_t* kept_ = nullptr;
  std::size_t base_ = 0;   ///< bytes before begin_
  std::size_t beyond_ = 0; ///< bytes of the last binary that later pieces bring
  writer& out_;
  const atom_lookup& atoms_;
  const limits& bounds_;
  std::size_t start_;     ///< bytes of the output before the term
  bool resolved_ = false; ///< a cached atom was written
  std::vector<open_fun> funs_;
  std::string scratch_;
  const std::uint8_t* unknown_ = nullptr;
};

} // namespace detail

/// Whether all of `in` is one term in canonical spelling; does not check keys.
inline bool is_canonical(bytes in, const limits& bounds = {}) {
  const auto seen = scan(in, bounds);
  return seen && seen->canonical && seen->length == in.size();
}

/// canonicalise() without the check of map keys: true if the term has maps of several pairs, whose keys the
/// caller must check (key_checker), in pieces if the term is long.
inline result<bool> canonicalise_but_keys(bytes in, writer& out, const limits& bounds = {},
                                          const atom_lookup& atoms = {}) {
  const auto seen = scan(in, bounds, atoms.find == nullptr ? cached_atoms::refused : cached_atoms::allowed);
  if (!seen) return unexpected<error>(seen.error());
  if (seen->length != in.size())
    return fail(errc::trailing, seen->length, in[seen->length], "the end expected");
  if (seen->canonical) {
    out.raw(in);
    if (out.failed()) return fail(errc::out_of_memory, 0, 0, "no room to write the canonical term");
  } else if (auto written = detail::rewriter(out, bounds, atoms).run(in); !written) {
    return unexpected<error>(written.error());
  }
  return seen->keyed;
}

/// Validates the one term in `in` (no 131) and writes its canonical bytes. After an error the content of
/// `out` is undefined. The result may be longer than `in`: each atom reference grows by its node's name.
inline result<void> canonicalise(bytes in, writer& out, const limits& bounds = {},
                                 const atom_lookup& atoms = {}) {
  const std::size_t start = out.size();
  const auto keyed = canonicalise_but_keys(in, out, bounds, atoms);
  if (!keyed) return unexpected<error>(keyed.error());
  return *keyed ? check_keys(out.view().subspan(start)) : result<void>();
}

} // namespace coppice::etf
