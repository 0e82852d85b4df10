// SPDX-License-Identifier: MIT
// A byte stream over TCP or a Unix-domain socket, with TLS or without, on a libuv loop. Bytes that are
// written in one turn of the loop leave in one gathered system call at its end, or at flush(). The handler
// gets a callback for everything that happens; after close(), or once the stream is destroyed, it gets none.
// A handler may destroy the stream in any callback. All on the loop's thread.
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
#include "net/admission/admission_limit.hpp"
#include "net/admission/connection_limit.hpp"
#include "net/carrier.hpp"
#include "net/tls/peer_certificate.hpp"
#include "net/tls/tls_context.hpp"
#include "net/write_queue.hpp"

namespace coppice::net {

class tls_filter;
class tls_pacer;

class stream_handler {
 public:
  // The connection is established, including TLS if it is used. Not called for accepted streams.
  virtual void on_connected() {}

  // The TLS handshake of an accepted stream, or one begun by start_tls(), has succeeded. All that is read and
  // written from now on is encrypted.
  virtual void on_secured() {}

  // Where to read the next bytes to; on_data() then gets a prefix of that space. Empty: the stream uses a
  // buffer of its own (at most 16 KiB). Lets a reader of long frames receive into their final place.
  virtual std::span<std::uint8_t> read_space() { return {}; }

  // `bytes` are valid until the call returns; never empty.
  virtual void on_data(base::bytes_span bytes) = 0;

  // The bytes written in a turn of the loop have been given to the socket, as far as the socket took them.
  virtual void on_flushed() {}

  // The queue has fallen to the low mark after having been above it.
  virtual void on_drained() {}

  // The peer sends nothing more. True: the stream stays open for writing. False (the default): it fails with
  // errc::closed.
  virtual bool on_end() { return false; }

  // The stream failed; nothing is read or written any more. The last callback, called once.
  virtual void on_closed(base::error why) = 0;

 protected:
  ~stream_handler() = default;
};

// A place among a listener's connections, given back when the slot and its copies are destroyed. Any thread.
class connection_slot {
 public:
  connection_slot() = default;
  explicit connection_slot(std::shared_ptr<void> token,
                           std::shared_ptr<connection_limit::connection> counted = {})
      : token_(std::move(token)), counted_(std::move(counted)) {}

  // The connection's entry in its listener's limit. Null: the listener has none.
  connection_limit::connection* counted() const { return counted_.get(); }

 private:
  std::shared_ptr<void> token_;
  std::shared_ptr<connection_limit::connection> counted_;
};

// A socket that a listener has accepted and no loop runs yet: adopt it on the loop that shall run it. Any
// thread.
struct accepted_socket {
  base::unique_fd fd;
  bool is_tcp = true;
  connection_slot slot;
  admission_limit::place place{};
  // Runs a task on the thread of the loop that adopts or attaches the socket. Empty: adopted on the
  // listener's own thread; a stream attached without it cannot be told to make room for others.
  std::function<void(std::function<void()>)> run_there{};
};

// An open stream that no loop runs, with its state: bytes that are queued, TLS with what it has read, its
// place among a listener's connections. Destroying it closes the stream. Any thread, one at a time.
struct detached_stream {
  detached_stream();
  detached_stream(detached_stream&& other) noexcept;
  detached_stream& operator=(detached_stream&& other) noexcept;
  ~detached_stream();

  accepted_socket socket{};
  std::unique_ptr<tls_filter> tls;     // null: none
  std::unique_ptr<write_queue> queued; // borrowed bytes are released where the stream is attached
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
};

// TLS of a stream. Without a context: none.
struct tls_options {
  std::shared_ptr<const tls_context> context; // role client to connect, server to adopt
  tls_pacer* pacer = nullptr;                 // of the stream's loop; outlives the handshake
  std::string host; // client only: the name the peer's certificate must be for, if verified
  std::chrono::milliseconds timeout{7000}; // for the handshake, when adopting and in start_tls()
};

struct connect_options {
  std::chrono::milliseconds timeout{7000}; // until on_connected(), including the TLS handshake
  // The local address to connect from; its port may be 0.
  std::optional<base::socket_address> from;
  tls_options tls{};
};

class stream {
 public:
  // Empty: no stream.
  stream();
  stream(stream&& other) noexcept;
  stream& operator=(stream&& other) noexcept;
  // Calls close().
  ~stream();

  // Starts to connect; on_connected() or on_closed() follows, never before this returns. Reading starts with
  // on_connected(). Bytes written earlier are sent then. `handler` outlives the stream.
  static base::result<stream> connect(uv_loop_t* on, const base::socket_address& to,
                                      const connect_options& options, stream_handler& handler);
  static base::result<stream> connect_unix(uv_loop_t* on, const std::string& path, stream_handler& handler);
  // Takes an accepted socket; reading starts with start(). If its place (of the admission limit, or among the
  // listener's connections) is given to another connection, the stream fails with errc::limit; if that has
  // happened already, this call does.
  static base::result<stream> adopt(uv_loop_t* on, accepted_socket socket, const tls_options& tls = {});
  // Takes an open carrier other than a socket; reading starts with start().
  static stream over(uv_loop_t* on, carrier_ptr by, const tls_options& tls = {});

  // Takes the stream off its loop, to be attached to another one; this object is empty afterwards, and its
  // handler gets no more callbacks. errc::invalid: the stream is not open, a handshake is not finished, or it
  // was ended or has failed; it stays as it is.
  base::result<detached_stream> detach();
  // Continues a detached stream: reads from the loop's next turn on, first what had arrived before. If the
  // peer had ended, on_end() is called again.
  static base::result<stream> attach(uv_loop_t* on, detached_stream from, stream_handler& handler);

