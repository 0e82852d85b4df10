/* SPDX-License-Identifier: MIT
 * "coppice.stream/draft-1" (DRAFT), callbacks, and "coppice.stream_host/draft-1": byte streams of an actor:
 * TCP connections and Unix-domain sockets, with TLS or without. Bytes cross this boundary, not terms. An
 * actor whose type has the table of callbacks owns the streams it opens by connect, and, made by a listener
 * (`tcp:` in the tree), the connection it was made for. A stream is a number, unique for its actor and never
 * used again: keep it, also over a reload, which the daemon's end of the stream goes through untouched.
 *
 * Flow. The host reads until `credit` bytes wait for the actor and then no more, so that a slow actor slows
 * its peer. What is written is copied or shared at once and goes out when the callback returns; once more
 * than `high` bytes wait for the kernel a write is COPPICE_E_FULL and nothing of it is taken, until
 * on_drained says that there is room.
 *
 * What a callback is lent (slices, the bytes of an info) is valid until it returns. */
#ifndef COPPICE_STREAM_H
#define COPPICE_STREAM_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPPICE_STREAM_HOST_DRAFT_1 "coppice.stream_host/draft-1"
#define COPPICE_STREAM_DRAFT_1 "coppice.stream/draft-1"

/* Bytes and who keeps them. Part of a slice is a slice: point data and size inside it and keep the owner.
 * Never grows. */
typedef struct coppice_slice {
  const uint8_t* data;
  uint64_t size;
  void* owner; /* the host's; NULL: plain bytes without an owner */
} coppice_slice;

/* Where a stream goes and how, as it is now. */
typedef struct coppice_stream_info {
  uint32_t size;
  uint32_t accepted;         /* 1: the actor was made for it by a listener */
  coppice_bytes peer;        /* "127.0.0.1:4711", "[::1]:80", a path, or empty */
  coppice_bytes local;       /* the same of this end */
  coppice_bytes tls;         /* "1.3", "1.2"; empty: none */
  coppice_bytes protocol;    /* chosen by ALPN; empty: none */
  coppice_bytes certificate; /* the peer's (DER), verified if this end verifies; empty: it has shown none */
  coppice_bytes subject;     /* of that, for people: "CN=client, O=Example" */
  uint64_t bytes_read;       /* since it was opened */
  uint64_t bytes_written;    /* taken by the kernel */
  uint64_t bytes_queued;     /* written and not taken yet */
} coppice_stream_info;
#define COPPICE_STREAM_INFO_LEAST COPPICE_SIZE_THROUGH(coppice_stream_info, bytes_queued)

/* Why a stream is no more. */
#define COPPICE_STREAM_NORMAL 0u /* this actor closed it */
#define COPPICE_STREAM_EOF 1u    /* the peer did */
#define COPPICE_STREAM_RESET 2u  /* the connection broke */
#define COPPICE_STREAM_IDLE                                                                                \
  3u                            /* a time for silence was over: idle, first_byte or frame; or it was quiet \
                                   while there were too many, and made room */
#define COPPICE_STREAM_SLOW 4u  /* the peer does not take what is written */
#define COPPICE_STREAM_FRAME 5u /* a frame beyond its bound, or one whose length cannot be */
#define COPPICE_STREAM_TLS 6u   /* the handshake failed */
#define COPPICE_STREAM_SHUTDOWN 7u /* the listener stops */
#define COPPICE_STREAM_REFUSED 8u  /* of connect: nobody is there */
#define COPPICE_STREAM_TIMEOUT 9u  /* of connect: not in time */
#define COPPICE_STREAM_PROXY 10u   /* no PROXY header came from a proxy, or none that can be */

/* An actor type's callbacks, in its table of this name. Each is [actor]; `stream` is the number. A status but
 * COPPICE_OK and COPPICE_UNHANDLED ends the actor, as everywhere, and all its streams with it: their peers
 * see a reset. A NULL entry does what is said here. */
