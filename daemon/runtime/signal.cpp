// SPDX-License-Identifier: MIT
// Signals in blocks. A signal in its payload's block and that payload together hold one reference: the
// handle inside is never released by itself, whoever ends the signal does it for both.
#include "runtime/signal.hpp"

#include <new>
#include <utility>

#include "runtime/block.hpp"

namespace coppice::runtime {

struct signal_access {
  template <class... Head>
  static signal* make(message&& payload, const Head&... head) {
    block* home = payload.block_;
    if (home == nullptr || !home->exclusive()) home = allocate_block(0);
    auto* made = ::new (home->signal_room) signal(head...);
    // One by one: a load of both at once would wait until the two stores that made them have left the core.
    const std::uint8_t* data = payload.bytes_.data();
    asm("" : "+r"(data));
    made->payload_.bytes_ = {data, payload.bytes_.size()};
    made->payload_.block_ = std::exchange(payload.block_, nullptr);
    return made;
  }

  static void end(signal* owned) {
    block* home = block::of(owned);
    if (owned->payload_.block_ == home) owned->payload_.block_ = nullptr;
    owned->~signal();
    detail::release(home);
  }

  static message consume(signal* owned) {
    block* home = block::of(owned);
    const bool together = owned->payload_.block_ == home;
    message payload(std::exchange(owned->payload_.block_, nullptr), owned->payload_.bytes_);
    owned->~signal();
    if (!together) detail::release(home);
    return payload;
  }
};

void signal_deleter::operator()(signal* owned) const noexcept {
  signal_access::end(owned);
}

signal_ptr make_signal(signal_kind kind, const pid& from, message payload) {
  return signal_ptr(signal_access::make(std::move(payload), kind, from));
}

signal_ptr make_signal(signal_kind kind, const pid& from, const reference& ref, message payload) {
  return signal_ptr(signal_access::make(std::move(payload), kind, from, ref));
}

message consume(signal_ptr owned) {
  return signal_access::consume(owned.release());
}

} // namespace coppice::runtime
