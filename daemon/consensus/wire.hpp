// SPDX-License-Identifier: MIT
// Encodes messages between members, and the state that a member keeps on its disk, as terms of Erlang's
// external format without the leading 131. Ids are binaries of 16 bytes, members the binary of
// configuration::encode(), flags atoms:
//
//   {raft, Cluster, From, To, Term, Body}, where Body is one of
//
//     {vote_request, LastIndex, LastTerm, Pre, Transfer}
//     {vote_answer, Pre, Granted}
//     {append_request, Previous, PreviousTerm, Commit, [Entry]}
//     {append_answer, Accepted, Index, Hint, HintTerm}
//     {heartbeat, Commit, Round}
//     {heartbeat_answer, Round, Received, Stored, Oldest, Newest}
//     {read_request, Number}
//     {read_answer, Number, Index}
//     {snapshot_chunk, Snapshot, Offset, Bytes}
//     {snapshot_answer, Index, Digest, Offset, Accepted}
//     {elect_now}
//
//   Entry:     {Term, Kind, Client, Sequence, Body}
//   Snapshot:  {Index, Term, Size, Digest, Members, Version}, Members <<>>: none
//   HardState: {Term, VotedFor}
//
// There is no format number: a later format has other tags or other arities. Decoding checks shapes and
// bounds; the core checks whether a message makes sense. Time and memory are proportional to the number of
// bytes. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include "base/error.hpp"
#include "consensus/message.hpp"

namespace coppice::consensus {

// Writes and reads an id. read_id() is false if the term is no id, or the id is all zero.
void put_id(const identity& id, etf::writer& out);
bool read_id(etf::cursor& at, identity& id);

// At most largest_batch entries. The owner has filled in the bytes of a chunk.
void encode(const message& what, etf::writer& out);
void encode(const entry& what, etf::writer& out);
void encode(const snapshot_meta& what, etf::writer& out);
void encode(const hard_state& what, etf::writer& out);

// errc::invalid: malformed, or bytes follow the term; errc::limit: above a bound of types.hpp. The error's
// text names the part and the byte.
base::result<message> decode_message(base::bytes_span from);
base::result<entry> decode_entry(base::bytes_span from);
base::result<snapshot_meta> decode_snapshot_meta(base::bytes_span from);
base::result<hard_state> decode_hard_state(base::bytes_span from);

} // namespace coppice::consensus
