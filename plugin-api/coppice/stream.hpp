// SPDX-License-Identifier: MIT
// Byte streams in C++: callbacks for an actor's connections. A class that has any of them gets them, both as
// a coppice::tcp, made for each connection of a listener, and as a coppice::server that opens connections:
//
//   void on_connect(connection with [, const connection_info&])
//   void on_frame(connection from, bytes frame)
//   std::size_t on_data(connection from, bytes data)   number of bytes used; void: all
//   void on_eof(connection from)   void on_drained(connection to)   void on_secured(connection with)
//   void on_close(connection of [, close_reason how [, std::string_view why]])
//
// Each may return coppice::outcome instead of void. Bytes and texts are valid until the callback returns.
// DRAFT, see coppice/draft/stream.h. Header-only.
#pragma once

#include <coppice/draft/stream.h>
#include <coppice/server.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coppice {

namespace detail {
inline constinit draft<coppice_stream_api> stream_api{COPPICE_STREAM_HOST_DRAFT_2};
}

/// Borrowed bytes.
using bytes = etf::bytes;

/// The bytes of a text, borrowed from it.
inline bytes to_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// The same bytes as a text, borrowed from them.
inline std::string_view to_text(bytes of) {
  return {reinterpret_cast<const char*>(of.data()), of.size()};
}

/// Why a stream ended: see the constants of coppice/stream.h.
enum class close_reason : std::uint32_t {
  normal = COPPICE_STREAM_NORMAL,
  eof = COPPICE_STREAM_EOF,
  reset = COPPICE_STREAM_RESET,
  idle = COPPICE_STREAM_IDLE,
  slow = COPPICE_STREAM_SLOW,
  frame_too_large = COPPICE_STREAM_FRAME,
  tls = COPPICE_STREAM_TLS,
  shutdown = COPPICE_STREAM_SHUTDOWN,
  refused = COPPICE_STREAM_REFUSED,
  timed_out = COPPICE_STREAM_TIMEOUT,
  proxy = COPPICE_STREAM_PROXY,
};

/// Bytes that stay valid after their callback, without a copy.
class kept_bytes {
 public:
  kept_bytes() = default;
  explicit kept_bytes(const coppice_slice& borrowed) { detail::stream_api.need().retain(&borrowed, &slice_); }
  kept_bytes(kept_bytes&& other) noexcept : slice_(std::exchange(other.slice_, {})) {}
  kept_bytes& operator=(kept_bytes&& other) noexcept {
    std::swap(slice_, other.slice_);
    return *this;
  }
  ~kept_bytes() {
    if (slice_.owner != nullptr) detail::stream_api.found().release(&slice_);
  }
  /// Borrowed from this object.
  bytes view() const { return {slice_.data, static_cast<std::size_t>(slice_.size)}; }
  /// For the C interface. Borrowed from this object.
  const coppice_slice& slice() const { return slice_; }

 private:
  coppice_slice slice_{};
};

/// The state of a stream; texts are borrowed until the callback returns.
struct connection_info {
  /// A listener made this actor for this connection. False also for a connection that a listener accepted
  /// and gave to a pool's worker, and for one that connect_to() opened.
  bool accepted = false;
  std::string_view peer, local; // "127.0.0.1:4711", "[::1]:80", a path
  std::string_view tls;         // "1.3", "1.2"; empty: none
  std::string_view protocol;    // chosen by ALPN; empty: none
  bytes certificate;            // the peer's, DER; empty: none
  std::string_view subject;     // the certificate's subject
  std::uint64_t bytes_read = 0, bytes_written = 0, bytes_queued = 0;
};

namespace detail {
inline connection_info info_of(const coppice_stream_info& raw) {
  const auto text = [](coppice_bytes from) { return to_text(view(from)); };
  return {raw.accepted != 0,     text(raw.peer),    text(raw.local), text(raw.tls),     text(raw.protocol),
          view(raw.certificate), text(raw.subject), raw.bytes_read,  raw.bytes_written, raw.bytes_queued};
}
} // namespace detail

