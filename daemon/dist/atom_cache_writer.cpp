// SPDX-License-Identifier: MIT
// Looks only into the terms that control messages consist of: small tuples of integers, atoms, pids and
// references. Any other control message is sent without references. Source: ERTS user's guide, "External Term
// Format", distribution header. One thread.
#include "dist/atom_cache_writer.hpp"

#include <algorithm>
#include <functional>
#include <span>

#include "base/bytes.hpp"

namespace coppice::dist {
namespace {

constexpr std::size_t after_pids_atom = 12;

// Takes `size` bytes off the front. Empty: there are fewer.
etf::bytes take(etf::bytes& from, std::size_t size) {
  if (from.size() < size) return {};
  const auto part = from.first(size);
  from = from.subspan(size);
  return part;
}

} // namespace

int atom_cache_writer::refer(std::string_view atom) {
  const auto slot = static_cast<std::uint16_t>(std::hash<std::string_view>{}(atom) % slot_count);
  for (std::size_t i = 0; i < count_; ++i) {
    if (named_[i].slot == slot) return slots_[slot] == atom ? static_cast<int>(i) : -1;
  }
  if (count_ == most_named) return -1;
  const bool fresh = slots_[slot] != atom || atom.empty();
  if (fresh) slots_[slot] = atom;
  named_[count_] = {slot, fresh};
  return static_cast<int>(count_++);
}

// False: there is a term in it that is not looked into.
bool atom_cache_writer::rewrite(etf::bytes control) {
  const auto put = [this](etf::bytes part) { body_.raw(part); };
  const auto put_atom = [&](etf::bytes& in) {
    const auto head = take(in, 2);
    if (head.empty() || etf::tag{head[0]} != etf::tag::small_atom_utf8) return false;
    const auto text = take(in, head[1]);
    if (text.size() != head[1]) return false;
    const int index = refer(base::as_text(text));
    if (index < 0) {
      put(head);
      put(text);
      return true;
    }
    const std::uint8_t reference[] = {static_cast<std::uint8_t>(etf::tag::atom_cache_ref),
                                      static_cast<std::uint8_t>(index)};
    put(reference);
    return true;
  };
  auto in = control;
  const auto head = take(in, 2);
  if (head.empty() || etf::tag{head[0]} != etf::tag::small_tuple) return false;
  put(head);
  for (unsigned i = 0; i < head[1]; ++i) {
    if (in.empty()) return false;
    std::size_t rest = 0;
    switch (etf::tag{in[0]}) {
      case etf::tag::small_integer:
        put(take(in, 2));
        continue;
      case etf::tag::small_atom_utf8:
        if (!put_atom(in)) return false;
        continue;
      case etf::tag::new_pid:
        put(take(in, 1));
        rest = after_pids_atom;
        break;
      case etf::tag::newer_reference: {
        const auto start = take(in, 3);
        if (start.empty()) return false;
        put(start);
        rest = 4 + std::size_t{4} * base::load_be16(start.data() + 1);
        break;
      }
      default:
        return false;
    }
    if (!put_atom(in)) return false;
    const auto numbers = take(in, rest);
    if (numbers.empty()) return false;
    put(numbers);
  }
  return in.empty();
}

// Half a byte for each atom, and one for all: no text is longer than 255 bytes.
void atom_cache_writer::write_head(etf::writer& out) const {
  std::array<std::uint8_t, most_named / 2 + 1> flags{};
  for (std::size_t i = 0; i < count_; ++i) {
    const unsigned half = static_cast<unsigned>(named_[i].slot >> 8) | (named_[i].fresh ? 8U : 0U);
    flags[i / 2] = static_cast<std::uint8_t>(flags[i / 2] | half << (i % 2 * 4));
  }
  const auto count = static_cast<std::uint8_t>(count_);
  out.raw({&count, 1});
  if (count_ == 0) return;
  out.raw(std::span(flags).first(std::min(count_ / 2 + 1, flags.size())));
  for (std::size_t i = 0; i < count_; ++i) {
    const std::string& text = slots_[named_[i].slot];
    const std::uint8_t entry[] = {static_cast<std::uint8_t>(named_[i].slot & 0xFF),
                                  static_cast<std::uint8_t>(text.size())};
    out.raw({entry, named_[i].fresh ? std::size_t{2} : std::size_t{1}});
    if (named_[i].fresh) out.raw(base::as_bytes(text));
  }
}

void atom_cache_writer::write(etf::writer& out, etf::bytes control) {
  count_ = 0;
  body_.rewind();
  const bool whole = rewrite(control);
  write_head(out);
  // Atoms that rewrite() named are in the header in any case, because our copy of the cache has them now.
  out.raw(whole ? body_.view() : control);
}

} // namespace coppice::dist
