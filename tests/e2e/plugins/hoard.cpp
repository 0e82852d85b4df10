// SPDX-License-Identifier: MIT
// hoard: a server that keeps memory until it is told to drop it, allocated in every way that a plugin can.
// Memory from malloc can be given to another plugin, which frees it: scavenger is the same code under another
// name.
#include <zlib.h>
#include <coppice/server.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace hoard {

namespace etf = coppice::etf;

// {by_malloc, Bytes} and the following ones: keeps that many bytes.
struct by_malloc {
  std::uint64_t bytes = 0;
};
struct by_containers {
  std::uint64_t bytes = 0;
};
struct by_library {
  std::uint64_t bytes = 0;
};
struct in_blocking_run {
  std::uint64_t bytes = 0;
};
struct on_thread {
  std::uint64_t bytes = 0;
};
struct take { // {take, Address}: frees the memory that `give` of another plugin returned
  std::uint64_t address = 0;
};
using give = etf::constant<"give">; // the address of its memory from malloc, which it then forgets
using drop = etf::constant<"drop">; // frees everything
using ok = etf::constant<"ok">;

struct block {
  block* next;
};
constexpr std::size_t block_bytes = 700;
// The bytes that deflateInit() allocates, by zlib.h: (1 << (windowBits + 2)) + (1 << (memLevel + 9)), and the
// structure with the state.
constexpr std::size_t stream_bytes = (1 << 17) + (1 << 17) + 6000;

block* make_blocks(std::uint64_t bytes, block* before) {
  for (std::uint64_t i = 0; i < bytes / block_bytes; ++i) {
    auto* const made = static_cast<block*>(std::malloc(block_bytes));
    if (made == nullptr) std::abort();
    made->next = before;
    before = made;
  }
  return before;
}

void free_blocks(block* first) {
  while (first != nullptr) {
    block* const next = first->next;
    std::free(first);
    first = next;
  }
}

struct deflating {
  deflating() {
    if (deflateInit(&stream, Z_DEFAULT_COMPRESSION) != Z_OK) std::abort();
  }
  ~deflating() { deflateEnd(&stream); }
  deflating(const deflating&) = delete;
  deflating& operator=(const deflating&) = delete;
  z_stream stream{};
};

class hoard_server : public coppice::server {
 public:
  using calls =
      std::variant<by_malloc, by_containers, by_library, in_blocking_run, on_thread, take, give, drop>;
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  ok handle_call(const by_malloc& what) {
    blocks_ = make_blocks(what.bytes, blocks_);
    return {};
  }
  ok handle_call(const by_containers& what) {
    for (std::uint64_t bytes = 0; bytes < what.bytes; bytes += 2 * block_bytes) {
      texts_.emplace_back(block_bytes, 'x');
      numbers_.emplace_back(block_bytes / sizeof(int), 1);
    }
    return {};
  }
  ok handle_call(const by_library& what) {
    for (std::uint64_t bytes = 0; bytes < what.bytes; bytes += stream_bytes)
      streams_.push_back(std::make_unique<deflating>());
    return {};
  }
  ok handle_call(const in_blocking_run& what) {
    blocks_ = blocking_run([bytes = what.bytes, before = blocks_] { return make_blocks(bytes, before); });
    return {};
  }
  ok handle_call(const on_thread& what) {
    std::thread([&] { blocks_ = make_blocks(what.bytes, blocks_); }).join();
    return {};
  }
  std::uint64_t handle_call(const give&) {
    return reinterpret_cast<std::uintptr_t>(std::exchange(blocks_, nullptr));
  }
  ok handle_call(const take& what) {
    free_blocks(reinterpret_cast<block*>(static_cast<std::uintptr_t>(what.address)));
    return {};
  }
  ok handle_call(const drop&) {
    free_blocks(std::exchange(blocks_, nullptr));
    std::vector<std::string>().swap(texts_);
    std::vector<std::vector<int>>().swap(numbers_);
    streams_.clear();
    return {};
  }

 private:
  block* blocks_ = nullptr;
  std::vector<std::string> texts_;
  std::vector<std::vector<int>> numbers_;
  std::vector<std::unique_ptr<deflating>> streams_;
};

} // namespace hoard

COPPICE_PLUGIN(NAME, "1.0.0", hoard::hoard_server);
