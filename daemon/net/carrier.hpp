// SPDX-License-Identifier: MIT
// The thing that carries the bytes of a stream: a socket (stream/socket_carrier.hpp), or a filter over
// another carrier, as TLS is (tls/tls_filter.hpp). A stream knows its carrier by this interface only, so that
// another carrier fits in the socket's place. The stream or filter above a carrier is its user. A carrier
// holds none of the bytes that it is to send: bytes that it cannot give on at once stay in its user's queue.
// Only a filter, which changes bytes, has a queue of its own. The loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "net/write_queue.hpp"

namespace coppice::net {

class carrier {
 public:
  // Called from the loop, never within a call to the carrier. May close the carrier.
  class user {
   public:
    virtual ~user() = default;

    // The connection that was to be made is open, or has failed. `code`: 0, or an error of libuv.
    virtual void connected(int code) = 0;

    // Asked once before each read: whether the peer's bytes may be read now. False: not in this turn of the
    // loop.
    virtual bool reads_now() = 0;
    // Where the next bytes go; never empty.
    virtual std::span<std::uint8_t> space() = 0;
    // `bytes` bytes of the peer were read. Called before came(); a filter forwards it, and calls came() for
    // other numbers of bytes.
    virtual void heard(std::size_t bytes) = 0;
    // The next bytes, in the space that was asked for; never empty. `all`: they fill it.
    virtual void came(base::bytes_span bytes, bool all) = 0;
    // A read has filled its space, so more may wait to be read. Called after came().
    virtual void filled() = 0;
    // Nothing more comes. `whole`: the peer has ended its direction; else the connection is lost.
    virtual void came_to_end(base::error why, bool whole) = 0;
    // `bytes` bytes of the peer were read after drop(), and dropped.
    virtual void dropped(std::size_t bytes) = 0;

    // The write that write_later() began is over: `bytes` bytes have left, and are gone from the queue.
    // `code`: 0, or an error of libuv.
    virtual void sent(std::size_t bytes, int code) = 0;
    // shut_down() is complete.
    virtual void was_shut_down() = 0;

    // The carrier cannot go on.
    virtual void fail_later(base::error why) = 0;
  };

  struct written {
    std::size_t bytes = 0; // have left
    bool is_full = false;  // nothing could leave, and write_later() sends it
  };

  // A socket that was taken from its carrier.
  struct socket_of {
    base::unique_fd fd;
    bool is_tcp = true;
    std::size_t sent = 0; // bytes of a write under way that have left
  };

  virtual ~carrier() = default;
  carrier& operator=(const carrier&) = delete;

  // The user outlives the carrier, or is given to close().
  virtual void set_user(user& above) = 0;

  // Begins and ceases to read for the user.
  virtual base::status start_reading() = 0;
  virtual void stop_reading() = 0;
  // Reads and drops what the peer sends, in place of start_reading().
  virtual base::status drop() = 0;
  // Whether it reads, and bytes of the peer wait to be read.
  virtual bool has_unread() const = 0;

  // Sends once, from the front of the queue, the bytes that can leave at once, and removes them from the
  // queue. Not while a write of write_later() is under way.
  virtual base::result<written> write(write_queue& from) = 0;
  // Sends a part of the queue when there is room again; sent() follows. Until then the queue stays where it
  // is, unless moved() names another place.
  virtual base::status write_later(write_queue& from) = 0;
  // Bytes at the front of the user's queue that belong to write_later().
  virtual std::size_t borrowed() const = 0;
  // The contents of the queue of write_later() were swapped into this one.
  virtual void moved(write_queue& to) = 0;
  // Like write() of a whole queue, of which a file is the continuation. Returns the bytes that left.
  virtual std::size_t write_before_file(write_queue& from) = 0;
  // Sends what can leave at once of an open file. Returns the bytes that left. 0: none, or the carrier cannot
  // send files.
  virtual std::size_t send_file(int file, std::uint64_t offset, std::size_t most) = 0;
  // Ends our direction, when all was written; was_shut_down() follows.
  virtual base::status shut_down() = 0;
  // Bytes taken from the user that have not left.
  std::size_t waiting() const {
    return (own_ != nullptr ? own_->bytes() : 0) + (below_ != nullptr ? below_->waiting() : 0);
  }

  // The socket, still owned by the carrier. -1: none.
  virtual int descriptor() const = 0;
  // Takes the socket away; the carrier can only be closed then. errc::unsupported: there is none.
  virtual base::result<socket_of> detach() = 0;
  // The carrier no longer keeps the loop running.
  virtual void unref() = 0;
  // Ends everything at once. The user may still hear that what it had begun is over, and nothing else. The
  // carrier and `last` (null: nothing) are destroyed in a later turn of the loop, when nothing is under way.
  virtual void close(std::unique_ptr<user> last) = 0;

 protected:
  carrier() = default;
  carrier(carrier&&) = default;
  // Counts the queue of a filter and the bytes that wait in the carrier below, for waiting().
  void count_waiting(const write_queue& own, const carrier& below) {
    own_ = &own;
    below_ = &below;
  }

 private:
  const write_queue* own_ = nullptr;
  const carrier* below_ = nullptr;
};

struct close_carrier {
  void operator()(carrier* one) const { one->close({}); }
};

using carrier_ptr = std::unique_ptr<carrier, close_carrier>;

} // namespace coppice::net
