// SPDX-License-Identifier: MIT
// "coppice.context/draft-1": a term that is kept with an open request until the request's end. In the
// process's own turn.
#include <coppice/draft/context.h>

#include "host/boundary/entry.hpp"

namespace coppice::host {
namespace {

std::int32_t keep(coppice_actor* self, std::uint64_t id, coppice_message* context) {
  runtime::message kept = take(context);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!kept) return COPPICE_E_TERM;
  auto& requests = self->needs_extra().requests;
  const auto found = requests.find(id);
  if (found == requests.end()) return COPPICE_E_NOT_FOUND;
  found->second.context = std::move(kept);
  return COPPICE_OK;
}

coppice_bytes borrowed(coppice_actor* self) {
  if (may_call(self) != COPPICE_OK || self->extra == nullptr) return {nullptr, 0};
  return lend_bytes(self->extra->context.bytes());
}

} // namespace

const coppice_context_api* context_interface() {
  static const coppice_context_api table = {.size = sizeof(coppice_context_api),
                                            .reserved = 0,
                                            .keep = &entry<&keep>::call,
                                            .borrowed = &entry<&borrowed>::call};
  return &table;
}

} // namespace coppice::host
