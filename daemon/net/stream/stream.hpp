// SPDX-License-Identifier: MIT
// A byte stream over TCP, with TLS or without, or a Unix-domain socket on a libuv loop. What is written in
// one turn of the loop leaves in one gathered system call at its end (or at flush()). A handler hears of
// everything; after close(), or once the stream is destroyed, it hears nothing more. A handler may destroy
// the stream in any of its callbacks. All on the loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "base/uv.hpp"
#include "net/admission/admission_limit.hpp"
#include "net/admission/connection_limit.hpp"
#include "net/tls/peer_certificate.hpp"
#include "net/tls/tls_context.hpp"
#include "net/write_queue.hpp"

namespace coppice::net {

class tls_pacer;
class tls_session;

class stream_handler {
 public:
  // The connect succeeded, and TLS's handshake where there is one; not called for accepted streams.
  virtual void on_connected() {}

  // The handshake of an accepted stream, or that start_tls() began, has succeeded; what is read and written
  // from now on is sealed.
  virtual void on_secured() {}

  // Where the next bytes are read to; they come back in on_data, as a prefix of what was returned.
  // Empty: the stream's own 16 KiB. Lets a reader of long frames receive into their final place.
  virtual std::span<std::uint8_t> read_space() { return {}; }

  // `bytes` are valid until it returns; never empty.
  virtual void on_data(base::bytes_span bytes) = 0;

  // What was written in a turn of the loop has been handed to the socket, as far as that took it.
  virtual void on_flushed() {}

  // The queue fell to the low mark or below after having been above it.
  virtual void on_drained() {}

  // The other end sends nothing more. True keeps the stream for writing; false (the default) fails it
  // with errc::closed.
  virtual bool on_end() { return false; }

  // The stream failed; nothing is read or written any more. Called once, as the last.
  virtual void on_closed(base::error why) = 0;

 protected:
  ~stream_handler() = default;
};

// A place among a listener's connections, given back when it and its copies are destroyed. Any thread.
class connection_slot {
 public:
  connection_slot() = default;
  explicit connection_slot(std::shared_ptr<void> token,
                           std::shared_ptr<connection_limit::connection> counted = {})
      : token_(std::move(token)), counted_(std::move(counted)) {}

  // With its listener's limit; null: it has none.
  connection_limit::connection* counted() const { return counted_.get(); }

 private:
  std::shared_ptr<void> token_;
  std::shared_ptr<connection_limit::connection> counted_;
};

// A socket a listener has accepted, not on any loop yet: adopt it on the loop that shall run it. Any thread.
struct accepted_socket {
  base::unique_fd fd;
  bool is_tcp = true;
  connection_slot slot;
  admission_limit::place place{};
  // Has a task run on the thread of the loop that adopts or attaches it; not needed to adopt it on the
  // listener's. Attached without, it makes no room for others.
  std::function<void(std::function<void()>)> run_there{};
};

// An open stream that no loop runs, with all that goes along: what is written and has not left, TLS and what
// it has read, the place among a listener's connections. Destroyed it is closed. Any thread, one at a time.
struct detached_stream {
  detached_stream();
  detached_stream(detached_stream&& other) noexcept;
  detached_stream& operator=(detached_stream&& other) noexcept;
  ~detached_stream();

  accepted_socket socket{};
  std::unique_ptr<tls_session> tls;    // null: none
  std::unique_ptr<write_queue> queued; // borrowed bytes are given back where the stream is attached
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
};

// TLS on a stream; without a context there is none.
struct tls_options {
  std::shared_ptr<const tls_context>
      context;                             // of the stream's end: a client's to connect, a server's to adopt
  tls_pacer* pacer = nullptr;              // of the stream's loop; outlives the handshake
  std::string host;                        // connecting: whom the peer's certificate must be for, if verified
  std::chrono::milliseconds timeout{7000}; // adopting and start_tls: for the handshake
};

struct connect_options {
  std::chrono::milliseconds timeout{7000}; // to on_connected: TLS's handshake included
  // The local address to connect from; its port may be 0.
  std::optional<base::socket_address> from;
  tls_options tls{};
};

class stream {
 public:
  // Empty.
  stream();
  stream(stream&& other) noexcept;
  stream& operator=(stream&& other) noexcept;
  // As close().
  ~stream();

  // Starts to connect; on_connected or on_closed follow, never before this returns. Reading starts with
  // on_connected. Bytes written before are sent then. `handler` outlives the stream.
  static base::result<stream> connect(uv_loop_t* on, const base::socket_address& to,
                                      const connect_options& options, stream_handler& handler);
  static base::result<stream> connect_unix(uv_loop_t* on, const std::string& path, stream_handler& handler);
  // Reading starts with start(). It fails with errc::limit when its place, of the admission limit or among
  // the listener's connections, is given to another; if it has been already, so does this.
  static base::result<stream> adopt(uv_loop_t* on, accepted_socket socket, const tls_options& tls = {});

