// rooms: api-cpp
// SPDX-License-Identifier: MIT
// The engine of sieves in the test kit. In the test's thread.
#include "own_behaviour/sieve_testing.hpp"

#include <utility>

namespace coppice::testing::detail {
namespace {

std::int32_t keep_cast(coppice_actor* self) {
  if (const std::int32_t status = may_call(self, COPPICE_SIEVE_HOST_DRAFT_1 "'s keep"); status != COPPICE_OK)
    return status;
  sieve_engine* const of_actor = find_engine<sieve_engine>(*of(self));
  return of_actor == nullptr ? COPPICE_E_CONTEXT : of_actor->keep();
}

} // namespace

std::int32_t sieve_engine::keep() {
  if (sifts_) keeps_ = true;
  return sifts_ ? COPPICE_OK : COPPICE_E_CONTEXT;
}

std::optional<engine::call> sieve_engine::takes(const letter& what) {
  if (what.how != delivery::cast || std::exchange(passes_, false)) return std::nullopt;
  return call{"sift", [this, what](coppice_actor* self, void* state) {
                ++seen;
                sifts_ = true;
                keeps_ = false;
                const lent term(what.term);
                const std::int32_t status = on_.sift(self, state, term.get());
                sifts_ = false;
                if (status == COPPICE_OK && keeps_) {
                  ++kept;
                  passes_ = true;
                  world_->mailbox.push_front(what);
                }
                return status;
              }};
}

void sieve_engine::carried_to(world* next) {
  world_ = next;
  if (next != nullptr) on_ = table_of<coppice_sieve>(*next->type, COPPICE_SIEVE_DRAFT_1);
}

const coppice_sieve_api* sieve_interface() {
  static constexpr coppice_sieve_api table = {
      .size = sizeof(coppice_sieve_api), .reserved = 0, .keep = &keep_cast};
  return &table;
}

} // namespace coppice::testing::detail
