// SPDX-License-Identifier: MIT
// "coppice.call/1" over gen: reply, call, call_many, request, cast. The actor keeps open requests until their
// answer, their callee's end or their deadline arrives; the server engine recognises these messages. In the
// process's own turn.
#include <algorithm>

#include "behaviours/gen/gen.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/flags.hpp"
#include "host/boundary/requests.hpp"
#include "host/interfaces/deadline.hpp"
#include "host/interfaces/noted_effects.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

using runtime::message;

constexpr std::uint64_t most_at_once = 1'000'000;

bool is_in_hand(const asked_call* now, etf::bytes from) {
  return now != nullptr && now->from.size() == from.size() &&
         (now->from.data() == from.data() || std::ranges::equal(now->from, from));
}

// Only the answer is at fault: a callback that returns this status does not end its actor. See
// plugin_actor::follow_on().
std::int32_t not_sent(coppice_actor& self, etf::bytes from) {
  self.needs_extra().error = {true, COPPICE_E_TERM, {}, {}, message::copy_of(from)};
  return COPPICE_E_TERM;
}

[[gnu::always_inline]] inline std::int32_t reply(coppice_actor* self, coppice_bytes from,
                                                 coppice_message* term) {
  message m = take(term);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!m) return COPPICE_E_TERM;
  if (from.data == nullptr || from.size == 0) return COPPICE_E_INVALID;
  const etf::bytes whom(from.data, static_cast<std::size_t>(from.size));
  asked_call* const now = is_in_hand(self->asked, whom) ? self->asked : nullptr;
  if (now != nullptr && now->answered) return COPPICE_E_USED;
  if (now != nullptr && now->bare != nullptr) [[likely]] {
    const runtime::send_status sent = self->process->reply(*now->bare, std::move(m));
    if (sent == runtime::send_status::malformed) [[unlikely]]
      return not_sent(*self, whom);
    now->answered = true;
    return COPPICE_OK;
  }
  if (now != nullptr && now->debug != nullptr) [[unlikely]]
    now->debug->replied(whom, m.bytes());
  const gen::replied done = gen::reply(*self->process, whom, std::move(m));
  if (!done) return COPPICE_E_INVALID;
  if (*done == runtime::send_status::malformed) return not_sent(*self, whom);
  if (now != nullptr) now->answered = true;
  return COPPICE_OK;
}

} // namespace

std::int32_t answer_of(gen::call_result result, coppice_message* out) {
  if (result) {
    *out = give(std::move(*result));
    return COPPICE_OK;
  }
  using kind = gen::call_error::kind;
  switch (result.error().what) {
    case kind::timeout:
      return COPPICE_E_TIMEOUT;
    case kind::noproc:
      return COPPICE_E_NOPROC;
    case kind::nodedown:
      return COPPICE_E_NODEDOWN;
    case kind::calling_self:
      return COPPICE_E_SELF;
    case kind::bad_term:
      return COPPICE_E_TERM;
    case kind::exiting:
      return COPPICE_E_EXITING;
    case kind::exit:
      break;
  }
  if (result.error().reason.bytes().data() == gen::system_limit().bytes().data()) return COPPICE_E_MEMORY;
  *out = give(std::move(result.error().reason));
  return COPPICE_E_EXIT;
}

