// SPDX-License-Identifier: MIT
// The host's interfaces for calls, requests and replies of an actor under test. In the actor's callbacks.
#include <coppice/testing/calls.hpp>

namespace coppice::testing::detail {

namespace {

std::int32_t call_many(coppice_actor* self, const coppice_call_item* items, std::uint64_t count,
                       std::int64_t deadline, coppice_call_answer* out) {
  if (count != 0 && (items == nullptr || out == nullptr)) return COPPICE_E_INVALID;
  if (const std::int32_t status = may_call(self, COPPICE_CALL_1 "'s call_many"); status != COPPICE_OK)
    return status;
  world& w = *of(self);
  const nanoseconds patience = patience_of(w, deadline);
  const nanoseconds begin = w.now;
  bool late = false;
  for (std::uint64_t i = 0; i < count; ++i) {
    out[i] = {};
    const auto to = destination_of(items[i].destination);
    const auto request = term_of(items[i].request);
    if (!to || !request) {
      out[i].status = request ? COPPICE_E_INVALID : COPPICE_E_TERM;
      continue;
    }
    w.did.calls.push_back({*to, *request, patience, 0});
    const nanoseconds left = patience == nanoseconds::max() ? patience : patience - (w.now - begin);
    if (w.around != nullptr && !is_self(w, *to))
      if (const auto answer = w.around->ask(w, *to, *request, left)) {
        out[i].status = outcome_of(*answer, &out[i].message);
        continue;
      }
    const response answer = is_self(w, *to) ? response{COPPICE_E_SELF, {}} : w.others.ask(*to, *request);
    out[i].status = outcome_of(answer, &out[i].message);
    late = late || answer.status == COPPICE_E_TIMEOUT;
  }
  if (late) wait_in_vain(w, patience, COPPICE_CALL_1 "'s call_many");
  return w.dead ? COPPICE_E_EXITING : COPPICE_OK;
}
std::int32_t cancel_request(coppice_actor* self, std::uint64_t id) {
  if (const std::int32_t status = may_call(self, COPPICE_CALL_1 "'s cancel"); status != COPPICE_OK)
    return status;
  world& w = *of(self);
  const auto waits = std::erase_if(w.ended, [id](const ended_request& each) { return each.id == id; });
  return found(w.requests.erase(id) + waits != 0);
}
std::int32_t await(coppice_actor* self, std::uint64_t id, coppice_message* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self, COPPICE_AWAIT_DRAFT_1 "'s await"); status != COPPICE_OK)
    return status;
  world& w = *of(self);
  if (w.around != nullptr) w.around->wait_for(w, id);
  const auto over = std::ranges::find(w.ended, id, &ended_request::id);
  if (over != w.ended.end()) {
    const response got = std::move(over->outcome);
    w.ended.erase(over);
    return outcome_of(got, out);
  }
  const auto open = w.requests.extract(id);
  if (open.empty()) return COPPICE_E_NOT_FOUND;
  const open_request& asked = open.mapped();
  const nanoseconds patience = asked.due == nanoseconds::max() ? asked.due : asked.due - w.now;
  const response got = asked.asked_already ? silence() : w.others.ask(asked.asked.to, asked.asked.request);
  if (w.dead) return COPPICE_E_EXITING;
  return got.status == COPPICE_E_TIMEOUT ? wait_in_vain(w, patience, COPPICE_AWAIT_DRAFT_1 "'s await")
                                         : outcome_of(got, out);
}
std::int32_t keep_context(coppice_actor* self, std::uint64_t id, coppice_message* message) {
  auto term = take(message);
  if (const std::int32_t status = may_call(self, COPPICE_CONTEXT_DRAFT_1 "'s keep"); status != COPPICE_OK)
    return status;
  if (!term) return COPPICE_E_TERM;
  auto& requests = of(self)->requests;
  const auto open = requests.find(id);
  if (open == requests.end()) return COPPICE_E_NOT_FOUND;
  open->second.context = std::move(*term);
  return COPPICE_OK;
}
coppice_bytes context_borrowed(coppice_actor* self) {
  if (may_call(self, COPPICE_CONTEXT_DRAFT_1 "'s borrowed") != COPPICE_OK) return {nullptr, 0};
  return of(self)->context;
}

} // namespace

std::pair<value, std::shared_ptr<awaited>> begin_call(const value& caller, std::string_view node) {
  etf::vector_writer from(64);
  from.tuple(2);
  from.raw(caller.bytes());
  from.list(1);
  from.atom("alias");
  from.raw(fresh_reference(node).bytes());
  const value who = value::of(from.take());
  const auto waits = std::make_shared<awaited>();
  open_froms[who] = waits;
  return {who, waits};
}

