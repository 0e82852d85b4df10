/* SPDX-License-Identifier: MIT
 * "coppice.stream/draft-2" (DRAFT), callbacks, and "coppice.stream_host/draft-2": byte streams of an
 * actor: TCP connections and Unix-domain sockets, with or without TLS. They carry bytes, not terms. An
 * actor whose type has the table of callbacks owns the streams that it opens by connect. If a listener
 * (`tcp:` in the tree) made the actor, it also owns the connection that it was made for. A stream is a
 * number, unique for its actor and never used again. An actor may keep it, also over a reload, which does
 * not touch the connection.
 *
 * Flow control. The host reads until `credit` bytes wait for the actor and then stops, so a slow actor
 * slows its peer. Written bytes are copied or shared at once and sent when the callback returns. Once more
 * than `high` bytes wait for the kernel, a write returns COPPICE_E_FULL and takes nothing, until
 * on_drained says that there is room.
 *
 * Arguments of a callback (slices, the bytes of an info) are valid until it returns. */
#ifndef COPPICE_DRAFT_STREAM_H
#define COPPICE_DRAFT_STREAM_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STREAM_HOST_DRAFT_2 "coppice.stream_host/draft-2"
#define COPPICE_STREAM_DRAFT_2 "coppice.stream/draft-2"

/* Bytes and their owner. A part of a slice is a slice: point data and size inside it and keep the owner.
 * Never grows. */
typedef struct coppice_slice {
  const uint8_t* data;
  uint64_t size;
  void* owner; /* the host's; NULL: plain bytes without an owner */
} coppice_slice;

/* The addresses and the state of a stream. */
typedef struct coppice_stream_info {
  uint32_t size;
  uint32_t accepted;         /* 1: a listener made the actor for this stream */
  coppice_bytes peer;        /* "127.0.0.1:4711", "[::1]:80", a path, or empty */
  coppice_bytes local;       /* this end's address, in the same form */
  coppice_bytes tls;         /* "1.3", "1.2"; empty: none */
  coppice_bytes protocol;    /* chosen by ALPN; empty: none */
  coppice_bytes certificate; /* the peer's (DER), verified if this end verifies; empty: it sent none */
  coppice_bytes subject;     /* the certificate's subject: "CN=client, O=Example" */
  uint64_t bytes_read;       /* since the stream was opened */
  uint64_t bytes_written;    /* taken by the kernel */
  uint64_t bytes_queued;     /* written, not yet taken by the kernel */
} coppice_stream_info;
#define COPPICE_STREAM_INFO_LEAST COPPICE_SIZE_THROUGH(coppice_stream_info, bytes_queued)

/* Why a stream was closed. */
#define COPPICE_STREAM_NORMAL 0u /* this actor closed it */
#define COPPICE_STREAM_EOF 1u    /* the peer closed it */
#define COPPICE_STREAM_RESET 2u  /* the connection broke */
#define COPPICE_STREAM_IDLE \
  3u /* a limit passed: idle, first_byte or frame; or it was idle when a new connection needed its place */
#define COPPICE_STREAM_SLOW 4u     /* the peer does not take what is written */
#define COPPICE_STREAM_FRAME 5u    /* a frame was larger than its bound, or its length was not valid */
#define COPPICE_STREAM_TLS 6u      /* the handshake failed */
#define COPPICE_STREAM_SHUTDOWN 7u /* the listener stopped */
#define COPPICE_STREAM_REFUSED 8u  /* of connect: no process listens there */
#define COPPICE_STREAM_TIMEOUT 9u  /* of connect: the deadline passed */
#define COPPICE_STREAM_PROXY 10u   /* the proxy sent no PROXY header, or one that is not valid */

/* Callbacks of an actor type, in its table of this name. Each is [actor]; `stream` is the stream's number.
 * Any status but COPPICE_OK and COPPICE_UNHANDLED ends the actor and all its streams; their peers see a
 * reset. A NULL entry means the default stated beside it. */