/// TLS of one end; paths name PEM files. Texts are borrowed for the duration of the call.
struct tls_options {
  bool server = false;     ///< this end is the server, which needs a certificate and a key
  bool verify = true;      ///< a client: verifies the server's certificate
  bool ask_client = false; ///< a server: asks clients for a certificate and verifies it
  bool tls_1_2 = false;    ///< also allows version 1.2
  std::string_view host{}; ///< a client: name in the server's certificate; empty: the host it connects to
  std::string_view authorities{}; ///< CAs that may have signed the peer's certificate; empty: the system's
  std::string_view certificate{}; ///< this end's certificate, then its chain; empty: none
  std::string_view key{};
  std::string_view protocols{}; ///< ALPN, preferred first, separated by commas

  /// For the C interface. Borrows the texts.
  coppice_tls_options plain() const {
    coppice_tls_options raw{};
    raw.size = sizeof raw;
    if (server) raw.flags |= COPPICE_TLS_SERVER;
    if (server && ask_client) raw.flags |= COPPICE_TLS_VERIFY;
    if (!server && !verify) raw.flags |= COPPICE_TLS_UNVERIFIED;
    if (tls_1_2) raw.flags |= COPPICE_TLS_1_2;
    raw.host = detail::plain(host);
    raw.authorities = detail::plain(authorities);
    raw.certificate = detail::plain(certificate);
    raw.key = detail::plain(key);
    raw.protocols = detail::plain(protocols);
    return raw;
  }
};

/// A stream of the actor: its number and the running actor. Valid in the callback in which it was made. To
/// keep it, keep id() and make another by connection(*this, id).
class connection {
 public:
  connection(const actor& of, std::uint64_t id) : self_(of.handle()), id_(id) {}
  connection(coppice_actor* self, std::uint64_t id, const coppice_slice* at_hand = nullptr)
      : self_(self), id_(id), at_hand_(at_hand) {}

  /// The number of the stream, which no other stream of the actor has.
  std::uint64_t id() const { return id_; }

  /// COPPICE_OK; COPPICE_E_FULL: nothing was taken, and on_drained follows; COPPICE_E_NOT_FOUND: the stream
  /// is closed, ended or broken. Bytes that this callback was given are sent without a copy.
  std::int32_t write(bytes what) const {
    if (at_hand_ != nullptr && within(*at_hand_, what)) {
      const coppice_slice part{what.data(), what.size(), at_hand_->owner};
      return checked(api().write_slice(self_, id_, &part));
    }
    return checked(api().write(self_, id_, detail::plain(what)));
  }
  std::int32_t write(std::string_view text) const { return write(to_bytes(text)); }
  std::int32_t write(const kept_bytes& what) const {
    return checked(api().write_slice(self_, id_, &what.slice()));
  }
  /// `part` must be inside `whole`, for example the bytes of a binary; it is sent without a copy.
  std::int32_t write(const message& whole, bytes part) const {
    coppice_slice slice{};
    const std::int32_t status = api().of_message(&whole.raw(), detail::plain(part), &slice);
    return status == COPPICE_OK ? checked(api().write_slice(self_, id_, &slice)) : checked(status);
  }
  /// Keeps the bytes that the running callback was given, or a part of them.
  kept_bytes keep(bytes what) const {
    const bool borrowed = at_hand_ != nullptr && within(*at_hand_, what);
    return kept_bytes(coppice_slice{what.data(), what.size(), borrowed ? at_hand_->owner : nullptr});
  }

  /// Reads no more until resume(); the peer has to wait once buffers are full.
  std::int32_t pause() const { return checked(api().pause(self_, id_)); }
  /// Reads again. The bytes that on_data left come again first.
  std::int32_t resume() const { return checked(api().resume(self_, id_)); }
  /// Ends this end's direction once everything is written.
  std::int32_t end() const { return checked(api().end(self_, id_)); }
  /// Closes once everything is written.
  std::int32_t close() const { return checked(api().close(self_, id_)); }
  /// Closes at once; the peer sees a reset.
  std::int32_t reset() const { return checked(api().reset(self_, id_)); }
  /// How bytes are cut into frames from the next one on.
  std::int32_t set_framing(coppice_framing how) const {
    how.size = sizeof how;
    return checked(api().set_framing(self_, id_, &how));
  }
  /// Starts TLS, as a client or as the server: see start_tls in draft/stream.h. on_secured follows.
  std::int32_t start_tls(const tls_options& how) const {
    const coppice_tls_options raw = how.plain();
    return checked(api().start_tls(self_, id_, &raw));
  }
  /// Gives the stream to another process of this node, a pid or a name: see hand_over in draft/stream.h.
  std::int32_t hand_over(const destination& to) const {
    return checked(api().hand_over(self_, id_, detail::plain(to.bytes())));
  }
  /// The state of the stream; an empty one once the stream is closed.
  connection_info info() const {
    coppice_stream_info raw{};
    raw.size = sizeof raw;
    return checked(api().info(self_, id_, &raw)) == COPPICE_OK ? detail::info_of(raw) : connection_info();
  }

