// SPDX-License-Identifier: MIT
// "coppice.message/1" for tests: each message is a counted block on the heap, so that a test can find
// messages that a plugin did not release. Borrowed messages are marked, and releasing one is a complaint.
// finish() accepts only one whole term, as debug builds of the host do. Header-only. Any thread.
#pragma once

#include <coppice/message.h>

#include <atomic>
#include <cstring>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <coppice/testing/bytes.hpp>
#include <coppice/testing/rules.hpp>

namespace coppice::testing::detail {

/// The memory of one message, shared by its owners.
struct block {
  std::atomic<std::size_t> owners{1};
  std::vector<std::uint8_t> bytes;
  void (*free_data)(void*) = nullptr; ///< of bytes that belong to the plugin
  void* context = nullptr;
};

/// All blocks. They own the memory: blocks that a plugin forgot are reported to the test and freed at the
/// end.
struct block_list {
  std::mutex lock;
  std::map<const block*, std::unique_ptr<block>> all;
};
inline block_list live_blocks;

constexpr std::uintptr_t lent_bit = 1;
inline bool is_lent(const void* owner) {
  return (reinterpret_cast<std::uintptr_t>(owner) & lent_bit) != 0;
}
inline block* block_of(const void* owner) {
  return reinterpret_cast<block*>(reinterpret_cast<std::uintptr_t>(owner) & ~lent_bit);
}
inline block* make_block(std::vector<std::uint8_t> bytes) {
  auto made = std::make_unique<block>();
  made->bytes = std::move(bytes);
  block* const raw = made.get();
  const std::scoped_lock held(live_blocks.lock);
  live_blocks.all.emplace(raw, std::move(made));
  return raw;
}
inline void give_up(block* each) {
  if (--each->owners != 0) return;
  if (each->free_data != nullptr) each->free_data(each->context);
  const std::scoped_lock held(live_blocks.lock);
  live_blocks.all.erase(each);
}

/// A message that a callback borrows: valid as long as this object.
class lent {
 public:
  explicit lent(const value& term)
      : block_(make_block({term.bytes().begin(), term.bytes().end()})),
        raw_{block_->bytes.data(), block_->bytes.size(),
             reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(block_) | lent_bit)} {}
  lent(const lent&) = delete;
  lent& operator=(const lent&) = delete;
  ~lent() { give_up(block_); }
  const coppice_message* get() const { return &raw_; }
  coppice_bytes bytes() const { return {raw_.data, raw_.size}; }

 private:
  block* block_;
  coppice_message raw_;
};

inline coppice_message give(etf::bytes term) {
  block* const made = make_block({term.begin(), term.end()});
  return {made->bytes.data(), made->bytes.size(), made};
}

inline std::int32_t retain(const coppice_message* message, coppice_message* out) {
  if (message == nullptr || out == nullptr) return COPPICE_E_INVALID;
  const coppice_message from = *message;
  *out = {};
  if (from.data == nullptr || from.size == 0) return COPPICE_E_INVALID;
  if (from.owner == nullptr) {
    *out = give({from.data, static_cast<std::size_t>(from.size)});
    return COPPICE_OK;
  }
  ++block_of(from.owner)->owners;
  *out = {from.data, from.size, block_of(from.owner)};
  return COPPICE_OK;
}

inline void release(coppice_message* message) {
  if (message == nullptr) return;
  if (message->owner != nullptr && is_lent(message->owner)) {
    complain("released a message that it had only borrowed");
  } else if (message->owner != nullptr) {
    give_up(block_of(message->owner));
  }
  *message = {};
}

/// Consumes a message of the plugin. Empty: it is not a term.
inline std::optional<value> take(coppice_message* message) {
  if (message == nullptr) return std::nullopt;
  const coppice_message taken = std::exchange(*message, coppice_message{});
  const etf::bytes bytes(taken.data, static_cast<std::size_t>(taken.size));
  std::optional<value> made;
  if (taken.data != nullptr && is_term(bytes)) made = value::of(bytes);
  if (taken.owner != nullptr && !is_lent(taken.owner)) give_up(block_of(taken.owner));
  return made;
}

inline const coppice_message_api* message_interface();

// host[0] points to the block being written.
inline block* written_to(const coppice_writer* writer) {
  return reinterpret_cast<block*>(writer->host[0]);
}
inline bool is_open(const coppice_writer* writer) {
  return writer != nullptr && writer->api == message_interface();
}
inline void point(coppice_writer* writer, std::size_t written) {
  auto& bytes = written_to(writer)->bytes;
  writer->begin = bytes.data();
  writer->at = bytes.data() + written;
  writer->end = bytes.data() + bytes.size();
}
inline void close(coppice_writer* writer) {
  give_up(written_to(writer));
  *writer = {};
}

inline std::int32_t write_begin(std::uint64_t hint, coppice_writer* writer) {
  if (writer == nullptr) return COPPICE_E_INVALID;
  *writer = {};
  writer->api = message_interface();
  // Little room, so that a writer that forgets to call reserve is found.
  const std::size_t size = hint < 16 ? 16 : hint > 1 << 20 ? 1 << 20 : static_cast<std::size_t>(hint);
  writer->host[0] = reinterpret_cast<std::uintptr_t>(make_block(std::vector<std::uint8_t>(size)));
  point(writer, 0);
  return COPPICE_OK;
}

inline std::int32_t reserve(coppice_writer* writer, std::uint64_t count) {
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

inline std::int32_t splice(coppice_writer* writer, const coppice_message* message) {
  if (!is_open(writer) || message == nullptr) return COPPICE_E_INVALID;
  if (const std::int32_t status = reserve(writer, message->size); status != COPPICE_OK) return status;
  if (message->size != 0) std::memcpy(writer->at, message->data, static_cast<std::size_t>(message->size));
  writer->at += message->size;
  return COPPICE_OK;
}

inline std::int32_t finish(coppice_writer* writer, coppice_message* out) {
  if (out != nullptr) *out = {};
  if (!is_open(writer)) return COPPICE_E_INVALID;
  std::int32_t status = out == nullptr ? COPPICE_E_INVALID : writer->status;
  const etf::bytes written(writer->begin, static_cast<std::size_t>(writer->at - writer->begin));
  if (status == COPPICE_OK && !is_term(written)) status = COPPICE_E_TERM;
  if (status == COPPICE_OK) *out = give(written);
  close(writer);
  return status;
}

inline void discard(coppice_writer* writer) {
  if (is_open(writer)) close(writer);
}

inline std::int32_t adopt(coppice_actor* self, const std::uint8_t* data, std::uint64_t size,
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

inline std::int32_t validate(coppice_bytes term) {
  return term.data != nullptr && is_term(view(term)) ? COPPICE_OK : COPPICE_E_TERM;
}

inline const coppice_message_api* message_interface() {
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
