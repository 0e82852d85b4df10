// SPDX-License-Identifier: MIT
// "coppice.message/1" over runtime::message. An owner pointer is the address of a runtime::message: with
// its lowest bit set it is one the host lent for a callback, else one on the heap that the plugin owns. A
// plugin that releases what it only borrowed does no harm. A writer is a runtime::message_writer in the
// room the struct has for it. Any thread.
#include <coppice/etf/validate.hpp>
#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "behaviours/host.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;

constexpr std::uintptr_t lent_bit = 1;

bool is_lent(const void* owner) {
  return (reinterpret_cast<std::uintptr_t>(owner) & lent_bit) != 0;
}
message* holder(void* owner) {
  return reinterpret_cast<message*>(reinterpret_cast<std::uintptr_t>(owner) & ~lent_bit);
}

// The part of the owner's bytes that `m` names; nothing if it lies outside.
std::optional<etf::bytes> part_of(const message& whole, const coppice_message& m) {
  const etf::bytes all = whole.bytes();
  const std::less_equal<const std::uint8_t*> before;
  if (m.data == nullptr || m.size == 0 || m.size > all.size()) return std::nullopt;
  if (!before(all.data(), m.data) || !before(m.data, all.data() + (all.size() - m.size))) return std::nullopt;
  return etf::bytes(m.data, m.size);
}

bool is_term(etf::bytes bytes) {
#ifdef NDEBUG
  return !bytes.empty();
#else
  const auto size = etf::validate(bytes);
  return size && *size == bytes.size();
#endif
}

// The message that `m` names, sharing its owner's bytes.
std::optional<message> share(const coppice_message& m) {
  if (m.data == nullptr || m.size == 0) return std::nullopt;
  if (m.owner == nullptr) return message::copy_of({m.data, m.size});
  const message& whole = *holder(m.owner);
  const auto part = part_of(whole, m);
  if (!part) return std::nullopt;
  return whole.slice(*part);
}

std::int32_t retain(const coppice_message* m, coppice_message* out_new) {
  if (m == nullptr || out_new == nullptr) return COPPICE_E_INVALID;
  auto shared = share(*m);
  *out_new = {};
  if (!shared) return COPPICE_E_INVALID;
  *out_new = give(std::move(*shared));
  return COPPICE_OK;
}

void release(coppice_message* m) {
  if (m == nullptr) return;
  if (m->owner != nullptr && !is_lent(m->owner)) delete holder(m->owner);
  *m = {};
}

message_writer* writer_in(coppice_writer* w) {
  static_assert(sizeof(message_writer) <= sizeof w->host &&
                alignof(message_writer) <= alignof(std::uint64_t));
  return std::launder(reinterpret_cast<message_writer*>(w->host));
}

bool is_open(const coppice_writer* w) {
  return w != nullptr && w->api == message_interface();
}

// Takes over what the plugin wrote by itself between begin and at. The writer knows where its storage ends.
bool catch_up(coppice_writer* w, message_writer& out) {
  const auto written = static_cast<std::size_t>(w->at - w->begin);
  if (w->at < w->begin || w->at > w->end || written < out.size()) return false;
  out.advance(written - out.size());
  return true;
}

std::int32_t fail(coppice_writer* w, std::int32_t status) {
  if (w->status == COPPICE_OK) w->status = status;
  w->end = w->at;
  return w->status;
}

std::int32_t reserve(coppice_writer* w, std::uint64_t count) {
  if (!is_open(w)) return COPPICE_E_INVALID;
  if (w->status != COPPICE_OK) return w->status;
  message_writer& out = *writer_in(w);
  if (!catch_up(w, out)) return fail(w, COPPICE_E_INVALID);
  if (count < out.size()) count = out.size(); // at least double, so that few calls suffice
  std::uint8_t* const room = count > UINT32_MAX ? nullptr : out.room(count);
  if (room == nullptr) return fail(w, COPPICE_E_MEMORY);
  w->at = room;
  w->begin = room - out.size();
  w->end = room + count;
  return COPPICE_OK;
}

