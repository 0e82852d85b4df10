// SPDX-License-Identifier: MIT
// An actor's args as a C++ value. They are a map in the configuration, and so is a struct that names no form
// of its own: its members are the keys. Any other type is read and written as in a message. Header-only. Any
// thread.
#pragma once

#include <coppice/detail/host.hpp>
#include <coppice/etf/codec.hpp>

namespace coppice::detail {

/// Whether args of this type are a map although a message of this type is a tuple.
template <class Args>
constexpr bool are_members() {
  if constexpr (etf::detail::aggregate<Args>) return etf::shape<Args>::how == etf::form::record;
  return false;
}

/// Args to write. Borrows them.
template <class Args>
struct args_to_write {
  const Args& from;
};

/// Reads args. A struct that was written as a message is taken too, since a test may give one.
template <class Args>
bool read_args(etf::cursor& in, Args& into, etf::mismatch& why) {
  if constexpr (are_members<Args>()) {
    if (in.peek() == etf::kind::map) return etf::detail::read_map_members(in, into, why);
  }
  return etf::read(in, into, why);
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
    if constexpr (coppice::detail::are_members<Args>()) {
      out.map(detail::present_members(args.from));
      detail::for_members(args.from, [&out](auto index, const auto& member) {
        if (detail::is_absent(member)) return;
        out.raw(detail::key_literal<Args, decltype(index)::value>.data);
        etf::encode(out, member);
      });
    } else {
      etf::encode(out, args.from);
    }
  }
};

} // namespace coppice::etf
