// SPDX-License-Identifier: MIT
// Carriers that replace a socket: the two ends of a connection in memory, on one loop. Each end holds up to
// `room` bytes that its user has not read; further bytes wait at the sending end. Runs on the loop's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/uv.hpp"
#include "net/carrier.hpp"

namespace coppice::test {

class memory_carrier final : public net::carrier {
 public:
  static std::pair<net::carrier_ptr, net::carrier_ptr> pair(uv_loop_t* on, std::size_t room) {
    auto one = std::make_unique<memory_carrier>(on, room);
    auto other = std::make_unique<memory_carrier>(on, room);
    one->other_ = other.get();
    other->other_ = one.get();
    return {net::carrier_ptr(one.release()), net::carrier_ptr(other.release())};
  }
  memory_carrier(uv_loop_t* on, std::size_t room) : room_(room), each_turn_(on, [this] { turn(); }) {
    ++all_;
  }
  ~memory_carrier() override { --all_; }
  memory_carrier(const memory_carrier&) = delete;
  // The number of carriers that exist. After close(), a carrier ends in a later turn of its loop. The end of
  // the loop does not wait for that.
  static int all() { return all_; }

  void set_user(user& above) override { user_ = &above; }
  base::status start_reading() override {
    read_ = reading::for_user;
    wake();
    return {};
  }
  void stop_reading() override { read_ = reading::none; }
  base::status drop() override {
    read_ = reading::to_drop;
    wake();
    return {};
  }
  bool has_unread() const override { return read_ == reading::for_user && !unread_.empty(); }

  base::result<written> write(net::write_queue& from) override {
    if (from.empty()) return written{};
    if (other_ == nullptr) return base::fail(base::errc::closed, "write: the other end is gone");
    std::vector<std::uint8_t> bytes(std::min(from.bytes(), other_->room_ - other_->unread_.size()));
    if (bytes.empty()) return written{0, true};
    from.copy_to(bytes);
    from.advance(bytes.size());
    other_->unread_.insert(other_->unread_.end(), bytes.begin(), bytes.end());
    other_->wake();
    return written{bytes.size(), false};
  }
  base::status write_later(net::write_queue& from) override {
    later_ = &from;
    wake();
    return {};
  }
  std::size_t borrowed() const override { return 0; }
  void moved(net::write_queue& to) override {
    if (later_ != nullptr) later_ = &to;
  }
  std::size_t write_before_file(net::write_queue&) override { return 0; }
  std::size_t send_file(int, std::uint64_t, std::size_t) override { return 0; }
  base::status shut_down() override {
    shuts_ = true;
    wake();
    return {};
  }
  int descriptor() const override { return -1; }
  base::result<socket_of> detach() override {
    return base::fail(base::errc::unsupported, "this carrier has no socket");
  }
  void unref() override { each_turn_.unref(); }
  void close(std::unique_ptr<user> last) override {
    end_of_other();
    if (other_ != nullptr) std::exchange(other_, nullptr)->other_ = nullptr;
    last_ = std::move(last);
    closed_ = true;
    wake();
  }

 private:
  enum class reading : std::uint8_t { none, for_user, to_drop };

  void wake() { each_turn_.start(); }
  void end_of_other() {
    if (other_ == nullptr) return;
    other_->ended_ = true;
    other_->wake();
  }

  // The user may close the carrier inside any of these calls.
  void turn() {
    each_turn_.stop();
    if (closed_) {
      const std::unique_ptr<memory_carrier> self(this);
      return;
    }
    if (std::exchange(shuts_, false)) {
      end_of_other();
      user_->was_shut_down();
    }
    if (!closed_ && later_ != nullptr) go_on_writing();
    if (!closed_ && read_ != reading::none && !unread_.empty()) read();
    if (closed_ || read_ == reading::none || !ended_ || !unread_.empty()) return;
    read_ = reading::none;
    user_->came_to_end({base::errc::closed, "read: the other end has ended"}, true);
  }

  void go_on_writing() {
    auto done = write(*later_);
    if (done && done->is_full) return; // the other end wakes this one when it has read
    later_ = nullptr;
    user_->sent(done ? done->bytes : 0, done ? 0 : UV_EPIPE);
  }

  void read() {
    if (read_ == reading::to_drop) return user_->dropped(take(unread_.size()));
    wake(); // there may be more to read
    if (!user_->reads_now()) return;
    const auto space = user_->space();
    const std::size_t count = std::min(space.size(), unread_.size());
    std::copy_n(unread_.begin(), count, space.begin());
    take(count);
    user_->heard(count);
    user_->came(space.first(count), count == space.size());
    if (count == space.size()) user_->filled();
  }
  std::size_t take(std::size_t count) {
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(count));
    if (other_ != nullptr) other_->wake();
    return count;
  }

  static inline int all_ = 0;

  const std::size_t room_;
  base::uv::idle each_turn_; // runs while there may be something to do
  user* user_ = nullptr;
  memory_carrier* other_ = nullptr; // null: the other end is gone
  std::vector<std::uint8_t> unread_;
  reading read_ = reading::none;
  net::write_queue* later_ = nullptr; // the queue given to write_later()
  bool shuts_ = false;
  bool ended_ = false; // the other end has ended
  bool closed_ = false;
  std::unique_ptr<user> last_;
};

} // namespace coppice::test
