// SPDX-License-Identifier: MIT
// Answers that go to a member of the actor's class: request<&shop::on_price>(to, message). The request's tag
// is a hash of the member's name, so that after a reload the new code's member of that name gets the answer.
// Every member used this way is in a list from the moment the plugin is loaded. Header-only; the list is only
// read once the plugin is loaded.
#pragma once

#include <coppice/actor.hpp>
#include <coppice/detail/answer_member.hpp>
#include <coppice/detail/checks.hpp>

#include <cstdint>
#include <string_view>

namespace coppice::detail {

/// Tags from here on are hashes of members' names.
inline constexpr std::uint64_t first_name_tag = std::uint64_t{1} << 63;

/// "on_price" of &shop::on_price, as this compiler spells it.
template <auto Member>
consteval std::string_view member_name() {
  std::string_view spelled = __PRETTY_FUNCTION__;
  const std::size_t at = spelled.find("Member = ") + 9;
  spelled.remove_prefix(at);
  constexpr std::string_view unnamed = "(anonymous namespace)"; // clang's spelling
  if (const std::size_t inside = spelled.rfind(unnamed); inside != spelled.npos)
    spelled.remove_prefix(inside + unnamed.size());
  spelled = spelled.substr(0, spelled.find_first_of(";]("));
  while (spelled.ends_with(' ')) spelled.remove_suffix(1);
  return spelled.substr(spelled.rfind(':') + 1);
}
/// FNV-1a of the name.
constexpr std::uint64_t tag_of_name(std::string_view name) {
  std::uint64_t sum = 0xcbf29ce484222325U;
  for (const char c : name) sum = (sum ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return sum | first_name_tag;
}

/// The status of a callback that has no answer to give.
template <class Call>
std::int32_t status_of(coppice_actor* self, Call call) {
  using result = decltype(call());
  if constexpr (std::is_same_v<result, outcome>) {
    const outcome decided = call();
    if (!decided.reason.empty())
      host.actor->set_reason(self, plain(etf::bytes(decided.reason.data(), decided.reason.size())));
    return decided.status;
  } else if constexpr (requires { std::declval<result>().callback_status(); }) {
    return call().callback_status(); // a transition, see coppice/statem.hpp
  } else {
    static_assert(std::is_void_v<result>, "this callback returns nothing or a coppice::outcome");
    call();
    return COPPICE_OK;
  }
}

/// The end of a request, for the member that takes its answer. Borrowed until the callback returns.
struct ended_request {
  std::uint64_t id;
  const answer& got;
  const void* state; // of a state machine, a value of its state_type; else null
};

/// A member of Class that takes answers. Entries are linked into a list and never unlinked. They have no
/// destructor, which would keep the plugin mapped.
template <class Class>
struct responder {
  std::uint64_t tag;
  std::int32_t (*run)(coppice_actor* self, Class& actor, const ended_request& what);
  responder* next = nullptr;

  static inline constinit responder* first = nullptr;
  static const responder* find(std::uint64_t tag) {
    const responder* each = first;
    while (each != nullptr && each->tag != tag) each = each->next;
    return each;
  }
};

template <auto Member>
struct response_to;
template <class Class, class Result, class... Of, Result (Class::*Member)(Of...)>
struct response_to<Member> {
  using shape = answer_member<decltype(Member)>;
  using given = std::tuple_element_t<sizeof...(Of) - 1, typename shape::parameters>;

  /// Whether the member can be given a context that is written as a Context. Gives a sentence if not.
  template <class Context>
  static constexpr bool takes_context() {
    using taken = typename shape::context;
    static_assert(
        shape::takes_context,
        "the member that takes this request's answer takes no context: void on_price(const Context&, "
        "const coppice::answer&)");
    if constexpr (!std::is_void_v<taken>) {
      if constexpr (is_message<taken, Class>()) {
        static_assert(shape::template takes<Context>,
                      "the context of this request is of another type than its member takes: a term of the "
                      "one cannot be read as the other");
        return shape::template takes<Context>;
      }
    }
    return false;
  }

  static std::int32_t run(coppice_actor* self, Class& actor, const ended_request& what) {
    if constexpr (std::is_void_v<typename shape::context>) {
      return give(self, actor, what, std::tuple<>());
    } else {
      typename shape::context value{};
      etf::mismatch why;
      etf::cursor at(view(context_api.need().borrowed(self)));
      if (etf::read(at, value, why) && at.at_end())
        return give(self, actor, what, std::tuple<const typename shape::context&>(value));
      static_cast<coppice::actor&>(actor).log(
          COPPICE_LOG_WARNING,
          etf::detail::concatenated({"dropped an answer, since what its request was made "
                                     "with is no context of its member: ",
                                     why.take("context").text()}));
      return COPPICE_OK;
    }
  }
  template <class Context>
  static std::int32_t give(coppice_actor* self, Class& actor, const ended_request& what,
                           const Context& context) {
    const auto state = [&] {
      if constexpr (shape::takes_state) {
        using state_type = typename Class::state_type;
        return std::tuple<const state_type&>(*static_cast<const state_type*>(what.state));
      } else {
        return std::tuple<>();
      }
    };
    const auto id = [&] {
      if constexpr (shape::takes_id) {
        return std::tuple<request_id>(request_id{what.id});
      } else {
        return std::tuple<>();
      }
    };
    const auto call = [&](const auto&... before) {
      return status_of(self, [&] {
        if constexpr (std::is_same_v<given, answer>) {
          return (actor.*Member)(before..., what.got);
        } else {
          return (actor.*Member)(before..., read_answer<typename given::value_type>(what.got));
        }
      });
    };
    return std::apply(call, std::tuple_cat(state(), id(), context));
  }
  static constexpr std::uint64_t tag = tag_of_name(member_name<Member>());
  static inline constinit responder<Class> entry{tag, &run, nullptr};
  static inline const bool listed = [] {
    entry.next = responder<Class>::first;
    responder<Class>::first = &entry;
    return true;
  }();
};

} // namespace coppice::detail
