// SPDX-License-Identifier: MIT
// "coppice.await/draft-1": waits for the answer to a request of coppice.call/1. In the process's own turn.
#include <coppice/draft/await.h>

#include "host/boundary/entry.hpp"
#include "host/boundary/requests.hpp"

namespace coppice::host {
namespace {

std::int32_t await(coppice_actor* self, std::uint64_t id, coppice_message* out_new) {
  if (out_new == nullptr) return COPPICE_E_INVALID;
  *out_new = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  auto ended = wait_for_end(*self, id);
  return ended ? answer_of(std::move(*ended), out_new) : COPPICE_E_NOT_FOUND;
}

} // namespace

const coppice_await_api* await_interface() {
  static const coppice_await_api table = {
      .size = sizeof(coppice_await_api), .reserved = 0, .await = &entry<&await>::call};
  return &table;
}

} // namespace coppice::host