 private:
  static const coppice_stream_api& api() { return detail::stream_api.need(); }
  static bool within(const coppice_slice& whole, bytes part) {
    const auto begin = reinterpret_cast<std::uintptr_t>(whole.data);
    const auto at = reinterpret_cast<std::uintptr_t>(part.data());
    return at >= begin && at + part.size() <= begin + whole.size;
  }
  std::int32_t checked(std::int32_t status) const { return detail::checked(status, "a stream"); }

  coppice_actor* self_;
  std::uint64_t id_;
  const coppice_slice* at_hand_ = nullptr;
};

/// Framings, for connect_to and set_framing.
inline coppice_framing lines(std::uint64_t max = 0) {
  coppice_framing how{};
  how.size = sizeof how;
  how.kind = COPPICE_FRAMING_LINE;
  how.max = max;
  return how;
}
/// Frames that begin with their length, in `number_size` bytes (1, 2, 4 or 8), most significant first. `max`:
/// the longest frame; 0: the default.
inline coppice_framing length_prefixed(std::uint32_t number_size = 4, std::uint64_t max = 0) {
  coppice_framing how{};
  how.size = sizeof how;
  how.kind = COPPICE_FRAMING_LENGTH;
  how.length_bytes = number_size;
  how.max = max;
  return how;
}
/// No frames: bytes come to on_data as they arrive.
inline coppice_framing unframed(std::uint64_t max = 0) {
  coppice_framing how{};
  how.size = sizeof how;
  how.max = max;
  return how;
}

/// How to connect; coppice_connect_options explains 0 and negative times.
struct connect_options {
  std::chrono::nanoseconds within{0};
  coppice_framing framing = unframed();
  std::uint64_t credit = 0, high = 0, low = 0;
  std::chrono::nanoseconds idle{0}, first_byte{0}, frame{0}, stall{0};
  bool half_close = false;
  std::optional<tls_options> tls{};
};

/// Returns the stream's number; on_connect or on_close follows. 0: `host` or an option is not valid. With
/// port 0 `host` is the path of a Unix-domain socket.
inline std::uint64_t connect_to(const actor& of, std::string_view host, std::uint16_t port,
                                const connect_options& how = {}) {
  const coppice_tls_options tls = how.tls ? how.tls->plain() : coppice_tls_options{};
  coppice_connect_options raw{};
  raw.size = sizeof raw;
  raw.flags = how.half_close ? COPPICE_CONNECT_HALF_CLOSE : 0;
  raw.host = detail::plain(host);
  raw.port = port;
  if (how.within.count() != 0) raw.deadline = of.now().count() + how.within.count();
  raw.framing = &how.framing;
  raw.credit = how.credit;
  raw.high = how.high;
  raw.low = how.low;
  raw.idle = how.idle.count();
  raw.first_byte = how.first_byte.count();
  raw.frame = how.frame.count();
  raw.stall = how.stall.count();
  if (how.tls) raw.tls = &tls;
  std::uint64_t id = 0;
  detail::checked(detail::stream_api.need().connect(of.handle(), &raw, &id), "connect_to");
  return id;
}

