// SPDX-License-Identifier: MIT
// Turns records and their keys into bytes, and back. Bytes from the disk may be anything. Any thread.
#include "saga/record.hpp"

#include <algorithm>

#include "saga/term_codec.hpp"

namespace coppice::saga {

namespace {

bool is_sound(const std::vector<step_spec>& steps) {
  return std::all_of(steps.begin(), steps.end(), [](const step_spec& one) {
    return is_sound(one.to) && one.retry_first >= 0 && one.retry_max >= 0;
  });
}

struct sound {
  bool operator()(const begin_record& in) const {
    return saga::is_sound(in.tx) && saga::is_sound(in.starter) && saga::is_sound(in.self) && in.hops > 0 &&
           in.deadline >= 0;
  }
  bool operator()(const plan_record& in) const { return in.order > 0 && in.first > 0 && is_sound(in.steps); }
  bool operator()(const entry_record& in) const {
    return saga::is_sound(in.key) && saga::is_sound(in.self) && !in.key.step.path.empty() && in.attempt > 0 &&
           in.deadline >= 0;
  }
  bool operator()(const ended_record& in) const {
    return saga::is_sound(in.tx) && saga::is_sound(in.starter) && in.until >= 0;
  }
  bool operator()(const decision_record&) const { return true; }
  bool operator()(const skip_record&) const { return true; }
  bool operator()(const reversed_record&) const { return true; }
};

constexpr std::size_t key_size = 13;

// Upper bounds of the encoded sizes, without encoding anything.
struct weighed {
  static constexpr std::size_t head = 160; // tags, numbers, and the log's own head
  static constexpr std::size_t each = 64;  // tags of a hop or of a step

  static std::size_t of(const address& at) { return at.name().size() + at.node().size(); }
  std::size_t operator()(const begin_record& in) const {
    return head + in.tx.size() + in.starter.size() + in.value.encoded.size() + of(in.self);
  }
  std::size_t operator()(const plan_record& in) const {
    std::size_t sum = head + in.answer.encoded.size() + in.final.encoded.size();
    for (const step_spec& one : in.steps) sum += each + of(one.to) + one.value.encoded.size();
    return sum;
  }
  std::size_t operator()(const decision_record& in) const { return head + in.value.encoded.size(); }
  std::size_t operator()(const skip_record&) const { return head; }
  std::size_t operator()(const reversed_record&) const { return head; }
  std::size_t operator()(const entry_record& in) const {
    return head + saga::weight(in.key) + in.value.encoded.size() + in.answer.encoded.size() + of(in.self);
  }
  std::size_t operator()(const ended_record& in) const {
    return head + in.tx.size() + in.starter.size() + in.how.value.encoded.size();
  }
};

} // namespace

std::string encode(const record& of) {
  return to_text(of);
}

base::result<record> decode_record(base::bytes_span from) {
  auto read = etf::decode<record>(from);
  if (!read) return base::fail(base::errc::invalid, read.error().text());
  if (!std::visit(sound(), *read))
    return base::fail(base::errc::invalid, "a part of a record is out of range");
  return std::move(*read);
}

std::size_t weight(const std::optional<record>& of) {
  return of ? std::visit(weighed(), *of) : weighed::head;
}

std::string encode(const record_key& of) {
  std::string made(key_size, '\0');
  auto* const at = reinterpret_cast<std::uint8_t*>(made.data());
  base::store_be64(at, of.number);
  at[8] = static_cast<std::uint8_t>(of.kind);
  base::store_be32(at + 9, of.step);
  return made;
}

base::result<record_key> decode_record_key(base::bytes_span from) {
  const bool good = from.size() == key_size && from[8] <= static_cast<std::uint8_t>(record_kind::reversed);
  const record_key made = !good ? record_key{}
                                : record_key{base::load_be64(from.data()), static_cast<record_kind>(from[8]),
                                             base::load_be32(from.data() + 9)};
  if (made.number == 0) return base::fail(base::errc::invalid, "no key of a record");
  return made;
}

} // namespace coppice::saga
