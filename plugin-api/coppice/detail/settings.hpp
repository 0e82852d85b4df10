// SPDX-License-Identifier: MIT
// Which members of an args struct may be left out: optionals, and members with an initialiser, whose value
// is then their default. C++ does not tell whether a member has an initialiser. A number without one is not
// written when the struct is default-initialised, so it is found by looking for that; a text, a list or a
// map is found by its default not being empty. The answer is needed twice: by the reader at run time, and by
// the schema at compile time, which has none for a struct that the compiler cannot make. Header-only.
#pragma once

#include <coppice/etf/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace coppice::detail {

/// A struct that args, or a part of them, write as a map of its members, although as a message it may be a
/// tuple.
template <class T>
constexpr bool are_members() {
  if constexpr (etf::detail::aggregate<T>)
    return etf::shape<T>::how == etf::form::record || etf::shape<T>::how == etf::form::map;
  return false;
}
/// A map whose keys are read in their order, so that no caller can make it slow.
template <class T>
concept ordered_map = etf::detail::dictionary<T> && requires {
  typename T::key_compare;
};

/// Whether a T of args is read otherwise than in a message.
template <class T>
constexpr bool is_read_as_args() {
  using namespace etf::detail;
  if constexpr (customised<T>)
    return false;
  else if constexpr (is_a<T, std::optional>)
    return is_read_as_args<typename T::value_type>();
  else if constexpr (ordered_map<T>)
    return text<typename T::key_type> || is_read_as_args<typename T::mapped_type>();
  else if constexpr (!dictionary<T> && sequence<T>)
    return is_read_as_args<typename T::value_type>();
  else
    return are_members<T>() || std::is_enum_v<T>;
}

/// Whether the default of a member that always has a value shows that an initialiser gave it.
template <class M>
constexpr bool has_content(const M& member) {
  using namespace etf::detail;
  if constexpr (text<M> || blob<M> || dictionary<M> || sequence<M>)
    return !member.empty();
  else if constexpr (is_a<M, etf::flat_map>)
    return !member.pairs.empty();
  else
    return false;
}

// ---- at run time ----

/// A T that was default-initialised in memory whose bytes were all `fill`.
template <class T>
class over_bytes {
 public:
  [[gnu::noinline]] explicit over_bytes(std::uint8_t fill) {
    void* at = storage_;
    std::memset(at, fill, sizeof storage_);
    // The compiler must neither leave out the bytes nor know of them.
    asm volatile("" : "+r"(at) : : "memory");
    made_ = ::new (at) T;
    asm volatile("" : "+r"(made_) : : "memory");
  }
  over_bytes(const over_bytes&) = delete;
  over_bytes& operator=(const over_bytes&) = delete;
  ~over_bytes() { made_->~T(); }
  const T& operator*() const { return *made_; }

 private:
  alignas(T) std::uint8_t storage_[sizeof(T)];
  T* made_;
};

/// Whether M may be left out, from two of it that were made over different bytes.
template <class M>
bool may_be_absent(const M& one, const M& other) {
  using etf::detail::is_a;
  if constexpr (is_a<M, std::optional>) {
    return true;
  } else if constexpr (etf::detail::aggregate<M>) {
    return etf::reflect::with_members(one, [&other](const auto&... mine) {
      return etf::reflect::with_members(
          other, [&](const auto&... others) { return (may_be_absent(mine, others) && ...); });
    });
  } else if constexpr (std::is_trivially_default_constructible_v<M>) {
    return std::memcmp(static_cast<const void*>(&one), static_cast<const void*>(&other), sizeof(M)) == 0;
  } else {
    return has_content(one);
  }
}

/// Which members of T may be left out, a bit for each.
template <class T>
std::uint32_t absentable() {
  const over_bytes<T> one(0x55), other(0xaa);
  return etf::reflect::with_members(*one, [&other](const auto&... mine) {
    return etf::reflect::with_members(*other, [&](const auto&... others) {
      std::uint32_t found = 0, bit = 1;
      ((found |= may_be_absent(mine, others) ? bit : 0U, bit <<= 1), ...);
      return found;
    });
  });
}

// ---- at compile time ----

template <class T>
constexpr bool can_be_made() {
  T made{};
  static_cast<void>(made);
  return true;
}
/// Whether the compiler can make a T with its initialisers.
template <class T>
concept is_computed = requires {
  typename std::bool_constant<can_be_made<T>()>;
};

/// Is no constant if a number in `member` was not initialised.
template <class M>
constexpr bool may_be_absent(const M& member) {
  using etf::detail::is_a;
  if constexpr (is_a<M, std::optional>) {
    return true;
  } else if constexpr (etf::detail::aggregate<M>) {
    return etf::reflect::with_members(
        member, [](const auto&... mine) { return (detail::may_be_absent(mine) && ...); });
  } else if constexpr (std::is_trivially_default_constructible_v<M>) {
    const M copy = member;
    static_cast<void>(copy);
    return true;
  } else {
    return has_content(member);
  }
}
template <class T, std::size_t I>
constexpr bool may_leave_out() {
  const auto look = [](const T& made) {
    return etf::reflect::with_members(
        made, [](const auto&... member) { return may_be_absent(*etf::reflect::pick<I>(&member...)); });
  };
  T made;
  return look(made);
}
template <class T, std::size_t I>
concept is_looked_at = requires {
  typename std::bool_constant<may_leave_out<T, I>()>;
};
/// Whether the compiler knows that member I of T may be left out.
template <class T, std::size_t I>
constexpr bool is_absentable() {
  if constexpr (is_looked_at<T, I>) return may_leave_out<T, I>();
  return false;
}

} // namespace coppice::detail
