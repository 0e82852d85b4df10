// SPDX-License-Identifier: MIT
// "coppice.call/1", "coppice.await/draft-1" and "coppice.context/draft-1" for tests: called processes answer
// as the test says. Nothing parks: a call without an answer moves the clock to its deadline. In
// the actor's callbacks.
#pragma once

#include <coppice/call.h>
#include <coppice/draft/await.h>
#include <coppice/draft/context.h>

#include <coppice/testing/processes.hpp>

namespace coppice::testing::detail {

/// The From of a new call of that process, and what waits for its reply.
std::pair<value, std::shared_ptr<awaited>> begin_call(const value& caller, std::string_view node);
std::int32_t reply(coppice_actor* self, coppice_bytes from, coppice_message* message);

/// The call with this `from`, while it has no reply. Null: no caller waits for one.
std::shared_ptr<awaited> open_call_of(const value& from);
/// Replies to it; a second reply is dropped.
void reply_to(const value& from, value reply);
/// Replies to the caller, by a message if it is none of the test's calls. False: `from` is not well-formed.
bool give_reply(world& w, const value& from, value reply);
/// After a handler has returned: notes whether its caller still waits. `remedy`: how a handler of that
/// behaviour replies at once.
void leave_open(world& w, const letter& what, const char* remedy);
/// Complains of a call that is never answered: its caller waits for gen_server:call's full time-out. Probably
/// the handler neither replied nor kept `from`.
void name_unanswered(world& w);

std::int32_t call(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                  std::int64_t deadline, coppice_message* out);

std::int32_t request(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                     std::int64_t deadline, std::uint64_t tag, std::uint64_t* out_id);

std::int32_t cast(coppice_actor* self, coppice_bytes destination, coppice_message* message,
                  std::uint32_t flags);

const coppice_call_api* call_interface();

const coppice_await_api* await_interface();

const coppice_context_api* context_interface();

} // namespace coppice::testing::detail