std::int32_t write_begin(std::uint64_t hint, coppice_writer* w) {
  if (w == nullptr) return COPPICE_E_INVALID;
  *w = {};
  w->api = message_interface();
  const std::size_t size = hint < 64 ? 64 : hint > 1 << 20 ? 1 << 20 : static_cast<std::size_t>(hint);
  new (w->host) message_writer(size);
  return reserve(w, size);
}

void discard(coppice_writer* w) {
  if (!is_open(w)) return;
  writer_in(w)->~message_writer();
  *w = {};
}

std::int32_t splice(coppice_writer* w, const coppice_message* m) {
  if (!is_open(w) || m == nullptr || (m->size != 0 && m->data == nullptr)) return COPPICE_E_INVALID;
  if (const std::int32_t status = reserve(w, m->size); status != COPPICE_OK) return status;
  if (m->size != 0) std::memcpy(w->at, m->data, m->size);
  w->at += m->size;
  return COPPICE_OK;
}

std::int32_t finish(coppice_writer* w, coppice_message* out_new) {
  if (out_new != nullptr) *out_new = {};
  if (!is_open(w)) return COPPICE_E_INVALID;
  std::int32_t status = out_new == nullptr ? COPPICE_E_INVALID : w->status;
  message_writer& out = *writer_in(w);
  if (status == COPPICE_OK && !catch_up(w, out)) status = COPPICE_E_INVALID;
  if (status == COPPICE_OK) {
    message made = out.take();
    if (!is_term(made.bytes())) {
      status = COPPICE_E_TERM;
    } else {
      *out_new = give(std::move(made));
    }
  }
  discard(w);
  return status;
}

// A plugin's buffer in a message: the plugin's code stays loaded until it is freed.
struct adopted {
  void (*free_data)(void*);
  void* context;
  image_pin pin;
};

void free_adopted(void* context) {
  const std::unique_ptr<adopted> owned(static_cast<adopted*>(context));
  owned->free_data(owned->context);
}

std::int32_t adopt(coppice_actor* self, const std::uint8_t* data, std::uint64_t size,
                   void (*free_data)(void*), void* context, coppice_message* out_new) {
  if (out_new == nullptr || free_data == nullptr) return COPPICE_E_INVALID;
  *out_new = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (data == nullptr || !is_term({data, size})) return COPPICE_E_TERM;
  auto owned = std::make_unique<adopted>(adopted{free_data, context, image_pin(*self->image.get())});
  *out_new = give(message::borrow({data, size}, &free_adopted, owned.release()));
  return COPPICE_OK;
}

std::int32_t validate(coppice_bytes term) {
  if (term.data == nullptr || term.size == 0) return COPPICE_E_TERM;
  const auto size = etf::validate({term.data, term.size});
  return size && *size == term.size ? COPPICE_OK : COPPICE_E_TERM;
}

} // namespace

coppice_message lend(const message& m) {
  const auto owner = reinterpret_cast<std::uintptr_t>(&m) | lent_bit;
  return {m.bytes().data(), m.bytes().size(), reinterpret_cast<void*>(owner)};
}

coppice_message give(message m) {
  if (!m) return {};
  const etf::bytes bytes = m.bytes();
  return {bytes.data(), bytes.size(), std::make_unique<message>(std::move(m)).release()};
}

std::optional<message> take(coppice_message* from_plugin) {
  if (from_plugin == nullptr) return std::nullopt;
  const coppice_message taken = std::exchange(*from_plugin, coppice_message{});
  if (taken.owner == nullptr) {
    auto copied = share(taken);
    if (copied && !is_term(copied->bytes())) copied.reset();
    return copied;
  }
  if (is_lent(taken.owner)) return share(taken);
  const std::unique_ptr<message> owned(holder(taken.owner));
  const auto part = part_of(*owned, taken);
  if (!part) return std::nullopt;
  return part->size() == owned->size() ? std::move(*owned) : owned->slice(*part);
}

const coppice_message_api* message_interface() {
  static const coppice_message_api table = {
      .size = sizeof(coppice_message_api),
      .reserved = 0,
      .retain = &retain,
      .release = &release,
      .write_begin = &write_begin,
      .reserve = &reserve,
      .splice = &splice,
      .finish = &finish,
      .discard = &discard,
      .adopt = &adopt,
      .validate = &validate,
  };
  return &table;
}

} // namespace coppice::behaviours