std::int32_t reply(coppice_actor* self, coppice_bytes from, coppice_message* message) {
  auto term = take(message);
  if (const std::int32_t status = may_call(self, COPPICE_CALL_1 "'s reply"); status != COPPICE_OK)
    return status;
  const auto whom = term_of(from);
  if (!whom && from.data != nullptr) complain_if_spoiled(view(from), "a `from`");
  if (!whom || !term) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  world& w = *of(self);
  if (*whom == w.asked && std::exchange(w.answered, true)) {
    complain_of_callback(COPPICE_CALL_1 "'s reply", " twice for the call in hand");
    return COPPICE_E_USED;
  }
  return give_reply(w, *whom, std::move(*term)) ? COPPICE_OK : COPPICE_E_INVALID;
}

std::shared_ptr<awaited> open_call_of(const value& from) {
  const auto open = open_froms.find(from);
  auto waits = open == open_froms.end() ? nullptr : open->second.lock();
  return waits && !waits->answered ? waits : nullptr;
}

void reply_to(const value& from, value reply) {
  if (const auto waits = open_call_of(from)) *waits = {true, std::move(reply)};
}

bool give_reply(world& w, const value& from, value reply) {
  etf::cursor at(from.bytes());
  etf::bytes pid;
  etf::bytes tag;
  if (!at.read_tuple_of(2) || !at.read_term(pid) || !at.read_term(tag)) return false;
  if (open_froms.contains(from))
    reply_to(from, std::move(reply));
  else
    deliver(w, value::of(pid), std::pair(etf::any_term{tag}, reply.term()), false);
  return true;
}

void leave_open(world& w, const letter& what, const char* remedy) {
  const auto waits = open_call_of(what.from);
  if (waits && !w.dead) w.unanswered.push_back({what.term, w.now + 5s, waits, remedy});
}

void name_unanswered(world& w) {
  std::erase_if(w.unanswered, [&w](const open_call& each) {
    if (each.waits->answered || w.dead) return true;
    if (each.due > w.now) return false;
    w.did.complaints.push_back("its handle_call has left " + show(each.request.bytes()) +
                               " without a reply for 5 s: " + each.remedy +
                               ", or keep a copy of `from` and reply by it");
    return true;
  });
}

std::int32_t call(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                  std::int64_t deadline, coppice_message* out) {
  auto request = take(message);
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self, COPPICE_CALL_1 "'s call"); status != COPPICE_OK)
    return status;
  const auto to = destination_of(destination);
  if (!request || !to) return request ? COPPICE_E_INVALID : COPPICE_E_TERM;
  world& w = *of(self);
  if (is_self(w, *to)) return COPPICE_E_SELF;
  const nanoseconds patience = patience_of(w, deadline);
  w.did.calls.push_back({*to, *request, patience, 0});
  if (w.around != nullptr)
    if (const auto answer = w.around->ask(w, *to, *request, patience))
      return w.dead ? COPPICE_E_EXITING : outcome_of(*answer, out);
  const response answer = w.others.ask(*to, *request);
  if (w.dead) return COPPICE_E_EXITING;
  return answer.status == COPPICE_E_TIMEOUT ? wait_in_vain(w, patience, COPPICE_CALL_1 "'s call")
                                            : outcome_of(answer, out);
}

std::int32_t request(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                     std::int64_t deadline, std::uint64_t tag, std::uint64_t* out_id) {
  auto term = take(message);
  if (out_id == nullptr) return COPPICE_E_INVALID;
  *out_id = 0;
  if (const std::int32_t status = may_call(self, COPPICE_CALL_1 "'s request"); status != COPPICE_OK)
    return status;
  const auto to = destination_of(destination);
  if (!term || !to) return term ? COPPICE_E_INVALID : COPPICE_E_TERM;
  world& w = *of(self);
  const nanoseconds patience = patience_of(w, deadline);
  *out_id = ++w.last_id;
  made_call asked{*to, std::move(*term), patience, *out_id};
  w.did.calls.push_back(asked);
  const nanoseconds due = patience == nanoseconds::max() ? patience : w.now + patience;
  w.requests.emplace(*out_id, open_request{std::move(asked), tag, due});
  return COPPICE_OK;
}

std::int32_t cast(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                  std::uint32_t flags) {
  return send_or_cast(self, destination, message, flags, true);
}

const coppice_call_api* call_interface() {
  static constexpr coppice_call_api table = {
      .size = sizeof(coppice_call_api),
      .reserved = 0,
      .reply = &reply,
      .call = &call,
      .call_many = &call_many,
      .request = &request,
      .cancel = &cancel_request,
      .cast = &cast,
  };
  return &table;
}

const coppice_await_api* await_interface() {
  static constexpr coppice_await_api table = {
      .size = sizeof(coppice_await_api), .reserved = 0, .await = &await};
  return &table;
}

const coppice_context_api* context_interface() {
  static constexpr coppice_context_api table = {.size = sizeof(coppice_context_api),
                                                .reserved = 0,
                                                .keep = &keep_context,
                                                .borrowed = &context_borrowed};
  return &table;
}

} // namespace coppice::testing::detail