  void start(stream_handler& handler);
  // Replaces the handler, for example when a handshake is over.
  void set_handler(stream_handler& handler);

  explicit operator bool() const { return core_ != nullptr; }

  // The place of its listener's admission limit; without a limit, a place that does nothing.
  admission_limit::place& place() const;
  // A proxy named this client as the connection's owner: the listener's limit counts it with that client's
  // connections from now on.
  void count_with(const base::socket_address& client);

  // Whether it takes what is written: it has not failed, no write has, and it was not ended.
  bool accepts() const;
  // Copies the bytes. Bytes for a stream that takes nothing are dropped.
  void write(base::bytes_span bytes);
  void write(std::string_view text) { write(base::as_bytes(text)); }
  // Like write() of `size` bytes (at most write_queue::longest_in_place), which the caller fills in before
  // any other call. Empty: the stream drops what is written.
  std::span<std::uint8_t> write_in_place(std::size_t size);
  // Borrows the bytes until release(context); see write_queue.hpp.
  void write_owned(base::bytes_span bytes, release_fn release, void* context);
  // Between what was written so far and what follows, write_ahead() may put bytes; see write_queue::mark().
  void mark();
  // Like write_in_place(), of any size, but the bytes leave before what was written behind the first mark
  // that is neither with the kernel nor encrypted.
  std::span<std::uint8_t> write_ahead(std::size_t size);
  // Bytes of write_ahead() that are not with the kernel nor encrypted.
  std::size_t bytes_ahead() const;
  // Sends what the socket takes at once of an open file, without a copy. Returns the bytes sent. 0: none,
  // because something is queued before them, TLS is in use, or the call failed; write() can send them.
  std::size_t send_file(int file, std::uint64_t offset, std::size_t most);
  // Writes now what the socket takes. A failure and on_drained() are reported later in the loop, not inside
  // this call.
  void flush();

  // Bytes accepted by write() that the kernel has not taken yet.
  std::size_t bytes_queued() const;
  // The mark for on_drained(). 0 (the default): called when everything is written.
  void set_low_mark(std::size_t bytes);
  // Bytes since the connection was made.
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_written() const;

  // Stops reading at once, also inside on_data(). TCP's flow control then stops the peer.
  void pause();
  void resume();
  bool paused() const;
  // Whether the peer has ended or is gone, though bytes of it may be unread. A paused stream gets no callback
  // for that.
  bool hung_up() const;

  // Whether a TLS handshake is under way or to come. Nothing is read or written until it ends.
  bool securing() const;
  // "1.3" or "1.2"; empty without TLS or before the end of the handshake.
  std::string_view tls_version() const;
  // The protocol chosen by ALPN; valid as long as the stream. Empty: no TLS, the handshake is not finished,
  // or ALPN was not used.
  std::string_view alpn() const;
  // The certificate of the peer; verified if our context verifies peers. Empty: the peer has shown none, as
  // a client may unless the server verifies.
  std::optional<net::peer_certificate> peer_certificate() const;
  // Whether a write has failed; the peer's last bytes may still come.
  bool is_broken() const;
  // Whether the stream is open, was not ended and has no TLS, not even a handshake.
  bool may_start_tls() const;
  // Continues with TLS, as a client or server by the context's role. Bytes that were written before leave as
  // they are; bytes that are written later wait for the end of the handshake. on_secured() or on_closed()
  // follows, never before this returns. `first`: bytes that on_data() has got already and that belong to TLS.
  // Empty: the caller passes them by give_tls(), and nothing is read before. on_closed() with errc::invalid:
  // the stream is not connected, was ended, or has TLS.
  void start_tls(const tls_options& options, std::optional<base::bytes_span> first = base::bytes_span());
  // Called once after start_tls() without `first`.
  void give_tls(base::bytes_span first);

  // Sends what is queued, then ends our direction of the stream; reading goes on.
  void end();
  // Sends what is queued, then closes. No callback follows. A peer that does not take the bytes within
  // `patience` loses them, and finds the connection reset.
  void close_when_written(std::chrono::milliseconds patience = std::chrono::milliseconds(5000));
  // Closes at once; the peer finds the connection reset (TCP: RST).
  void reset();
  // Closes at once; what is queued is dropped.
  void close();

  // Sets TCP_NODELAY (on by default): small writes leave at once, without waiting for the peer to acknowledge
  // earlier ones. No effect on other sockets.
  void set_nodelay(bool at_once);
  // Probes the peer after so much silence; the stream fails with errc::timeout if nothing is heard for as
  // long again. 0 (the default): never. At most 32767 s. TCP only.
  void set_keepalive(std::chrono::seconds silence);
  // The kernel takes bytes only while it has fewer than this that it has not sent, so that the others stay
  // where write_ahead() can pass them. TCP only. By default it takes what it has room for, which may be
  // megabytes.
  void set_unsent_limit(std::size_t bytes);

  // The socket, still owned by the stream. -1: none; what asks the socket, or sets something of it, fails or
  // does nothing then.
  int descriptor() const;
  base::result<base::socket_address> peer_address() const;
  base::result<base::socket_address> local_address() const;
  // The user id of the process at the other end of a Unix-domain socket.
  base::result<std::uint32_t> peer_uid() const;

 private:
  class core;
  struct close_core {
    void operator()(core* one) const;
  };

  stream(uv_loop_t* on, carrier_ptr by);
  core& inner() const;

  std::unique_ptr<core, close_core> core_; // null: no stream
};

} // namespace coppice::net
