// SPDX-License-Identifier: MIT
// The host's interface for messages: each block's owners are counted, and its bytes are overwritten at the
// end. Any thread.
#include <coppice/testing/messages.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace coppice::testing::detail {

namespace {

bool is_lent(const void* owner) {
  return (reinterpret_cast<std::uintptr_t>(owner) & lent_bit) != 0;
}
void note_holder(block& each) {
  each.holder = current;
  each.callback = current->callback.load();
}
bool is_live(const block* each) {
  const std::scoped_lock held(live_blocks.lock);
  return live_blocks.all.contains(each);
}
/// Whether bytes of a plugin are, or have, some of a message that has ended.
bool has_spoiled(etf::bytes data) {
  constexpr std::ptrdiff_t least = 4; // fewer can be chance
  return std::search_n(data.begin(), data.end(), least, spoiled) != data.end();
}
// host[0] points to the block being written.
block* written_to(const coppice_writer* writer) {
  return reinterpret_cast<block*>(writer->host[0]);
}
void point(coppice_writer* writer, std::size_t written) {
  auto& bytes = written_to(writer)->bytes;
  writer->begin = bytes.data();
  writer->at = bytes.data() + written;
  writer->end = bytes.data() + bytes.size();
}
void close(coppice_writer* writer) {
  give_up(written_to(writer));
  *writer = {};
}
std::int32_t splice(coppice_writer* writer, const coppice_message* message) {
  if (!is_open(writer) || message == nullptr) return COPPICE_E_INVALID;
  if (const std::int32_t status = reserve(writer, message->size); status != COPPICE_OK) return status;
  if (message->size != 0) std::memcpy(writer->at, message->data, static_cast<std::size_t>(message->size));
  writer->at += message->size;
  return COPPICE_OK;
}

} // namespace

block* block_of(const void* owner) {
  return reinterpret_cast<block*>(reinterpret_cast<std::uintptr_t>(owner) & ~lent_bit);
}

block* make_block(std::vector<std::uint8_t> bytes) {
  auto made = std::make_unique<block>();
  made->bytes = std::move(bytes);
  block* const raw = made.get();
  if (current != nullptr) note_holder(*made);
  const std::scoped_lock held(live_blocks.lock);
  live_blocks.all.emplace(raw, std::move(made));
  return raw;
}

void give_up(block* each) {
  if (!is_live(each)) return complain("released or gave away a message that was no longer its own");
  if (--each->owners != 0) return;
  if (each->free_data != nullptr) each->free_data(each->context);
  const std::scoped_lock held(live_blocks.lock);
  auto gone = live_blocks.all.extract(each);
  std::ranges::fill(each->bytes, spoiled);
  if (each->bytes.size() > block_list::most_bytes) return;
  live_blocks.ended.push_back(std::move(gone.mapped()));
  if (live_blocks.ended.size() > block_list::most_ended) live_blocks.ended.pop_front();
}

void complain_if_spoiled(etf::bytes data, std::string_view what) {
  if (!has_spoiled(data)) return;
  const std::string whose =
      current == nullptr ? std::string("a callback") : "its " + std::string(current->callback.load());
  complain(whose + " used " + std::string(what) +
           " with bytes of a message that had ended: it has kept a view or a pointer; keep a copy, such as a "
           "std::string, or retain the message");
}

void name_leaks(const world& w, std::string_view actor) {
  std::map<std::string, std::size_t> by_callback;
  {
    const std::scoped_lock held(live_blocks.lock);
    for (const auto& [raw, each] : live_blocks.all)
      if (std::exchange(each->holder, each->holder == &w ? nullptr : each->holder) == &w)
        ++by_callback[each->callback];
  }
  const std::scoped_lock held(worlds.lock);
  for (const auto& [callback, count] : by_callback)
    worlds.complaints.push_back(
        "actor " + std::string(actor) + " has ended, and its " + callback + " has left " +
        (count == 1 ? "a message" : std::to_string(count) + " messages") +
        " that nothing released: release each message that it makes, takes or retains");
}

lent::lent(const value& term)
    : block_(make_block({term.bytes().begin(), term.bytes().end()})),
      raw_{block_->bytes.data(), block_->bytes.size(),
           reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(block_) | lent_bit)} {}

coppice_message give(etf::bytes term) {
  block* const made = make_block({term.begin(), term.end()});
  return {made->bytes.data(), made->bytes.size(), made};
}