  // Takes it from its loop, to be attached to another; this one is then empty, and its handler hears nothing
  // more. errc::invalid: it is not open, is about to be secured, was ended or has failed; it stays as it is.
  base::result<detached_stream> detach();
  // Goes on with it: reads from the loop's next turn on, first what had come before. A peer's end that was
  // told already is told again.
  static base::result<stream> attach(uv_loop_t* on, detached_stream from, stream_handler& handler);

  void start(stream_handler& handler);
  // Another handler from now on: a handshake's successor.
  void set_handler(stream_handler& handler);

  explicit operator bool() const { return static_cast<bool>(socket_); }

  // The place of its listener's admission limit; a connection without one has a place that does nothing.
  admission_limit::place& place() const;
  // It is this client's by the word of a proxy: its listener's limit counts it with that one's from now on.
  void count_with(const base::socket_address& client);

  // Copies. After a failure or end() the bytes are dropped.
  void write(base::bytes_span bytes);
  void write(std::string_view text) { write(base::as_bytes(text)); }
  // As write() of `size` bytes, at most write_queue::longest_in_place, which the caller writes there before
  // it calls anything else. Empty: they would be dropped.
  std::span<std::uint8_t> write_in_place(std::size_t size);
  // Borrows until release(context); see write_queue.hpp.
  void write_owned(base::bytes_span bytes, release_fn release, void* context);
  // Of an open file, what the socket takes at once and without a copy; how many bytes. 0: none, as when
  // something is queued before it, or with TLS: write() takes them all the same.
  std::size_t send_file(int file, std::uint64_t offset, std::size_t most);
  // Writes now what the socket takes. The handler hears of a failure, and of the low mark, not inside this
  // call but later in the loop.
  void flush();

  // Accepted by write and not by the kernel yet.
  std::size_t bytes_queued() const;
  // For on_drained; 0 at first: told when everything is written.
  void set_low_mark(std::size_t bytes);
  // Since the beginning.
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_written() const;

  // Reading stops at once, also inside on_data. The kernel's window then stops the peer.
  void pause();
  void resume();
  bool paused() const;
  // The other end sends no more, or is gone, though bytes of it may be unread: while paused nobody hears of
  // it.
  bool hung_up() const;

  // TLS's handshake is under way or to come; nothing is read or written until its end.
  bool securing() const;
  // "1.3" or "1.2"; empty without TLS or before its handshake's end.
  std::string_view tls_version() const;
  // The protocol that both ends chose by ALPN, as long as the stream lives; empty likewise, or if they did
  // not speak of one.
  std::string_view alpn() const;
  // That the peer has shown; verified if our context verifies peers. Nothing: it has shown none, which a
  // client need not unless its server verifies.
  std::optional<net::peer_certificate> peer_certificate() const;
  // It is open and was not ended, and has no TLS nor a handshake.
  bool may_start_tls() const;
  // From here on with TLS, as a client or a server by the context's role. What was written before leaves as
  // it is; what is written from now on waits for the handshake's end. on_secured or on_closed follow, never
  // before this returns. `first`: bytes that on_data was given already and that belong to TLS; nothing: they
  // are known later, and nothing is read before give_tls(). on_closed with errc::invalid: the stream is not
  // connected, has been ended, or has TLS already.
  void start_tls(const tls_options& options, std::optional<base::bytes_span> first = base::bytes_span());
  // Behind a start_tls() without `first`, once.
  void give_tls(base::bytes_span first);

  // Sends what is queued, then the end of the stream; reading goes on.
  void end();
  // Sends what is queued, then closes. Nothing more is heard; a peer that does not take the bytes within
  // `patience` loses them.
  void close_when_written(std::chrono::milliseconds patience = std::chrono::milliseconds(5000));
  // At once; what is queued is dropped.
  void close();

  // TCP only, of others they do nothing. Whether small writes leave at once, without waiting for the peer to
  // acknowledge those before (TCP_NODELAY): so they do unless this says otherwise.
  void set_nodelay(bool at_once);
  // After so much silence the peer is probed, and the stream fails with errc::timeout if nothing is heard for
  // as long again. 0: never, as at first. At most 32767 s.
  void set_keepalive(std::chrono::seconds silence);

  // The socket, which stays the stream's; -1: there is none.
  int descriptor() const;
  base::result<base::socket_address> peer_address() const;
  base::result<base::socket_address> local_address() const;
  // Of the process at the other end of a Unix-domain socket.
  base::result<std::uint32_t> peer_uid() const;

 private:
  class core;
  using socket = base::uv::socket<std::unique_ptr<core>>;

  explicit stream(socket made);
  static base::result<stream> make(base::result<socket> made);
  core& inner() const;

  socket socket_;
};

} // namespace coppice::net