namespace detail {

template <class T>
concept has_stream_callbacks = requires {
  &T::on_connect;
}
|| requires {
  &T::on_frame;
}
|| requires {
  &T::on_data;
}
|| requires {
  &T::on_close;
};

/// See member_names in coppice/detail/checks.hpp.
struct stream_member_names {
  int on_connect, on_frame, on_data, on_eof, on_drained, on_secured, on_close;
};
template <class T>
struct stream_probed : T, stream_member_names {};

/// Whether a callback for streams is misspelt: a member with a usual slip of its name takes a connection.
template <class T>
constexpr bool has_stream_names() {
#define COPPICE_STREAM_SLIP_(slip, name)                                                             \
  if constexpr (requires { requires signature<decltype(&T::slip)>::count >= 1; }) {                  \
    if constexpr (std::is_same_v<parameter_of<&T::slip>, connection>)                                \
      static_assert(never<T>,                                                                        \
                    "this class has " #slip ", which nothing calls: the callback's name is " #name); \
  }
  COPPICE_STREAM_SLIP_(on_connected, on_connect)
  COPPICE_STREAM_SLIP_(on_accept, on_connect)
  COPPICE_STREAM_SLIP_(on_accepted, on_connect)
  COPPICE_STREAM_SLIP_(on_open, on_connect)
  COPPICE_STREAM_SLIP_(handle_connect, on_connect)
  COPPICE_STREAM_SLIP_(on_frames, on_frame)
  COPPICE_STREAM_SLIP_(on_message, on_frame)
  COPPICE_STREAM_SLIP_(handle_frame, on_frame)
  COPPICE_STREAM_SLIP_(on_read, on_data)
  COPPICE_STREAM_SLIP_(on_receive, on_data)
  COPPICE_STREAM_SLIP_(on_received, on_data)
  COPPICE_STREAM_SLIP_(on_bytes, on_data)
  COPPICE_STREAM_SLIP_(handle_data, on_data)
  COPPICE_STREAM_SLIP_(on_end, on_eof)
  COPPICE_STREAM_SLIP_(on_drain, on_drained)
  COPPICE_STREAM_SLIP_(on_writable, on_drained)
  COPPICE_STREAM_SLIP_(on_secure, on_secured)
  COPPICE_STREAM_SLIP_(on_closed, on_close)
  COPPICE_STREAM_SLIP_(on_disconnect, on_close)
  COPPICE_STREAM_SLIP_(on_disconnected, on_close)
  COPPICE_STREAM_SLIP_(handle_close, on_close)
#undef COPPICE_STREAM_SLIP_
  return true;
}

/// Whether each of T's callbacks for streams has the right parameters. Gives a sentence for the first
/// mistake.
template <class T>
constexpr bool is_stream_class() {
  using info = const connection_info&;
  static_assert(has_stream_names<T>());
#define COPPICE_STREAM_CALLBACK_(callback, declaration, ...)                                            \
  if constexpr (requires { &T::callback; }) {                                                           \
    if constexpr (!(__VA_ARGS__))                                                                       \
      static_assert(never<T>,                                                                           \
                    #callback " is declared otherwise than it is called: public, and void " declaration \
                              ", or coppice::outcome");                                                 \
  } else if constexpr (!std::is_final_v<T> && !requires { &stream_probed<T>::callback; }) {             \
    static_assert(never<T>, "nothing can call " #callback                                               \
                            " of this class: make it public, and one function that "                    \
                            "is neither overloaded nor a template nor static");                         \
  }
  COPPICE_STREAM_CALLBACK_(
      on_connect, "on_connect(coppice::connection), or with const coppice::connection_info&",
      requires(T & t, connection c) { t.on_connect(c); } ||
          requires(T & t, connection c, info i) { t.on_connect(c, i); })
  COPPICE_STREAM_CALLBACK_(
      on_frame, "on_frame(coppice::connection, coppice::bytes)",
      requires(T & t, connection c, bytes b) { t.on_frame(c, b); })
  COPPICE_STREAM_CALLBACK_(
      on_data, "on_data(coppice::connection, coppice::bytes), or std::size_t, how much was used",
      requires(T & t, connection c, bytes b) { t.on_data(c, b); })
  COPPICE_STREAM_CALLBACK_(
      on_eof, "on_eof(coppice::connection)", requires(T & t, connection c) { t.on_eof(c); })
  COPPICE_STREAM_CALLBACK_(
      on_drained, "on_drained(coppice::connection)", requires(T & t, connection c) { t.on_drained(c); })
  COPPICE_STREAM_CALLBACK_(
      on_secured, "on_secured(coppice::connection)", requires(T & t, connection c) { t.on_secured(c); })
  COPPICE_STREAM_CALLBACK_(
      on_close,
      "on_close(coppice::connection), or with coppice::close_reason, or with that and a std::string_view",
      requires(T & t, connection c) { t.on_close(c); } ||
          requires(T & t, connection c, close_reason r) { t.on_close(c, r); } ||
          requires(T & t, connection c, close_reason r, std::string_view s) { t.on_close(c, r, s); })
#undef COPPICE_STREAM_CALLBACK_
  return true;
}

template <class T>
struct stream_table {
  template <class Use>
  static std::int32_t with(coppice_actor* self, void* state, Use use) {
    return run<T>(self, state, [&](T& actor) { return status_of(self, [&] { return use(actor); }); });
  }

  static std::int32_t on_connect(coppice_actor* self, void* state, std::uint64_t id,
                                 const coppice_stream_info* raw) noexcept {
    return with(self, state, [&](T& actor) {
      const connection at(self, id);
      if constexpr (requires { actor.on_connect(at, std::declval<const connection_info&>()); }) {
        return actor.on_connect(at, info_of(*raw));
      } else {
        return actor.on_connect(at);
      }
    });
  }
  static std::int32_t on_secured(coppice_actor* self, void* state, std::uint64_t id,
                                 const coppice_stream_info*) noexcept {
    return with(self, state, [&](T& actor) { return actor.on_secured(connection(self, id)); });
  }
  static std::int32_t on_frame(coppice_actor* self, void* state, std::uint64_t id,
                               const coppice_slice* frame) noexcept {
    return with(self, state, [&](T& actor) {
      return actor.on_frame(connection(self, id, frame),
                            bytes(frame->data, static_cast<std::size_t>(frame->size)));
    });
  }
  static std::int32_t on_data(coppice_actor* self, void* state, std::uint64_t id, const coppice_slice* data,
                              std::uint64_t* out_used) noexcept {
    return with(self, state, [&](T& actor) {
      const connection from(self, id, data);
      const bytes all(data->data, static_cast<std::size_t>(data->size));
      if constexpr (std::is_convertible_v<decltype(actor.on_data(from, all)), std::size_t>) {
        *out_used = actor.on_data(from, all);
      } else {
        return actor.on_data(from, all);
      }
    });
  }
  static std::int32_t on_eof(coppice_actor* self, void* state, std::uint64_t id) noexcept {
    return with(self, state, [&](T& actor) { return actor.on_eof(connection(self, id)); });
  }
  static std::int32_t on_drained(coppice_actor* self, void* state, std::uint64_t id) noexcept {
    return with(self, state, [&](T& actor) { return actor.on_drained(connection(self, id)); });
  }
  static std::int32_t on_close(coppice_actor* self, void* state, std::uint64_t id, std::uint32_t how,
                               coppice_bytes why) noexcept {
    return with(self, state, [&](T& actor) {
      const connection of(self, id);
      const auto reason = static_cast<close_reason>(how);
      if constexpr (requires { actor.on_close(of, reason, std::string_view()); }) {
        return actor.on_close(of, reason, to_text(view(why)));
      } else if constexpr (requires { actor.on_close(of, reason); }) {
        return actor.on_close(of, reason);
      } else {
        return actor.on_close(of);
      }
    });
  }

  // Only callbacks that the class has; a null entry gives the host's default.
  static constexpr coppice_stream make_table() {
    coppice_stream table{};
    table.size = sizeof(coppice_stream);
    if constexpr (requires { &T::on_connect; }) table.on_connect = &on_connect;
    if constexpr (requires { &T::on_frame; }) table.on_frame = &on_frame;
    if constexpr (requires { &T::on_data; }) table.on_data = &on_data;
    if constexpr (requires { &T::on_eof; }) table.on_eof = &on_eof;
    if constexpr (requires { &T::on_drained; }) table.on_drained = &on_drained;
    if constexpr (requires { &T::on_secured; }) table.on_secured = &on_secured;
    if constexpr (requires { &T::on_close; }) table.on_close = &on_close;
    return table;
  }
  static constexpr coppice_stream callbacks = make_table();
};

template <has_stream_callbacks T>
struct stream_callbacks_of<T> {
  static_assert(is_stream_class<T>());
  static constexpr coppice_table table{COPPICE_STREAM_DRAFT_2, &stream_table<T>::callbacks};
};

} // namespace detail
} // namespace coppice
