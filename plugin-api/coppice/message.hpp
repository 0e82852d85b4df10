// SPDX-License-Identifier: MIT
// Messages in C++: an owned message, a writer for new ones, and destinations. Header-only.
#pragma once

#include <coppice/detail/host.hpp>
#include <coppice/owned.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

/// A message that the actor owns; the host counts its owners. Move-only: share() makes another owner.
class message {
 public:
  message() = default;
  explicit message(coppice_message owned) : raw_(owned) {}
  message(message&& other) noexcept : raw_(std::exchange(other.raw_, coppice_message{})) {}
  message& operator=(message&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~message() {
    if (raw_.owner != nullptr) detail::host.message->release(&raw_);
  }

  explicit operator bool() const { return raw_.size != 0; }
  /// The encoded term, without a version byte. Borrowed from this message.
  etf::bytes bytes() const { return {raw_.data, static_cast<std::size_t>(raw_.size)}; }
  /// The same bytes as a term.
  coppice::term term() const { return {bytes()}; }
  /// Another message of the same bytes, which are not copied.
  message share() const {
    coppice_message again{};
    detail::host.message->retain(&raw_, &again);
    return message(again);
  }
  /// The C struct, for a parameter that borrows it.
  const coppice_message& raw() const { return raw_; }
  /// For a parameter that consumes the message.
  coppice_message* take() { return &raw_; }
  /// For a parameter that makes a message. Releases the message held before.
  coppice_message* put() {
    *this = message();
    return &raw_;
  }

 private:
  coppice_message raw_{};
};

namespace detail {

// The memory to write to. Its two ends are read one by one: a load of both at once would wait until the
// host's two stores have left the core.
inline etf::storage room_of(const coppice_writer& raw) {
  std::uint8_t* const at = *static_cast<std::uint8_t* const volatile*>(&raw.at);
  return {at, *static_cast<std::uint8_t* const volatile*>(&raw.end)};
}

} // namespace detail

/// Writes a term straight into the memory that it travels in.
class message_writer : public etf::writer {
 public:
  explicit message_writer(std::size_t hint = 64) : etf::writer(nullptr, nullptr, &grow, this) {
    raw_.api = nullptr;
    if (detail::host.message->write_begin(hint, &raw_) == COPPICE_OK) reset(detail::room_of(raw_));
  }
  ~message_writer() {
    if (raw_.api != nullptr) detail::host.message->discard(&raw_);
  }

  /// The message. None: the written term has no encoding. Ends the writer.
  message take() {
    message made;
    if (failed()) return made;
    raw_.at = raw_.begin + size();
    detail::host.message->finish(&raw_, made.put());
    return made;
  }

 private:
  static etf::storage grow(void* context, etf::storage, std::size_t used, std::size_t needed) {
    coppice_writer& raw = static_cast<message_writer*>(context)->raw_;
    raw.at = raw.begin + used;
    if (detail::host.message->reserve(&raw, needed) != COPPICE_OK) return {};
    return {raw.begin, raw.end};
  }

  coppice_writer raw_; // set by the host
};

/// Whether the term may be sent to another node. Terms from another node always may; an actor of this node
/// can send invalid ones.
inline bool is_well_formed(term what) {
  return detail::host.message->validate({what.encoded.data(), what.encoded.size()}) == COPPICE_OK;
}

namespace detail {

// Values up to this size are written at once if a bound of their size is known.
inline constexpr std::size_t short_message = 4096;

// A term of at most `most` bytes. write(at) writes it and returns its end, or null if it has no encoding.
template <class Write>
message make_bounded(std::size_t most, const Write& write) {
  message made;
  coppice_writer raw;
  if (host.message->write_begin(most, &raw) != COPPICE_OK) return made;
  auto [at, end] = room_of(raw);
  if (static_cast<std::size_t>(end - at) < most) [[unlikely]]
    at = host.message->reserve(&raw, most) == COPPICE_OK ? raw.at : nullptr;
  if (at != nullptr) at = write(at);
  if (at != nullptr) {
    raw.at = at;
    host.message->finish(&raw, made.put());
  } else {
    host.message->discard(&raw);
  }
  return made;
}

} // namespace detail

/// Any encodable value as a message. A message is shared instead; a single atom is borrowed from the plugin's
/// constants.
template <class T>
message make_message(const T& value) {
  if constexpr (std::is_same_v<T, message>) {
    return value.share();
  } else if constexpr (etf::detail::is_constant<T>) {
    return message({etf::constant_term<T>.data(), etf::constant_term<T>.size(), nullptr});
  } else {
    if constexpr (etf::is_bounded<T>) {
      const std::size_t most = etf::most_bytes(value);
      if (most <= detail::short_message)
        return detail::make_bounded(most, [&](std::uint8_t* at) { return etf::write_bounded(at, value); });
    }
    message_writer out;
    etf::encode(out, value);
    return out.take();
  }
}

/// The destination of a message: a name on this node, {name, node}, a pid, an alias, or a term that is one of
/// these.
class destination {
 public:
  /// A name of this node, or NAME@ALIVE@HOST.
  destination(std::string_view name) : own_(encoded(name)) {}
  destination(const char* name) : destination(std::string_view(name)) {}
  destination(const std::string& name) : destination(std::string_view(name)) {}
  destination(std::string_view name, std::string_view node)
      : own_(etf::encode(std::pair(etf::atom{name}, etf::atom{node}))) {}
  destination(const etf::pid& process) : own_(etf::encode(process)) {}
  destination(const etf::reference& alias) : own_(etf::encode(alias)) {}
  /// Borrows: the argument must live as long as this object.
  destination(term borrowed) : borrowed_(borrowed.encoded) {}
  destination(const owned_term& borrowed) : borrowed_(borrowed.bytes()) {}
  destination(const owned_pid& borrowed) : borrowed_(borrowed.bytes()) {}
  destination(const owned_reference& borrowed) : borrowed_(borrowed.bytes()) {}

  /// The encoded receiver. Borrowed from this object, or from what it was made of.
  etf::bytes bytes() const { return own_.empty() ? borrowed_ : etf::bytes(own_.data(), own_.size()); }

  /// Parses "name" or "name@alive@host", as in configurations.
  static destination parse(std::string_view text) {
    const auto cut = text.find('@');
    if (cut == text.npos) return {text};
    return {text.substr(0, cut), text.substr(cut + 1)};
  }

 private:
  static std::vector<std::uint8_t> encoded(std::string_view name) {
    const auto cut = name.find('@');
    if (cut == name.npos || name.find('@', cut + 1) == name.npos) return etf::encode(etf::atom{name});
    return etf::encode(std::pair(etf::atom{name.substr(0, cut)}, etf::atom{name.substr(cut + 1)}));
  }

  std::vector<std::uint8_t> own_;
  etf::bytes borrowed_;
};

} // namespace coppice