std::int32_t retain(const coppice_message* message, coppice_message* out) {
  if (message == nullptr || out == nullptr) return COPPICE_E_INVALID;
  const coppice_message from = *message;
  *out = {};
  if (from.data == nullptr || from.size == 0) return COPPICE_E_INVALID;
  if (from.owner == nullptr) {
    *out = give({from.data, static_cast<std::size_t>(from.size)});
    return COPPICE_OK;
  }
  if (!is_live(block_of(from.owner))) {
    complain("retained a message that it had borrowed in an earlier callback, or released: retain it before");
    return COPPICE_E_INVALID;
  }
  ++block_of(from.owner)->owners;
  if (current != nullptr) note_holder(*block_of(from.owner));
  *out = {from.data, from.size, block_of(from.owner)};
  return COPPICE_OK;
}

void release(coppice_message* message) {
  if (message == nullptr) return;
  if (message->owner != nullptr && is_lent(message->owner)) {
    complain("released a message that it had only borrowed");
  } else if (message->owner != nullptr) {
    give_up(block_of(message->owner));
  }
  *message = {};
}

std::optional<value> take(coppice_message* message) {
  if (message == nullptr) return std::nullopt;
  const coppice_message taken = std::exchange(*message, coppice_message{});
  const etf::bytes bytes(taken.data, static_cast<std::size_t>(taken.size));
  if (taken.data != nullptr) complain_if_spoiled(bytes, "a message");
  std::optional<value> made;
  if (taken.data != nullptr && is_term(bytes)) made = value::of(bytes);
  if (taken.owner != nullptr && !is_lent(taken.owner)) give_up(block_of(taken.owner));
  return made;
}

bool is_open(const coppice_writer* writer) {
  return writer != nullptr && writer->api == message_interface();
}

std::int32_t write_begin(std::uint64_t hint, coppice_writer* writer) {
  if (writer == nullptr) return COPPICE_E_INVALID;
  *writer = {};
  writer->api = message_interface();
  // Little room, so that a writer that forgets to call reserve is found.
  const std::size_t size = hint < 16 ? 16 : hint > 1 << 20 ? 1 << 20 : static_cast<std::size_t>(hint);
  writer->host[0] = reinterpret_cast<std::uintptr_t>(make_block(std::vector<std::uint8_t>(size)));
  point(writer, 0);
  return COPPICE_OK;
}

std::int32_t reserve(coppice_writer* writer, std::uint64_t count) {
  if (!is_open(writer)) return COPPICE_E_INVALID;
  if (writer->status != COPPICE_OK) return writer->status;
  const auto written = static_cast<std::size_t>(writer->at - writer->begin);
  auto& bytes = written_to(writer)->bytes;
  if (written > bytes.size()) {
    complain("wrote past the end of a message's room");
    return writer->status = COPPICE_E_INVALID;
  }
  if (bytes.size() - written < count) bytes.resize(written + static_cast<std::size_t>(count));
  point(writer, written);
  return COPPICE_OK;
}

std::int32_t finish(coppice_writer* writer, coppice_message* out) {
  if (out != nullptr) *out = {};
  if (!is_open(writer)) return COPPICE_E_INVALID;
  std::int32_t status = out == nullptr ? COPPICE_E_INVALID : writer->status;
  const etf::bytes written(writer->begin, static_cast<std::size_t>(writer->at - writer->begin));
  if (status == COPPICE_OK && !is_term(written)) status = COPPICE_E_TERM;
  if (status == COPPICE_OK) *out = give(written);
  close(writer);
  return status;
}

void discard(coppice_writer* writer) {
  if (is_open(writer)) close(writer);
}

std::int32_t adopt(coppice_actor* self, const std::uint8_t* data, std::uint64_t size,
                   void (*free_data)(void*), void* context, coppice_message* out) {
  if (out == nullptr || free_data == nullptr) return COPPICE_E_INVALID;
  *out = {};
  if (const std::int32_t status = may_call(self, COPPICE_MESSAGE_1 "'s adopt"); status != COPPICE_OK)
    return status;
  if (data == nullptr || !is_term({data, static_cast<std::size_t>(size)})) return COPPICE_E_TERM;
  block* const made = make_block({});
  made->free_data = free_data;
  made->context = context;
  *out = {data, size, made};
  return COPPICE_OK;
}

std::int32_t validate(coppice_bytes term) {
  return term.data != nullptr && is_term(view(term)) ? COPPICE_OK : COPPICE_E_TERM;
}

const coppice_message_api* message_interface() {
  static constexpr coppice_message_api table = {
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

} // namespace coppice::testing::detail
