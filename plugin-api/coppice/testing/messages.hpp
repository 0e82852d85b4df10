// SPDX-License-Identifier: MIT
// "coppice.message/1" for tests: each message is a counted block on the heap, so that a test can find
// messages that a plugin did not release. Borrowed messages are marked, and releasing one is a complaint. The
// bytes of a message that has ended are overwritten, so that a view of it that was kept is found. finish()
// accepts only one whole term, as debug builds of the host do. Any thread.
#pragma once

#include <coppice/message.h>

#include <atomic>
#include <deque>
#include <memory>
#include <new>
#include <optional>
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
  const world* holder = nullptr;  ///< the actor that made or retained it last
  const char* callback = nullptr; ///< in which it did
};

/// The bytes of a message that has ended: no term begins with this one, and no text in UTF-8 has it.
constexpr std::uint8_t spoiled = 0xFB;

/// All blocks. They own the memory: blocks that a plugin forgot are reported to the test and freed at the
/// end. The memory of blocks that ended last stays for a while, spoiled.
struct block_list {
  static constexpr std::size_t most_ended = 256, most_bytes = 1 << 16;

  std::mutex lock;
  std::map<const block*, std::unique_ptr<block>> all;
  std::deque<std::unique_ptr<block>> ended;
};
inline block_list live_blocks;

constexpr std::uintptr_t lent_bit = 1;
block* block_of(const void* owner);
block* make_block(std::vector<std::uint8_t> bytes);
void give_up(block* each);

void complain_if_spoiled(etf::bytes data, std::string_view what);

/// After an actor's end: tells the test of messages that it has not released.
void name_leaks(const world& w, std::string_view actor);

/// A message that a callback borrows: valid as long as this object.
class lent {
 public:
  explicit lent(const value& term);
  lent(const lent&) = delete;
  lent& operator=(const lent&) = delete;
  ~lent() { give_up(block_); }
  const coppice_message* get() const { return &raw_; }
  coppice_bytes bytes() const { return {raw_.data, raw_.size}; }

 private:
  block* block_;
  coppice_message raw_;
};

coppice_message give(etf::bytes term);

std::int32_t retain(const coppice_message* message, coppice_message* out);

void release(coppice_message* message);

/// Consumes a message of the plugin. Empty: it is not a term.
std::optional<value> take(coppice_message* message);

bool is_open(const coppice_writer* writer);

std::int32_t write_begin(std::uint64_t hint, coppice_writer* writer);

std::int32_t reserve(coppice_writer* writer, std::uint64_t count);

std::int32_t finish(coppice_writer* writer, coppice_message* out);

void discard(coppice_writer* writer);

std::int32_t adopt(coppice_actor* self, const std::uint8_t* data, std::uint64_t size,
                   void (*free_data)(void*), void* context, coppice_message* out);

std::int32_t validate(coppice_bytes term);

const coppice_message_api* message_interface();

} // namespace coppice::testing::detail
