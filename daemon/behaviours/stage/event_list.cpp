// SPDX-License-Identifier: MIT
// Runs of terms that share their messages' memory. Copies are made when a list leaves or would keep too much
// alive.
#include "behaviours/stage/event_list.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;

constexpr std::size_t waste = 1024; // least number of bytes that a kept run may hold beyond its own size

// Writes a list that has another encoding as a plain LIST_EXT: a string of bytes, or a list whose tail is
// another list.
std::optional<message> plain_list(etf::bytes list) {
  std::uint64_t count = 0;
  message_writer out(list.size() + 16);
  out.list(1); // patched
  etf::cursor at(list);
  for (;;) {
    etf::bytes text;
    std::uint32_t length = 0;
    if (at.read_string(text)) {
      for (const std::uint8_t byte : text) out.unsigned_integer(byte);
      count += text.size();
      break;
    }
    if (!at.read_list(length)) return std::nullopt;
    if (length == 0) break;
    count += length;
    for (; length != 0; --length) {
      etf::bytes term;
      if (!at.read_term(term)) return std::nullopt;
      out.raw(term);
    }
    if (at.read_nil()) break;
  }
  if (!at.at_end() || count > UINT32_MAX) return std::nullopt;
  if (count == 0) return message::immortal({});
  out.nil();
  out.patch32(1, static_cast<std::uint32_t>(count));
  return out.take();
}

} // namespace

etf::bytes next_term(etf::bytes& rest) {
  etf::cursor at(rest);
  etf::bytes term;
  if (!at.read_term(term)) { // cannot happen: `rest` has whole terms
    term = rest;
    rest = {};
    return term;
  }
  rest = at.rest();
  return term;
}

std::optional<event_list> event_list::of(const message& list) {
  event_list out;
  etf::cursor at(list.bytes());
  std::uint32_t length = 0;
  bool plain = at.read_list(length);
  if (plain && length == 0) return at.at_end() ? std::optional(std::move(out)) : std::nullopt;
  const std::size_t begin = at.offset();
  plain = plain && at.skip(length);
  const std::size_t size = at.offset() - begin;
  if (plain && at.read_nil() && at.at_end()) {
    out.add({list.slice(list.bytes().subspan(begin, size)), length, list});
    return out;
  }
  const auto rewritten = plain_list(list.bytes());
  if (!rewritten) return std::nullopt;
  if (!*rewritten) return out;
  return of(*rewritten);
}

event_list event_list::one(message event) {
  event_list out;
  out.add({std::move(event), 1, {}});
  return out;
}

void event_list::add(run more) {
  if (more.count == 0) return;
  count_ += more.count;
  bytes_ += more.terms.size();
  runs_.push_back(std::move(more));
}

event_list event_list::take(std::uint64_t most) {
  if (most >= count_) return std::exchange(*this, {});
  event_list out;
  while (most != 0) {
    run& first = runs_[head_];
    if (first.count <= most) {
      most -= first.count;
      count_ -= first.count;
      bytes_ -= first.terms.size();
      out.add(std::move(first));
      ++head_;
      continue;
    }
    etf::cursor past(first.terms.bytes());
    past.skip(static_cast<std::uint32_t>(most)); // whole terms of a list
    const std::size_t size = past.offset();
    const etf::bytes rest = past.rest();
    out.add({first.terms.slice(first.terms.bytes().first(size)), most, {}});
    count_ -= most;
    bytes_ -= size;
    first.count -= most;
    first.terms = std::move(first.terms).slice(rest);
    first.whole = {};
    most = 0;
  }
  if (head_ > 32 && head_ * 2 > runs_.size()) {
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  return out;
}

void event_list::append(event_list more) {
  if (empty()) {
    *this = std::move(more);
    return;
  }
  for (std::size_t i = more.head_; i < more.runs_.size(); ++i) add(std::move(more.runs_[i]));
}

event_list event_list::compact() const {
  event_list out;
  if (empty()) return out;
  const run& first = runs_[head_];
  if (runs_.size() - head_ > 1) { // copied into one block
    const message all = list();
    out.add({all.slice(all.bytes().subspan(5, bytes_)), count_, all});
    return out;
  }
  message terms = first.terms.compact(std::max(waste, first.terms.size()));
  const bool same = terms.bytes().data() == first.terms.bytes().data();
  out.add({std::move(terms), first.count, same ? first.whole : message()});
  return out;
}

message event_list::list() const {
  if (runs_.size() - head_ == 1 && runs_[head_].whole) return runs_[head_].whole;
  message_writer out(bytes_ + 16);
  write(out);
  return out.take();
}

void event_list::write(etf::writer& out) const {
  out.list(static_cast<std::uint32_t>(count_));
  for (std::size_t i = head_; i < runs_.size(); ++i) out.raw(runs_[i].terms.bytes());
  out.nil();
}

} // namespace coppice::behaviours
