// SPDX-License-Identifier: MIT
// See child_extension_term.hpp. The ranges are those of the configuration's keys. Pure.
#include "behaviours/supervision/child_extension_term.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <string>
#include <string_view>

#include "runtime/messages/shown.hpp"
#include "tree/mailbox.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;

constexpr std::array<std::string_view, 4> full_words{"park_sender", "drop_new", "drop_old", "exit"};
// The same bound as for a size in the configuration.
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 63;
constexpr std::array<std::string_view, 4> unhandled_words{"exit", "reply_error", "log", "ignore"};

// An error's text. Empty: all is well.
using complaint = std::string;

complaint wants(std::string_view what, std::string_view wanted, etf::bytes given) {
  constexpr std::size_t longest = 200;
  std::string got = runtime::shown(given, longest);
  return fmt::format("{} wants {}, got {}", what, wanted, got);
}

complaint read_count(std::string_view key, etf::bytes given, std::uint64_t least, std::uint64_t most,
                     std::uint64_t& out) {
  etf::cursor at(given);
  if (at.read_unsigned(out) && out >= least && out <= most) return {};
  return wants(key, fmt::format("a whole number from {} to {}", least, most), given);
}

template <class Enumeration, std::size_t Count>
complaint read_word(std::string_view key, etf::bytes given, const std::array<std::string_view, Count>& words,
                    Enumeration& out) {
  std::string_view word;
  etf::cursor(given).read_atom(word);
  const auto* const found = std::ranges::find(words, word);
  if (found == words.end()) return wants(key, fmt::format("one of {}", fmt::join(words, ", ")), given);
  out = static_cast<Enumeration>(found - words.begin());
  return {};
}

// Calls `take(key, value)` with each pair, until it complains. `keys`: the known keys, for the error's text.
template <class Take>
complaint read_pairs(std::string_view what, etf::bytes given, std::string_view keys, Take take) {
  etf::cursor at(given);
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs)) return wants(what, "a map", given);
  for (; pairs != 0; --pairs) {
    etf::bytes key;
    etf::bytes value;
    if (!at.read_term(key) || !at.read_term(value)) return wants(what, "a map", given);
    std::string_view name;
    etf::cursor(key).read_atom(name);
    bool known = true;
    if (complaint wrong = take(name, value, known); !wrong.empty()) return wrong;
    if (!known) return wants(what, fmt::format("no key but {}", keys), key);
  }
  return {};
}

complaint read_mailbox(etf::bytes given, runtime::mailbox_bounds& out) {
  return read_pairs("mailbox", given, "limit, bytes and on_full",
                    [&](std::string_view key, etf::bytes value, bool& known) -> complaint {
                      if (key == "limit") {
                        std::uint64_t limit = 0;
                        complaint wrong = read_count("mailbox's limit", value, tree::fewest_mailbox_messages,
                                                     tree::most_mailbox_messages, limit);
                        if (wrong.empty()) out.messages = static_cast<std::uint32_t>(limit);
                        return wrong;
                      }
                      if (key == "bytes")
                        return read_count("mailbox's bytes", value, 0, most_bytes, out.bytes);
                      if (key == "on_full")
                        return read_word("mailbox's on_full", value, full_words, out.policy);
                      known = false;
                      return {};
                    });
}

complaint read_wait(std::string_view key, etf::bytes given, base::nanos& out) {
  std::uint64_t ms = 0;
  complaint wrong = read_count(key, given, 0, tree::longest_time_ms, ms);
  if (wrong.empty()) out = static_cast<base::nanos>(ms) * base::nanos_per_ms;
  return wrong;
}

complaint read_jitter(etf::bytes given, double& out) {
  etf::cursor at(given);
  std::int64_t whole = 0;
  double value = 0;
  if (etf::cursor(given).read_integer(whole)) {
    value = static_cast<double>(whole);
  } else if (!at.read_float(value)) {
    value = -1;
  }
  if (!(value >= 0 && value <= 1)) return wants("backoff's jitter", "a number from 0 to 1", given);
  out = value;
  return {};
}

complaint read_backoff(etf::bytes given, std::optional<backoff_options>& out) {
  backoff_options& made = out.emplace();
  return read_pairs("backoff", given, "first, max and jitter",
                    [&](std::string_view key, etf::bytes value, bool& known) -> complaint {
                      if (key == "first") return read_wait("backoff's first", value, made.first);
                      if (key == "max") return read_wait("backoff's max", value, made.max);
                      if (key == "jitter") return read_jitter(value, made.jitter);
                      known = false;
                      return {};
                    });
}

message tagged(std::string_view tag, std::string_view text) {
  message_writer out(text.size() + 64);
  out.tuple(2);
  out.atom(tag);
  out.binary(text);
  return out.take();
}

bool has_mailbox(const child_spec& spec) {
  const runtime::mailbox_bounds plain;
  return spec.mailbox.messages != plain.messages || spec.mailbox.bytes != plain.bytes ||
         spec.mailbox.policy != plain.policy;
}

} // namespace

std::optional<message> read_extensions(const given_extensions& given, bool of_supervisor, child_spec& out) {
  constexpr std::string_view not_here = "a supervisor takes none: its children have their own";
  if (!given.mailbox.empty()) {
    const complaint wrong = of_supervisor ? complaint(not_here) : read_mailbox(given.mailbox, out.mailbox);
    if (!wrong.empty()) return tagged("invalid_mailbox", wrong);
  }
  if (!given.backoff.empty()) {
    const complaint wrong = read_backoff(given.backoff, out.backoff);
    if (!wrong.empty()) return tagged("invalid_backoff", wrong);
  }
  if (!given.unhandled.empty()) {
    const complaint wrong =
        of_supervisor ? complaint(not_here)
                      : read_word("unhandled", given.unhandled, unhandled_words, out.unhandled.emplace());
    if (!wrong.empty()) return tagged("invalid_unhandled", wrong);
  }
  return std::nullopt;
}

std::uint32_t count_extensions(const child_spec& spec) {
  return (has_mailbox(spec) ? 1U : 0U) + (spec.backoff ? 1U : 0U) + (spec.unhandled ? 1U : 0U);
}

void write_extensions(etf::writer& out, const child_spec& spec) {
  if (has_mailbox(spec)) {
    out.atom("mailbox");
    out.map(3);
    out.atom("limit");
    out.unsigned_integer(spec.mailbox.messages);
    out.atom("bytes");
    out.unsigned_integer(spec.mailbox.bytes);
    out.atom("on_full");
    out.atom(full_words[static_cast<std::size_t>(spec.mailbox.policy)]);
  }
  if (spec.backoff) {
    out.atom("backoff");
    out.map(3);
    out.atom("first");
    out.integer(base::to_milliseconds(spec.backoff->first).count());
    out.atom("max");
    out.integer(base::to_milliseconds(spec.backoff->max).count());
    out.atom("jitter");
    out.floating(spec.backoff->jitter);
  }
  if (spec.unhandled) {
    out.atom("unhandled");
    out.atom(unhandled_words[static_cast<std::size_t>(*spec.unhandled)]);
  }
}

} // namespace coppice::behaviours