namespace {

[[gnu::always_inline]] inline std::int32_t call(coppice_actor* self, coppice_bytes destination,
                                                coppice_message* request, std::int64_t deadline,
                                                coppice_message* out_new) {
  message m = take(request);
  if (out_new == nullptr) return COPPICE_E_INVALID;
  *out_new = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  runtime::process& process = *self->process;
  if (runtime::pid here; m && is_own_pid(*self, destination, here) && here != process.self()) [[likely]] {
    runtime::answer_to_call answer = process.call(here, std::move(m), until(*self, deadline));
    if (answer.what != runtime::answer_to_call::kind::reply) [[unlikely]]
      return answer_of(gen::result_of(std::move(answer)), out_new);
    *out_new = give(std::move(answer.term));
    return COPPICE_OK;
  }
  const auto to = destination_of(*self, destination);
  if (!m || !to) return m ? COPPICE_E_INVALID : COPPICE_E_TERM;
  return answer_of(gen::call(process, *to, std::move(m), until(*self, deadline)), out_new);
}

std::int32_t call_many(coppice_actor* self, const coppice_call_item* items, std::uint64_t count,
                       std::int64_t deadline, coppice_call_answer* out) {
  if (count != 0 && (items == nullptr || out == nullptr)) return COPPICE_E_INVALID;
  if (count > most_at_once) return COPPICE_E_MEMORY;
  std::fill_n(out, count, coppice_call_answer{});
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const base::nanos end = until(*self, deadline);
  std::vector<expected<runtime::reference, gen::call_error>> started;
  started.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto to = destination_of(*self, items[i].destination);
    const auto body = term_of(items[i].request);
    if (!to || !body) {
      out[i].status = body ? COPPICE_E_INVALID : COPPICE_E_TERM;
      started.push_back(unexpected(gen::call_error{}));
    } else {
      started.push_back(gen::start_call(*self->process, *to, *body));
    }
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (out[i].status != COPPICE_OK) continue;
    auto result = started[i] ? gen::finish_call(*self->process, *started[i], end)
                             : gen::call_result(unexpected(started[i].error()));
    out[i].status = answer_of(std::move(result), &out[i].message);
  }
  return self->process->exiting() ? COPPICE_E_EXITING : COPPICE_OK;
}

std::int32_t request(coppice_actor* self, coppice_bytes destination, coppice_message* body,
                     std::int64_t deadline, std::uint64_t tag, std::uint64_t* out_id) {
  message m = take(body);
  if (out_id == nullptr) return COPPICE_E_INVALID;
  *out_id = 0;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto to = destination_of(*self, destination);
  if (!m || !to) return m ? COPPICE_E_INVALID : COPPICE_E_TERM;
  if (self->needs_extra().requests.size() >= most_at_once) return COPPICE_E_MEMORY;
  const auto opened = begin_request(*self, *to, m.bytes(), until(*self, deadline), tag);
  if (self->process->exiting()) return COPPICE_E_EXITING;
  if (!opened) return status_of(opened.error());
  *out_id = *opened;
  return COPPICE_OK;
}

std::int32_t cancel(coppice_actor* self, std::uint64_t id) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  return forget(*self, id) ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

std::int32_t cast(coppice_actor* self, coppice_bytes destination, coppice_message* term,
                  std::uint32_t flags) {
  message m = take(term);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  runtime::send_status sent{};
  if (runtime::pid to; flags == 0 && m && is_own_pid(*self, destination, to)) [[likely]] {
    sent = gen::cast(*self->process, to, std::move(m));
  } else {
    const auto how = sending_of(flags, flags_of_messages);
    if (!how) return COPPICE_E_UNSUPPORTED;
    const auto elsewhere = destination_of(*self, destination);
    if (!m || !elsewhere) return m ? COPPICE_E_INVALID : COPPICE_E_TERM;
    sent = gen::cast(*self->process, *elsewhere, std::move(m), *how);
  }
  if (self->process->exiting()) return COPPICE_E_EXITING;
  return status_of(sent);
}

} // namespace

const coppice_call_api* call_interface() {
  static const coppice_call_api table = {
      .size = sizeof(coppice_call_api),
      .reserved = 0,
      .reply = &entry<&reply>::call,
      .call = &entry<&call>::call,
      .call_many = &entry<&call_many>::call,
      .request = &entry<&request>::call,
      .cancel = &entry<&cancel>::call,
      .cast = &entry<&cast, marked::actor, &note_cast>::call,
  };
  return &table;
}

} // namespace coppice::host
