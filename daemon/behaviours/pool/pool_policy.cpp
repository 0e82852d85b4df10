// SPDX-License-Identifier: MIT
// The questions of a pool to the actor type of its workers: which worker gets a request, and what becomes of
// a request for which there is no room. The answers come from a plugin, so any value may come. In the
// process's own turn.
#include "behaviours/pool/pool_policy.hpp"

#include <coppice/etf/cursor.hpp>

#include "base/log.hpp"
#include "behaviours/pool/pool.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

namespace {

constexpr base::nanos line_every = 60 * base::nanos_per_second;

// The data behind the callbacks' argument. The part that the plugin sees comes first.
struct question : coppice_pool_request {
  process* asking = nullptr;
  const pool_dispatcher* of = nullptr;
  mutable message said{}; // in answer()
};

const question& whole(const coppice_pool_request* of) {
  return *static_cast<const question*>(of);
}

std::uint64_t load(const coppice_pool_request* self, std::uint32_t worker) {
  const pool_dispatcher& of = *whole(self).of;
  if (worker >= of.size() || !of.pid_of(worker)) return UINT64_MAX;
  return of.load(worker);
}

std::int32_t answer(const coppice_pool_request* self, coppice_bytes term) {
  const question& asked = whole(self);
  const runtime::host_code inside(asked.asking);
  if (asked.kind != COPPICE_POOL_CALL) return COPPICE_E_CONTEXT;
  const etf::bytes given(term.data, static_cast<std::size_t>(term.size));
  etf::cursor at(given);
  if (given.empty() || !at.skip() || !at.at_end()) return COPPICE_E_TERM;
  asked.said = message::copy_of(given);
  return COPPICE_OK;
}

template <class Callback>
std::int32_t call(process& self, const char* name, const pool_policy& asked, const question& of,
                  Callback callback) {
  const runtime::foreign_code outside(
      self, name, {of.content.data, static_cast<std::size_t>(of.content.size)}, asked.charged());
  try {
    return callback(of);
  } catch (...) {
    return COPPICE_E_EXCEPTION;
  }
}

// The request or the message, without the tuple around it.
etf::bytes content_of(const pool_request& one, std::uint32_t& kind) {
  kind = COPPICE_POOL_CALL;
  if (one.caller) return one.body.bytes();
  const gen::request_view what = gen::look(one.body.bytes());
  const bool cast = what.what == gen::request::kind::cast;
  kind = cast ? COPPICE_POOL_CAST : COPPICE_POOL_INFO;
  return cast ? what.body : one.body.bytes();
}

void ask_about(question& out, process& self, const pool_dispatcher& of, const pool_request& one) {
  out.size = sizeof(coppice_pool_request);
  const etf::bytes content = content_of(one, out.kind);
  out.content = {content.data(), content.size()};
  out.workers = of.size();
  out.in_flight = of.options().in_flight;
  out.queued = of.queued();
  out.load = &load;
  out.answer = &answer;
  out.asking = &self;
  out.of = &of;
}

} // namespace

// Null: the workers' type has no such table. For known code this is answered from memory.
std::unique_ptr<pool_policy> pool::policy() {
  if (policies_ == nullptr) return nullptr;
  const std::uint64_t version = policies_->code_version();
  if (version == policy_version_ && !has_policy_) return nullptr;
  policy_version_ = version;
  auto found = policies_->policy_of(workers().children.front()->actor);
  has_policy_ = found != nullptr;
  return found;
}

std::uint32_t pool::chosen_for(process& self, const pool_request& one) {
  if (dispatcher_.options().dispatch == pool_dispatch::broadcast) return any_worker;
  const auto asked = policy();
  if (asked == nullptr || asked->callbacks().choose == nullptr) return any_worker;
  question what{};
  ask_about(what, self, dispatcher_, one);
  std::uint32_t worker = COPPICE_POOL_ANY;
  const std::int32_t status = call(self, "choose", *asked, what, [&](const coppice_pool_request& of) {
    return asked->callbacks().choose(&of, &worker);
  });
  if (status == COPPICE_OK && (worker < dispatcher_.size() || worker == COPPICE_POOL_ANY)) return worker;
  counters_->misdirected.add_alone();
  if (self.now() >= next_line_) {
    next_line_ = self.now() + line_every;
    base::log::warning("pool", "{}: choose of {} returned {} and worker {} of {}, so dispatch decides",
                       label_, workers().children.front()->actor, status, worker, dispatcher_.size());
  }
  return any_worker;
}

// The answer for a refused request. Nothing: as the configuration says. An empty message: no answer is sent.
std::optional<message> pool::last_word(process& self, const pool_request& one) {
  const auto asked = policy();
  if (asked == nullptr || asked->callbacks().on_overload == nullptr) return std::nullopt;
  question what{};
  ask_about(what, self, dispatcher_, one);
  const std::int32_t status = call(self, "on_overload", *asked, what, [&](const coppice_pool_request& of) {
    return asked->callbacks().on_overload(&of);
  });
  if (status != COPPICE_OK) return std::nullopt;
  return std::move(what.said);
}

} // namespace coppice::behaviours
