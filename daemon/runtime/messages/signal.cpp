// SPDX-License-Identifier: MIT
// Signals in blocks: making them, ending them, and parcels. See signal_access in block.hpp.
#include "runtime/messages/signal.hpp"

#include <new>
#include <utility>

#include "runtime/messages/block.hpp"

namespace coppice::runtime {

template <class... Head>
signal* signal_access::make(message&& payload, const Head&... head) {
  block* const home = fits_in_place(payload) ? payload.block_ : allocate_block(0);
  return make_in(home, std::move(payload), head...);
}

void signal_access::end(signal* owned) {
  block* home = block::of(owned);
  if (owned->payload_.block_ == home) owned->payload_.block_ = nullptr;
  owned->~signal();
  detail::release(home);
}

void signal_deleter::operator()(signal* owned) const noexcept {
  signal_access::end(owned);
}

signal_ptr make_signal(signal_kind kind, const pid& from, message&& payload) {
  return signal_ptr(signal_access::make(std::move(payload), kind, from));
}

signal_ptr make_signal(signal_kind kind, const pid& from, const reference& ref, message&& payload) {
  return signal_ptr(signal_access::make(std::move(payload), kind, from, ref));
}

signal_ptr make_signal(const pid& from, std::unique_ptr<parcel> owned) {
  signal_ptr made = make_signal(signal_kind::parcel, from);
  made->number = reinterpret_cast<std::uintptr_t>(owned.release());
  return made;
}

std::unique_ptr<parcel> signal::take_parcel() {
  return std::unique_ptr<parcel>(reinterpret_cast<parcel*>(std::exchange(number, 0)));
}

message consume(signal_ptr owned) {
  return signal_access::consume(owned.release());
}

} // namespace coppice::runtime
