// SPDX-License-Identifier: MIT
// Which parameters a member function has that takes a request's answer, at compile time. Header-only.
#pragma once

#include <coppice/answer.hpp>
#include <coppice/detail/spelling.hpp>

#include <cstdint>
#include <tuple>
#include <type_traits>

namespace coppice {

/// A parameter of a member that takes an answer: the id that request() returned.
struct request_id {
  std::uint64_t number = 0;
  friend bool operator==(const request_id&, const request_id&) = default;
};

} // namespace coppice

namespace coppice::detail {

class any_statem; // coppice/statem.hpp

/// Whether a parameter is an answer, or an expected of one.
template <class Parameter>
inline constexpr bool is_answer = std::is_same_v<Parameter, answer>;
template <class Reply>
inline constexpr bool is_answer<expected<Reply, call_error>> = true;

/// The parameters, in this order: the State of a state machine, request_id, a context, the answer. All but
/// the answer may be left out. `context` is void if the member takes none. `fits`: the member is declared so.
template <class Member>
struct answer_member {
  static constexpr bool fits = false;
  using context = void;
};
template <class Class, class Result, class... Of>
struct answer_member<Result (Class::*)(Of...)> {
  using parameters = std::tuple<std::remove_cvref_t<Of>...>;
  static constexpr std::size_t count = sizeof...(Of);
  template <std::size_t I, class Wanted>
  static constexpr bool has_at() {
    if constexpr (I + 1 < count) return std::is_same_v<std::tuple_element_t<I, parameters>, Wanted>;
    return false;
  }
  static constexpr bool takes_state = [] {
    if constexpr (count > 1)
      if constexpr (std::is_base_of_v<any_statem, Class>) return has_at<0, typename Class::state_type>();
    return false;
  }();
  static constexpr bool takes_id = has_at<takes_state, request_id>();
  static constexpr std::size_t before = std::size_t{takes_state} + takes_id;
  static constexpr bool takes_context = count == before + 2;
  static constexpr bool takes_no_context = !takes_context;
  static constexpr bool fits = [] {
    if constexpr (count != 0 && count <= before + 2)
      return is_answer<std::tuple_element_t<count - 1, parameters>>;
    return false;
  }();
  using context = typename std::conditional_t<takes_context, std::tuple_element<before, parameters>,
                                              std::type_identity<void>>::type;
  template <class Context>
  static constexpr bool takes = may_take<context, Context>();
};

/// Whether request<Member>() can give its answer to a member of this type. Gives a sentence if not.
template <class Member>
constexpr bool takes_answer() {
  static_assert(
      answer_member<Member>::fits,
      "the member that takes a request's answer is declared otherwise than it is called: void "
      "on_price(const coppice::answer&), or (const coppice::expected<R, coppice::call_error>&), and neither "
      "const, noexcept nor static. Before the answer may be a coppice::request_id and a context, in this "
      "order, and first of all the State of a state machine");
  return answer_member<Member>::fits;
}

} // namespace coppice::detail
