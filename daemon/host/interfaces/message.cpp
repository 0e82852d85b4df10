// SPDX-License-Identifier: MIT
// "coppice.message/1" over runtime::raw_message. An owner pointer is the memory's address. If its lowest bit
// is set the message is borrowed for a callback, else the plugin has a reference; releasing a borrowed
// message has no effect. The words of the writer that belong to the host hold its room. Any thread.
#include <cstring>
#include <memory>
#include <utility>

#include "base/border.hpp"
#include "host/boundary/entry.hpp"
#include "runtime/messages/raw_message.hpp"
#include "runtime/messages/sound_term.hpp"

namespace coppice::host {
namespace {

using runtime::message;
using runtime::raw_message;

void* memory_of(void* owner) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(owner) & ~detail::lent_bit);
}

etf::bytes bytes_of(const coppice_message& m) {
  return {m.data, static_cast<std::size_t>(m.size)};
}

// Whether these bytes are inside this owner's memory.
bool is_inside(etf::bytes part, void* owner) {
  return part.data() != nullptr && !part.empty() && raw_message::keeps(memory_of(owner), part);
}

bool is_term(etf::bytes bytes) {
#ifdef NDEBUG
  return !bytes.empty();
#else
  return runtime::is_sound_term(bytes);
#endif
}

// A message that shares the bytes of `m`'s owner; none: `m` is no message.
message share(const coppice_message& m) {
  if (m.data == nullptr || m.size == 0) return {};
  if (m.owner == nullptr) return message::copy_of(bytes_of(m));
  if (!is_inside(bytes_of(m), m.owner)) return {};
  return raw_message::share(memory_of(m.owner), bytes_of(m));
}

std::int32_t retain(const coppice_message* m, coppice_message* out_new) {
  if (m == nullptr || out_new == nullptr) return COPPICE_E_INVALID;
  message shared = share(*m);
  *out_new = {};
  if (!shared) return COPPICE_E_INVALID;
  *out_new = give(std::move(shared));
  return COPPICE_OK;
}

void release(coppice_message* m) {
  if (m == nullptr) return;
  if (m->owner != nullptr && !is_lent(m->owner)) raw_message::release(m->owner);
  *m = {};
}

bool is_open(const coppice_writer* w) {
  return w != nullptr && w->api == message_interface();
}

raw_message::room room_of(const coppice_writer* w) {
  return {reinterpret_cast<void*>(w->host[0]), reinterpret_cast<std::uint8_t*>(w->host[1]),
          reinterpret_cast<std::uint8_t*>(w->host[2])};
}

void take_room(coppice_writer* w, const raw_message::room& room, std::size_t written) {
  w->host[0] = reinterpret_cast<std::uintptr_t>(room.owner);
  w->host[1] = reinterpret_cast<std::uintptr_t>(room.begin);
  w->host[2] = reinterpret_cast<std::uintptr_t>(room.end);
  w->begin = room.begin;
  w->at = room.begin + written;
  w->end = room.end;
}

// How much the plugin wrote. False: it wrote outside of its room.
bool written_by(const coppice_writer* w, const raw_message::room& room, std::size_t& count) {
  if (w->at < room.begin || w->at > room.end) return false;
  count = static_cast<std::size_t>(w->at - room.begin);
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
  const raw_message::room room = room_of(w);
  std::size_t written = 0;
  if (!written_by(w, room, written)) return fail(w, COPPICE_E_INVALID);
  if (count <= static_cast<std::uint64_t>(room.end - w->at)) return COPPICE_OK;
  if (count < written) count = written; // at least double, so that few calls are needed
  if (count > UINT32_MAX) return fail(w, COPPICE_E_MEMORY);
  const raw_message::room larger = raw_message::grow(room, written, written + count);
  if (larger.owner == nullptr) return fail(w, COPPICE_E_MEMORY);
  take_room(w, larger, written);
  return COPPICE_OK;
}

std::int32_t write_begin(std::uint64_t hint, coppice_writer* w) {
  if (w == nullptr) return COPPICE_E_INVALID;
  const std::size_t size = hint < 64 ? 64 : hint > 1 << 20 ? 1 << 20 : static_cast<std::size_t>(hint);
  w->api = message_interface();
  w->status = COPPICE_OK;
  w->reserved = 0;
  take_room(w, raw_message::allocate(size), 0);
  return COPPICE_OK;
}

void close(coppice_writer* w) {
  w->at = w->end = w->begin = nullptr;
  w->api = nullptr; // so that `host` is not read any more
  w->status = COPPICE_OK;
}

