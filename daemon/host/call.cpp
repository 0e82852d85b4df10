// SPDX-License-Identifier: MIT
// "coppice.call/1" over gen: reply, call, call_many, request, cast. Requests that do not wait are kept in
// the actor until their answer, their callee's end or their deadline arrives; the server engine recognises
// those. In the process's own turn.
#include <algorithm>
#include <cstring>

#include "base/clock.hpp"
#include "behaviours/gen.hpp"
#include "host/host.hpp"
#include "host/options.hpp"
#include "host/requests.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

using runtime::message;

constexpr base::nanos default_patience = 5 * base::nanos_per_second;
constexpr std::uint64_t most_at_once = 1'000'000;

base::nanos until(const coppice_actor& self, std::int64_t deadline) {
  if (deadline == 0) return self.process->now() + default_patience;
  return deadline == COPPICE_FOREVER ? runtime::no_deadline : deadline;
}

// Not 0. What tells a From from others, for some time: its alias, or all of it.
std::uint64_t key_of(const runtime::call_id& call) {
  return (runtime::pid_hash{}(call.who) ^ call.number * 0xC2B2AE3D27D4EB4FU) | 1;
}

// Eight bytes at a time; the last ones overlap.
std::uint64_t hash_of(etf::bytes from) {
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;
  std::uint64_t mixed = from.size();
  std::uint64_t word = 0;
  const auto add = [&](const std::uint8_t* at, std::size_t size) {
    std::memcpy(&word, at, size);
    mixed = (mixed ^ word) * factor;
    mixed ^= mixed >> 29;
  };
  std::size_t done = 0;
  for (; done + 8 <= from.size(); done += 8) add(from.data() + done, 8);
  if (from.size() >= 8)
    add(from.data() + from.size() - 8, 8);
  else
    add(from.data(), from.size());
  return mixed | 1;
}

void note_answered(coppice_actor& self, std::uint64_t key) {
  extra_state& extra = self.needs_extra();
  extra.answered[extra.next_answered++ % extra.answered.size()] = key;
}

std::int32_t reply_now(coppice_actor& self, asked_call& to, message&& answer) {
  if (std::exchange(to.answered, true)) return COPPICE_E_USED;
  note_answered(self, key_of(to.call));
  self.process->reply(to.call, std::move(answer));
  return COPPICE_OK;
}

std::int32_t reply(coppice_actor* self, coppice_bytes from, coppice_message* term) {
  message m = take(term);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (from.data == nullptr || from.size == 0) return m ? COPPICE_E_INVALID : COPPICE_E_TERM;
  const etf::bytes whom(from.data, static_cast<std::size_t>(from.size));
  if (!m) return COPPICE_E_TERM;
  if (asked_call* const now = self->asked;
      now != nullptr && (whom.data() == now->from.data() || std::ranges::equal(whom, now->from)))
    return reply_now(*self, *now, std::move(m));
  // A From holds a fresh reference, so equal keys among the last few mean the same From.
  std::uint64_t key = hash_of(whom);
  if (runtime::reference alias; gen::own_alias(*self->process, whom, alias))
    key = key_of({alias.owner(), alias.number()});
  if (std::ranges::find(self->needs_extra().answered, key) != self->needs_extra().answered.end())
    return COPPICE_E_USED;
  const gen::replied done = gen::reply(*self->process, whom, std::move(m));
  if (!done) return COPPICE_E_INVALID;
  if (*done == runtime::send_status::malformed) return COPPICE_E_TERM;
  note_answered(*self, key);
  return COPPICE_OK;
}

// What a call came to, as the plugin hears it.
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

std::int32_t call(coppice_actor* self, coppice_bytes destination, coppice_message* request,
                  std::int64_t deadline, coppice_message* out_new) {
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
  std::vector<tl::expected<runtime::reference, gen::call_error>> started;
  started.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto to = destination_of(*self, items[i].destination);
    const auto body = term_of(items[i].request);
    if (!to || !body) {
      out[i].status = body ? COPPICE_E_INVALID : COPPICE_E_TERM;
      started.push_back(tl::unexpected(gen::call_error{}));
    } else {
      started.push_back(gen::start_call(*self->process, *to, *body));
    }
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (out[i].status != COPPICE_OK) continue;
    auto result = started[i] ? gen::finish_call(*self->process, *started[i], end)
                             : gen::call_result(tl::unexpected(started[i].error()));
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
  const auto opened = open(*self, *to, m.bytes(), until(*self, deadline), tag);
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
    const auto how = sending_of(flags);
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
      .cast = &entry<&cast>::call,
  };
  return &table;
}

} // namespace coppice::host