typedef struct coppice_stream_callbacks {
  uint32_t size;
  uint32_t reserved;
  /* It is open: accepted, or what connect began; with TLS its handshake is over. NULL: nothing. */
  int32_t (*on_connect)(coppice_actor* self, void* state, uint64_t stream, const coppice_stream_info* info);
  /* A whole frame, with a framing other than none. NULL: the frame is dropped. */
  int32_t (*on_frame)(coppice_actor* self, void* state, uint64_t stream, const coppice_slice* frame);
  /* Without framing: what has come. *out_used is its size; set it to what was used: the rest comes again, in
   * front of what follows. NULL: dropped. */
  int32_t (*on_data)(coppice_actor* self, void* state, uint64_t stream, const coppice_slice* data,
                     uint64_t* out_used);
  /* The peer sends no more; with half_close only, and without it the stream is closed then. One of which both
   * ends have ended stays until it is closed. */
  int32_t (*on_eof)(coppice_actor* self, void* state, uint64_t stream);
  /* A write was refused for COPPICE_E_FULL, and now there is room. */
  int32_t (*on_drained)(coppice_actor* self, void* state, uint64_t stream);
  /* The handshake that start_tls began is over. */
  int32_t (*on_secured)(coppice_actor* self, void* state, uint64_t stream, const coppice_stream_info* info);
  /* The stream is no more; its last callback, once for each, also if on_connect never came. `how` is
   * COPPICE_STREAM_…, `why` a sentence for people, or empty. An actor made for this connection ends with
   * `normal` afterwards. */
  int32_t (*on_close)(coppice_actor* self, void* state, uint64_t stream, uint32_t how, coppice_bytes why);
} coppice_stream_callbacks;
#define COPPICE_STREAM_CALLBACKS_LEAST COPPICE_SIZE_THROUGH(coppice_stream_callbacks, on_close)

/* How bytes become frames. */
#define COPPICE_FRAMING_NONE 0u
#define COPPICE_FRAMING_LINE 1u      /* up to \n, which with a \r before it is no part of the frame */
#define COPPICE_FRAMING_FIXED 2u     /* of fixed_size bytes */
#define COPPICE_FRAMING_LENGTH 3u    /* a header, in it how much follows: that is the frame */
#define COPPICE_FRAMING_DELIMITER 4u /* up to `delimiter`, which is no part of it */

#define COPPICE_LENGTH_INCLUDES_HEADER 1u
#define COPPICE_LENGTH_LITTLE_ENDIAN 2u
#define COPPICE_LENGTH_WITH_HEADER 4u /* the frame begins with its header */

typedef struct coppice_framing {
  uint32_t size;
  uint32_t kind;           /* COPPICE_FRAMING_… */
  uint64_t max;            /* bytes of a frame, or of what on_data leaves; 0: 16 MiB */
  uint64_t fixed_size;     /* fixed */
  uint32_t length_flags;   /* length: COPPICE_LENGTH_… */
  uint32_t length_bytes;   /* length: 1, 2, 4 or 8; 0: 4 */
  uint32_t length_at;      /* length: where the number stands in the header */
  uint32_t length_header;  /* length: bytes of the header; 0: length_at + length_bytes */
  coppice_bytes delimiter; /* delimiter: 1 to 16 bytes */
} coppice_framing;
#define COPPICE_FRAMING_LEAST COPPICE_SIZE_THROUGH(coppice_framing, delimiter)

#define COPPICE_TLS_SERVER 1u     /* this end is the server: certificate and key are needed */
#define COPPICE_TLS_VERIFY 2u     /* a server asks clients for a certificate too */
#define COPPICE_TLS_UNVERIFIED 4u /* a client takes any certificate */
#define COPPICE_TLS_1_2 8u        /* version 1.2 is spoken, too */

/* TLS of one end. Paths are of PEM files, which are read once and again when they have changed. */
typedef struct coppice_tls_options {
  uint32_t size;
  uint32_t flags;            /* COPPICE_TLS_… */
  coppice_bytes host;        /* a client: whom the server's certificate is for; empty: whom it connects to */
  coppice_bytes authorities; /* who may have signed the peer's certificate; empty: the system's */
  coppice_bytes certificate; /* one's own, then its chain; empty: none */
  coppice_bytes key;
  coppice_bytes protocols; /* of ALPN, the preferred first, commas between them; empty: none */
} coppice_tls_options;
#define COPPICE_TLS_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_tls_options, protocols)

/* A flag of coppice_connect_options: when the peer ends its direction, the other one stays open. */
#define COPPICE_CONNECT_HALF_CLOSE 1u