typedef struct coppice_stream {
  uint32_t size;
  uint32_t reserved;
  /* The stream is open: accepted, or connected by connect; with TLS the handshake is over. NULL: nothing. */
  int32_t (*on_connect)(coppice_actor* self, void* state, uint64_t stream, const coppice_stream_info* info);
  /* A whole frame; only with a framing. NULL: the frame is dropped. */
  int32_t (*on_frame)(coppice_actor* self, void* state, uint64_t stream, const coppice_slice* frame);
  /* Bytes that have arrived; only without a framing. *out_used is data's size at first; set it to the number
   * of bytes used. The others come again, before the bytes that follow. NULL: dropped. */
  int32_t (*on_data)(coppice_actor* self, void* state, uint64_t stream, const coppice_slice* data,
                     uint64_t* out_used);
  /* The peer sends no more. Called only with half_close; without it the stream is closed instead. After both
   * ends have ended, the stream stays until it is closed. */
  int32_t (*on_eof)(coppice_actor* self, void* state, uint64_t stream);
  /* A write returned COPPICE_E_FULL earlier, and now there is room, or the connection is broken and writes
   * return COPPICE_E_NOT_FOUND. A stream that is broken and stays paused after this call is closed without
   * the input that has come. */
  int32_t (*on_drained)(coppice_actor* self, void* state, uint64_t stream);
  /* The handshake that start_tls began has succeeded. */
  int32_t (*on_secured)(coppice_actor* self, void* state, uint64_t stream, const coppice_stream_info* info);
  /* The stream is closed. The last callback of each stream, also of one for which on_connect never came.
   * `how` is COPPICE_STREAM_…, `why` a sentence for people or empty. An actor made for this connection then
   * ends with `normal`. */
  int32_t (*on_close)(coppice_actor* self, void* state, uint64_t stream, uint32_t how, coppice_bytes why);
} coppice_stream;
#define COPPICE_STREAM_LEAST COPPICE_SIZE_THROUGH(coppice_stream, on_close)

/* How bytes are cut into frames. */
#define COPPICE_FRAMING_NONE 0u
#define COPPICE_FRAMING_LINE 1u      /* up to \n, which is not part of the frame, nor is a \r before it */
#define COPPICE_FRAMING_FIXED 2u     /* of fixed_size bytes */
#define COPPICE_FRAMING_LENGTH 3u    /* a header with the frame's length, then the frame */
#define COPPICE_FRAMING_DELIMITER 4u /* up to `delimiter`, which is not part of the frame */

#define COPPICE_LENGTH_INCLUDES_HEADER 1u
#define COPPICE_LENGTH_LITTLE_ENDIAN 2u
#define COPPICE_LENGTH_WITH_HEADER 4u /* the frame begins with its header */

typedef struct coppice_framing {
  uint32_t size;
  uint32_t kind;           /* COPPICE_FRAMING_… */
  uint64_t max;            /* bytes of a frame, or of what on_data may leave unused; 0: 16 MiB */
  uint64_t fixed_size;     /* fixed */
  uint32_t length_flags;   /* length: COPPICE_LENGTH_… */
  uint32_t length_bytes;   /* length: 1, 2, 4 or 8; 0: 4 */
  uint32_t length_at;      /* length: offset of the number in the header */
  uint32_t length_header;  /* length: bytes of the header; 0: length_at + length_bytes */
  coppice_bytes delimiter; /* delimiter: 1 to 16 bytes */
} coppice_framing;
#define COPPICE_FRAMING_LEAST COPPICE_SIZE_THROUGH(coppice_framing, delimiter)

#define COPPICE_TLS_SERVER 1u     /* this end is the server: needs certificate and key */
#define COPPICE_TLS_VERIFY 2u     /* a server asks clients for a certificate too */
#define COPPICE_TLS_UNVERIFIED 4u /* a client accepts any certificate */
#define COPPICE_TLS_1_2 8u        /* also allows version 1.2 */

/* TLS of one end. Paths name PEM files, which are read again when they have changed. */
typedef struct coppice_tls_options {
  uint32_t size;
  uint32_t flags;            /* COPPICE_TLS_… */
  coppice_bytes host;        /* a client: name in the server's certificate; empty: the host it connects to */
  coppice_bytes authorities; /* CAs that may have signed the peer's certificate; empty: the system's */
  coppice_bytes certificate; /* this end's certificate, then its chain; empty: none */
  coppice_bytes key;
  coppice_bytes protocols; /* ALPN, preferred first, separated by commas; empty: none */
} coppice_tls_options;
#define COPPICE_TLS_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_tls_options, protocols)

/* A flag of coppice_connect_options: when the peer ends its direction, the other one stays open. */
#define COPPICE_CONNECT_HALF_CLOSE 1u

/* For a member that is 0 or empty the value beside it holds. Times are in nanoseconds. */
typedef struct coppice_connect_options {
  uint32_t size;
  uint32_t flags;     /* COPPICE_CONNECT_… */
  coppice_bytes host; /* a name or an address, UTF-8; with port 0: path of a Unix-domain socket */
  uint32_t port;
  uint32_t reserved;
  int64_t deadline;               /* monotonic, until on_connect; 0: 7 s from now */
  const coppice_framing* framing; /* NULL: none */
  uint64_t credit;                /* 64 KiB */
  uint64_t high;                  /* 1 MiB */
  uint64_t low;                   /* a quarter of high */
  int64_t idle;                   /* 0: no limit; as for first_byte */
  int64_t first_byte;
  int64_t frame;                  /* 30 s; negative: no limit; as for stall */
  int64_t stall;                  /* 30 s */
  const coppice_tls_options* tls; /* NULL: none */
} coppice_connect_options;
#define COPPICE_CONNECT_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_connect_options, tls)

