// SPDX-License-Identifier: MIT
// spawn_at of "coppice.actor/1": checks all arguments of the plugin, so that only well-formed requests are
// sent, and calls runtime::process::spawn_at. In the process's own turn.
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/utf8.hpp>
#include <optional>

#include "host/boundary/flags.hpp"
#include "host/boundary/host.hpp"
#include "host/boundary/sized.hpp"
#include "host/interfaces/deadline.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

using runtime::message;

constexpr std::uint32_t most_arguments = 255;
constexpr std::size_t longest_name = 255;

// The length of a proper list; empty bytes are [].
std::optional<std::uint32_t> length_of(coppice_bytes list) {
  if (list.size == 0) return 0;
  const auto term = term_of(list);
  if (!term) return std::nullopt;
  etf::cursor at(*term);
  etf::bytes small_integers;
  if (at.read_string(small_integers)) return static_cast<std::uint32_t>(small_integers.size());
  std::uint32_t length = 0;
  if (!at.read_list(length)) return std::nullopt;
  if (length == 0) return 0;
  for (std::uint32_t i = 0; i < length; ++i)
    if (!at.skip()) return std::nullopt;
  return at.read_nil() ? std::optional(length) : std::nullopt;
}

// A list of small integers is not a list of options.
bool is_options(coppice_bytes list) {
  etf::bytes small_integers;
  return length_of(list) && (list.size == 0 || !etf::cursor(*term_of(list)).read_string(small_integers));
}

std::optional<std::string_view> name_of(coppice_bytes text) {
  const auto name = text_of(text);
  if (!name || name->empty() || name->size() > longest_name ||
      etf::utf8::length(reinterpret_cast<const std::uint8_t*>(name->data()), name->size()) < 0)
    return std::nullopt;
  return name;
}

std::int32_t checked(coppice_actor& self, const coppice_remote_spawn& from, runtime::remote_spawn& into) {
  const auto node = name_of(from.node);
  const auto module = name_of(from.module);
  const auto function = name_of(from.function);
  const auto arity = length_of(from.args);
  if (!node || node->find('@') == node->npos || !module || !function || !is_options(from.options))
    return COPPICE_E_INVALID;
  if (!arity) return COPPICE_E_TERM;
  if (*arity > most_arguments) return COPPICE_E_INVALID;
  runtime::system& host = self.process->host();
  if (host.router() == nullptr) return COPPICE_E_NODEDOWN;
  const auto index = host.nodes().intern(*node);
  if (!index) return COPPICE_E_MEMORY;
  if (*index == 0) return COPPICE_E_INVALID;
  static constexpr std::uint8_t empty_list[] = {static_cast<std::uint8_t>(etf::tag::nil)};
  into.node = *index;
  into.module = *module;
  into.function = *function;
  into.arity = *arity;
  into.arguments = from.args.size == 0 ? etf::bytes(empty_list) : *term_of(from.args);
  if (from.options.size != 0) into.options = *term_of(from.options);
  into.link = (from.flags & COPPICE_SPAWN_LINK) != 0;
  into.monitor = (from.flags & COPPICE_SPAWN_MONITOR) != 0;
  return COPPICE_OK;
}

std::int32_t status_of(const runtime::await_error& failed) {
  using kind = runtime::await_error::kind;
  switch (failed.what) {
    case kind::timeout:
      return COPPICE_E_TIMEOUT;
    case kind::down:
      return COPPICE_E_NODEDOWN;
    case kind::exiting:
      return COPPICE_E_EXITING;
    case kind::limit:
    case kind::full:
      return COPPICE_E_MEMORY;
    case kind::invalid:
      break;
  }
  return COPPICE_E_INTERNAL;
}

std::int32_t status_of(std::string_view refused) {
  if (refused == "notsup") return COPPICE_E_UNSUPPORTED;
  if (refused == "not_allowed") return COPPICE_E_REFUSED;
  if (refused == "badopt" || refused == "badarg") return COPPICE_E_INVALID;
  if (refused == "system_limit") return COPPICE_E_MEMORY;
  return COPPICE_E_EXIT;
}

} // namespace

std::int32_t spawn_at(coppice_actor* self, const coppice_remote_spawn* what, coppice_message* out_pid,
                      coppice_message* out_reference) {
  const auto given = sized(what, COPPICE_REMOTE_SPAWN_LEAST);
  if (out_pid == nullptr || !given) return COPPICE_E_INVALID;
  *out_pid = {};
  if (out_reference != nullptr) *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!all_known(given->flags, COPPICE_SPAWN_LINK | COPPICE_SPAWN_MONITOR)) return COPPICE_E_UNSUPPORTED;
  if ((given->flags & COPPICE_SPAWN_MONITOR) != 0 && out_reference == nullptr) return COPPICE_E_INVALID;
  runtime::remote_spawn asked;
  if (const std::int32_t status = checked(*self, *given, asked); status != COPPICE_OK) return status;

  runtime::process& process = *self->process;
  const base::nanos deadline = until(*self, given->deadline);
  const runtime::reference ref = process.spawn_at(asked);
  auto answer = process.await(ref, deadline);
  if (!answer) return status_of(answer.error());
  std::string_view refused;
  const bool made = !etf::cursor(answer->bytes()).read_atom(refused);
  const std::int32_t status = made ? COPPICE_OK : status_of(refused);
  if (made && asked.monitor) {
    runtime::message_writer out(96);
    runtime::write(out, ref, process.host().nodes());
    *out_reference = give(out.take());
  }
  *out_pid = give(std::move(*answer));
  return status;
}

} // namespace coppice::host