/* Members that are 0 or empty have the value said here. Times are nanoseconds. */
typedef struct coppice_connect_options {
  uint32_t size;
  uint32_t flags;     /* COPPICE_CONNECT_… */
  coppice_bytes host; /* a name or an address, UTF-8; with port 0 the path of a Unix-domain socket */
  uint32_t port;
  uint32_t reserved;
  int64_t deadline;               /* monotonic, until on_connect; 0: 7 s from now */
  const coppice_framing* framing; /* NULL: none */
  uint64_t credit;                /* 64 KiB */
  uint64_t high;                  /* 1 MiB */
  uint64_t low;                   /* a quarter of high */
  int64_t idle;                   /* 0: no limit, as first_byte's */
  int64_t first_byte;
  int64_t frame;                  /* 30 s; negative: no limit, as stall's */
  int64_t stall;                  /* 30 s */
  const coppice_tls_options* tls; /* NULL: none */
} coppice_connect_options;
#define COPPICE_CONNECT_OPTIONS_LEAST COPPICE_SIZE_THROUGH(coppice_connect_options, tls)

typedef struct coppice_stream_api {
  uint32_t size;
  uint32_t reserved;
  /* [actor] Opens one: on_connect or on_close follow, never before this returns. COPPICE_E_INVALID: options
   * that cannot be right, or this actor's type has no coppice.stream. */
  int32_t (*connect)(coppice_actor* self, const coppice_connect_options* options, uint64_t* out_stream);
  /* [actor] Copies. COPPICE_E_FULL: nothing was taken. COPPICE_E_NOT_FOUND: there is no such stream, or it
   * is not open; so of all that follow. */
  int32_t (*write)(coppice_actor* self, uint64_t stream, coppice_bytes bytes);
  /* [actor] The same, and large slices are shared, not copied. */
  int32_t (*write_slice)(coppice_actor* self, uint64_t stream, const coppice_slice* slice);
  /* [actor] No on_frame and on_data until resume; what comes meanwhile waits, and beyond the credit with the
   * peer. What on_data left comes again after resume, also if there is no more. */
  int32_t (*pause)(coppice_actor* self, uint64_t stream);
  int32_t (*resume)(coppice_actor* self, uint64_t stream);
  /* [actor] This end sends no more once all is written; what comes is told on. */
  int32_t (*end)(coppice_actor* self, uint64_t stream);
  /* [actor] Closes once all is written, which a peer that takes nothing has 5 s for; nothing but on_close is
   * told any more. */
  int32_t (*close)(coppice_actor* self, uint64_t stream);
  /* [actor] Closes at once, so that the peer sees a reset. */
  int32_t (*reset)(coppice_actor* self, uint64_t stream);
  /* [actor] TLS from here on: what was written before leaves as it is, what is written from now on waits for
   * on_secured. What has come and is not used belongs to TLS already; in on_data that is what it leaves.
   * COPPICE_E_INVALID: it has TLS or is about to, it was ended, or the options cannot be right, as a client's
   * that is to verify a certificate and connected to no host; COPPICE_E_REFUSED: a file of theirs cannot be
   * used. */
  int32_t (*start_tls)(coppice_actor* self, uint64_t stream, const coppice_tls_options* options);
  /* [actor] From what is not cut yet on. */
  int32_t (*set_framing)(coppice_actor* self, uint64_t stream, const coppice_framing* framing);
  /* [actor] Set out->size before. */
  int32_t (*info)(coppice_actor* self, uint64_t stream, coppice_stream_info* out_borrowed);
  /* [any] One more owner of the same bytes; without an owner they are copied. */
  int32_t (*retain)(const coppice_slice* slice, coppice_slice* out_new);
  /* [any] Gives one up and clears it. */
  void (*release)(coppice_slice* slice_take);
  /* [any] `part` lies in the message, the bytes of a binary in it say: a slice of them, borrowed from whom
   * the message is. */
  int32_t (*of_message)(const coppice_message* message, coppice_bytes part, coppice_slice* out_borrowed);
  /* [actor] The stream becomes another's: of the process `to`, a pid or a name of this node, whose actor has
   * coppice.stream too, or of a worker of a pool. There it begins with on_connect, has this framing, and what
   * has come and was not used comes first; in on_data that is all of `data`, whatever out_used says. Here
   * nothing more is told of it, on_close neither; an actor made for this connection ends with `normal`.
   * COPPICE_E_INVALID: `to` can be no such process; COPPICE_E_REFUSED: the stream is about to be secured, or
   * has ended, and stays. A process that has ended, or takes no streams: it is closed. */
  int32_t (*hand_over)(coppice_actor* self, uint64_t stream, coppice_bytes to);
} coppice_stream_api;
#define COPPICE_STREAM_API_LEAST COPPICE_SIZE_THROUGH(coppice_stream_api, of_message)

#ifdef __cplusplus
}
#endif
#endif
