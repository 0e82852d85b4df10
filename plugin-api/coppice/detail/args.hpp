// SPDX-License-Identifier: MIT
// An actor's args as a C++ value. They are a map in the configuration, and so is a struct in them that names
// no form of its own: its members are the keys, and a member with an initialiser may be left out. An enum is
// a text there, and a map's keys are atoms. Any other type is read and written as in a message. Header-only.
// Any thread.
#pragma once

#include <coppice/byte_size.hpp>
#include <coppice/detail/host.hpp>
#include <coppice/detail/settings.hpp>
#include <coppice/etf/codec.hpp>

namespace coppice::detail {

/// Args to write. Borrows them.
template <class Args>
struct args_to_write {
  const Args& from;
};

template <class T>
bool read_args(etf::cursor& in, T& into, etf::mismatch& why);

/// The words after "expected" for a T of args.
template <class T>
std::string expected_args() {
  if constexpr (are_members<T>()) return "map";
  return etf::detail::expected<T>();
}

/// Whether each member that was not among the keys may be absent. False: `why` has one that may not.
template <class T>
bool complete_args(const etf::cursor& start, const T& into, std::uint32_t seen, etf::mismatch& why) {
  return etf::reflect::with_members(into, [&](const auto&... member) {
    std::uint32_t missing = ((std::uint64_t{1} << sizeof...(member)) - 1) & ~std::uint64_t{seen};
    if (missing != 0) missing &= ~absentable<T>();
    if (missing == 0) return true;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto is_there = [&]<std::size_t At>(const auto& each, std::integral_constant<std::size_t, At>) {
        if ((missing >> At & 1) == 0) return true;
        if (!why.is_quiet())
          why.wanted(start, expected_args<std::remove_cvref_t<decltype(each)>>(), "nothing");
        return why.in_field(etf::detail::field_of<T, At>);
      };
      return (is_there(member, std::integral_constant<std::size_t, I>{}) && ...);
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
}

/// Reads a map into a struct that was just made. Keys that it does not have are passed over.
template <class T>
bool read_args_members(etf::cursor& in, T& into, etf::mismatch& why) {
  const etf::cursor start = in;
  std::uint32_t pairs, seen = 0;
  if (!in.read_map(pairs)) return etf::detail::wanted<T>(in, why);
  for (; pairs != 0; --pairs) {
    const etf::cursor key_at = in;
    std::string_view name;
    if (!in.read_atom(name)) {
      if (!in.skip() || !in.skip()) return etf::detail::wanted<etf::any_term>(in, why);
      continue;
    }
    const int outcome = etf::detail::with_named(into, name, [&](std::size_t index, auto& member) {
      const std::uint32_t bit = std::uint32_t{1} << index;
      if ((seen & bit) != 0)
        return why.refused(key_at, etf::errc::duplicate_key, "expected a key only once"), -1;
      seen |= bit;
      return read_args(in, member, why) ? 1 : -1;
    });
    if (outcome < 0) return why.in_field(name);
    if (outcome == 0 && !in.skip()) return etf::detail::wanted<etf::any_term>(in, why);
  }
  return complete_args(start, into, seen, why);
}

template <class T>
bool read_args_list(etf::cursor& in, T& into, etf::mismatch& why) {
  std::uint32_t length;
  if (etf::cursor ahead = in; !ahead.read_list(length)) return etf::read(in, into, why);
  if constexpr (etf::detail::is_std_array<T>) {
    if (length != into.size()) return etf::read(in, into, why);
  } else {
    into.clear();
  }
  in.read_list(length);
  for (std::uint32_t i = 0; i < length; ++i) {
    if constexpr (etf::detail::is_std_array<T>) {
      if (!read_args(in, into[i], why)) return why.in_element(i);
    } else {
      typename T::value_type each{};
      if (!read_args(in, each, why)) return why.in_element(i);
      into.insert(into.end(), std::move(each));
    }
  }
  return length == 0 || in.read_nil() || why.wanted(in, "end of a proper list");
}

template <class T>
bool read_args_map(etf::cursor& in, T& into, etf::mismatch& why) {
  std::uint32_t pairs;
  if (!in.read_map(pairs)) return etf::detail::wanted<T>(in, why);
  into.clear();
  for (; pairs != 0; --pairs) {
    const etf::cursor start = in;
    typename T::key_type key{};
    std::string_view name;
    if constexpr (etf::detail::text<typename T::key_type>) {
      if (in.read_atom(name))
        key = name;
      else if (!etf::read(in, key, why))
        return why.in_field("key");
    } else if (!read_args(in, key, why)) {
      return why.in_field("key");
    }
    const auto [place, fresh] = into.try_emplace(std::move(key));
    if (!fresh) return why.refused(start, etf::errc::duplicate_key, "expected a key only once");
    if (!read_args(in, place->second, why)) return why.in_field("value");
  }
  return true;
}

template <class E>
bool read_args_enum(etf::cursor& in, E& into, etf::mismatch& why) {
  etf::bytes data;
  if (etf::cursor ahead = in; !ahead.read_binary(data)) return etf::read(in, into, why);
  const std::string_view name(reinterpret_cast<const char*>(data.data()), data.size());
  const auto& names = etf::detail::names_of<E>;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!name.empty() && names[i] == name) return into = static_cast<E>(i), in.skip();
  return !why.is_quiet() &&
         why.wanted(in, etf::detail::expected<E>(), etf::detail::concatenated({"text ", name.substr(0, 80)}));
}

/// Reads args, or a part of them. A struct that was written as a message is taken too, since a test may give
/// one.
template <class T>
bool read_args(etf::cursor& in, T& into, etf::mismatch& why) {
  using namespace etf::detail;
  if constexpr (!is_read_as_args<T>()) {
    return etf::read(in, into, why);
  } else if constexpr (std::is_enum_v<T>) {
    return read_args_enum(in, into, why);
  } else if constexpr (is_a<T, std::optional>) {
    if (in.read_atom_is(undefined_name)) return into.reset(), true;
    return read_args(in, into.emplace(), why);
  } else {
    if (are_members<T>() && in.peek() != etf::kind::map) return etf::read(in, into, why);
    if (!why.enter(in)) return false;
    bool good = false;
    if constexpr (are_members<T>()) {
      into = T{}; // without what an initialiser of the struct around it says
      good = read_args_members(in, into, why);
    } else if constexpr (ordered_map<T>) {
      good = read_args_map(in, into, why);
    } else {
      good = read_args_list(in, into, why);
    }
    why.leave();
    return good;
  }
}

/// Writes args, or a part of them, as read_args() reads them.
template <class T>
void write_args(etf::writer& out, const T& from) {
  using namespace etf::detail;
  if constexpr (!is_read_as_args<T>() || std::is_enum_v<T>) {
    etf::encode(out, from);
  } else if constexpr (is_a<T, std::optional>) {
    if (!from) return out.raw(undefined_literal.data);
    write_args(out, *from);
  } else if constexpr (are_members<T>()) {
    out.map(present_members(from));
    for_members(from, [&out](auto index, const auto& member) {
      if (is_absent(member)) return;
      out.raw(key_literal<T, decltype(index)::value>.data);
      write_args(out, member);
    });
  } else if constexpr (ordered_map<T>) {
    out.map(static_cast<std::uint32_t>(from.size()));
    for (const auto& [key, value] : from) {
      write_args(out, key);
      write_args(out, value);
    }
  } else {
    if (!from.empty()) out.list(static_cast<std::uint32_t>(from.size()));
    for (const auto& each : from) write_args(out, each);
    out.nil();
  }
}

/// Passes the args to `use` as an Args. If they are none, returns COPPICE_E_INVALID, and the error object
/// says which element is wrong.
template <class Args, class Use>
std::int32_t with_args(coppice_actor* self, const coppice_message& raw, const Use& use) {
  Args value{};
  etf::mismatch why;
  etf::cursor at({raw.data, static_cast<std::size_t>(raw.size)});
  if (read_args(at, value, why) && at.at_end()) return use(std::as_const(value));
  const std::string text = etf::detail::concatenated({"args: ", why.take(etf::root_name<Args>()).text()});
  host.actor->set_error(self, COPPICE_E_INVALID, plain(std::string_view(text)));
  return COPPICE_E_INVALID;
}

} // namespace coppice::detail

namespace coppice::etf {

template <class Args>
struct codec<coppice::detail::args_to_write<Args>> {
  static void encode(writer& out, const coppice::detail::args_to_write<Args>& args) {
    coppice::detail::write_args(out, args.from);
  }
};

} // namespace coppice::etf