typedef struct coppice_stream_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] Opens a stream. on_connect or on_close follows, never before this returns. COPPICE_E_INVALID: the
   * options are not valid, or this actor's type has no coppice.stream table. */
  int32_t (*connect)(coppice_actor* self, const coppice_connect_options* options, uint64_t* out_stream);
  /* [actor] Copies the bytes. COPPICE_E_FULL: nothing was taken. COPPICE_E_NOT_FOUND: there is no such
   * stream, or it is not open; this holds for all functions below. Nor does a stream take more that was ended
   * or whose connection is broken. */
  int32_t (*write)(coppice_actor* self, uint64_t stream, coppice_bytes bytes);
  /* [actor] As write; large slices are shared instead of copied. */
  int32_t (*write_slice)(coppice_actor* self, uint64_t stream, const coppice_slice* slice);
  /* [actor] Stops on_frame and on_data until resume. Bytes that arrive meanwhile wait, beyond the credit at
   * the peer. Bytes that on_data left unused come again after resume, also if no others have arrived. When
   * the connection breaks, what had come whole is kept for the actor; one that stays paused and takes nothing
   * for 30 s is told on_close without it. */
  int32_t (*pause)(coppice_actor* self, uint64_t stream);
  int32_t (*resume)(coppice_actor* self, uint64_t stream);
  /* [actor] Ends this end's direction once everything is written; bytes from the peer still arrive. */
  int32_t (*end)(coppice_actor* self, uint64_t stream);
  /* [actor] Closes once everything is written; a peer that takes nothing has 5 s. Only on_close is called
   * afterwards. */
  int32_t (*close)(coppice_actor* self, uint64_t stream);
  /* [actor] Closes at once; the peer sees a reset. */
  int32_t (*reset)(coppice_actor* self, uint64_t stream);
  /* [actor] Starts TLS. Bytes written before leave unencrypted; bytes written from now on wait for
   * on_secured. Bytes that have arrived and are unused belong to TLS; in on_data, these are the bytes that it
   * leaves. COPPICE_E_INVALID: the stream has TLS or is starting it, end was called, or the options are not
   * valid, such as a client that must verify a certificate but connected to no host name. COPPICE_E_REFUSED:
   * a file of the options cannot be used. */
  int32_t (*start_tls)(coppice_actor* self, uint64_t stream, const coppice_tls_options* options);
  /* [actor] Applies to all bytes that are not yet cut into frames. */
  int32_t (*set_framing)(coppice_actor* self, uint64_t stream, const coppice_framing* framing);
  /* [actor] The caller sets out_borrowed->size first. */
  int32_t (*info)(coppice_actor* self, uint64_t stream, coppice_stream_info* out_borrowed);
  /* [any] Adds an owner of the same bytes. A slice without an owner is copied. */
  int32_t (*retain)(const coppice_slice* slice, coppice_slice* out_new);
  /* [any] Gives up one ownership and clears the slice. */
  void (*release)(coppice_slice* slice_take);
  /* [any] Makes a slice of `part`, which is inside the message, for example the bytes of a binary. It is
   * valid as long as the message. */
  int32_t (*of_message)(const coppice_message* message, coppice_bytes part, coppice_slice* out_borrowed);
  /* [actor] Gives the stream to the process `to`: a pid or name on this node whose actor has coppice.stream
   * too, or a worker of a pool. There it starts with on_connect, gets this framing, and bytes that have
   * arrived and are unused come first; in on_data that is all of `data`, whatever *out_used is. No more
   * callbacks for it run here, not even on_close; an actor made for this connection ends with `normal`.
   * COPPICE_E_INVALID: `to` cannot be such a process. COPPICE_E_REFUSED: the stream is starting TLS, or has
   * ended; it stays here. If the process has ended or takes no streams, the stream is closed. */
  int32_t (*hand_over)(coppice_actor* self, uint64_t stream, coppice_bytes to);
} coppice_stream_api;
#define COPPICE_STREAM_API_LEAST COPPICE_SIZE_THROUGH(coppice_stream_api, of_message)

#ifdef __cplusplus
}
#endif
#endif