void discard(coppice_writer* w) {
  if (!is_open(w)) return;
  raw_message::release(room_of(w).owner);
  close(w);
}

std::int32_t splice(coppice_writer* w, const coppice_message* m) {
  if (!is_open(w) || m == nullptr || (m->size != 0 && m->data == nullptr)) return COPPICE_E_INVALID;
  if (const std::int32_t status = reserve(w, m->size); status != COPPICE_OK) return status;
  if (m->size != 0) std::memcpy(w->at, m->data, m->size);
  w->at += m->size;
  return COPPICE_OK;
}

[[gnu::noinline]] std::int32_t unfinished(coppice_writer* w, coppice_message* out_new, std::int32_t status) {
  if (out_new != nullptr) *out_new = {};
  if (!is_open(w)) return COPPICE_E_INVALID;
  raw_message::release(room_of(w).owner);
  close(w);
  return status;
}

std::int32_t finish(coppice_writer* w, coppice_message* out_new) {
  if (out_new == nullptr || !is_open(w)) [[unlikely]]
    return unfinished(w, out_new, COPPICE_E_INVALID);
  if (w->status != COPPICE_OK) [[unlikely]]
    return unfinished(w, out_new, w->status);
  const raw_message::room room = room_of(w);
  std::size_t written = 0;
  if (!written_by(w, room, written)) [[unlikely]]
    return unfinished(w, out_new, COPPICE_E_INVALID);
  if (!is_term({room.begin, written})) [[unlikely]]
    return unfinished(w, out_new, COPPICE_E_TERM);
  *out_new = {room.begin, written, room.owner};
  close(w);
  return COPPICE_OK;
}

// A plugin's buffer in a message: keeps the plugin's code loaded until the buffer is freed.
struct adopted {
  void (*free_data)(void*);
  void* context;
  image_pin_for<pin_of::buffer> pin;
};

void free_adopted(void* context) {
  const std::unique_ptr<adopted> owned(static_cast<adopted*>(context));
  base::contained("free_data() of a plugin's message", [&] { owned->free_data(owned->context); });
}

std::int32_t adopt(coppice_actor* self, const std::uint8_t* data, std::uint64_t size,
                   void (*free_data)(void*), void* context, coppice_message* out_new) {
  if (out_new == nullptr || free_data == nullptr) return COPPICE_E_INVALID;
  *out_new = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (data == nullptr || !is_term({data, size})) return COPPICE_E_TERM;
  auto owned = std::make_unique<adopted>(
      adopted{free_data, context, image_pin_for<pin_of::buffer>(*self->image.get())});
  *out_new = give(message::borrow({data, size}, &free_adopted, owned.release()));
  return COPPICE_OK;
}

std::int32_t validate(coppice_bytes term) {
  if (term.data == nullptr || term.size == 0) return COPPICE_E_TERM;
  return runtime::is_sound_term({term.data, term.size}) ? COPPICE_OK : COPPICE_E_TERM;
}

} // namespace

coppice_message lend(const message& m, etf::bytes part) {
  void* const memory = raw_message::owner(m); // null: static bytes
  const auto owner = memory == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(memory) | detail::lent_bit;
  return {part.data(), part.size(), reinterpret_cast<void*>(owner)};
}

coppice_message lend(const message& m) {
  return lend(m, m.bytes());
}

coppice_message give(message&& m) {
  const etf::bytes bytes = m.bytes();
  return {bytes.data(), bytes.size(), raw_message::disown(m)};
}

runtime::message detail::take_lent(const coppice_message& from) {
  if (from.owner != nullptr) return share(from);
  if (from.data == nullptr || !is_term(bytes_of(from))) return {};
  return raw_message::copy_of(bytes_of(from));
}

const coppice_message_api* message_interface() {
  static const coppice_message_api table = {
      .size = sizeof(coppice_message_api),
      .reserved = 0,
      .retain = &plain_entry<&retain>::call,
      .release = &plain_entry<&release>::call,
      .write_begin = &plain_entry<&write_begin>::call,
      .reserve = &plain_entry<&reserve>::call,
      .splice = &plain_entry<&splice>::call,
      .finish = &plain_entry<&finish>::call,
      .discard = &plain_entry<&discard>::call,
      .adopt = &entry<&adopt>::call,
      .validate = &plain_entry<&validate>::call,
  };
  return &table;
}

} // namespace coppice::host
