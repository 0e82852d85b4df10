// SPDX-License-Identifier: MIT
// Terms of messages, entries, snapshots and hard states. A reader stops at the first wrong part and keeps the
// position; values that it returns afterwards are ignored. Before anything is copied, its size is compared
// with the bytes that are left and with its bound.
#include "consensus/wire.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>

namespace coppice::consensus {

using base::errc;

namespace {

constexpr std::size_t id_size = 16;
// Fewest bytes of an entry: the heads of its tuple and of five parts.
constexpr std::size_t smallest_entry = 2 + 2 + 3 + 2 + 2 + 5;

struct kind_name {
  entry_kind kind;
  std::string_view name;
};
constexpr kind_name kind_names[] = {{entry_kind::command, "command"},
                                    {entry_kind::no_op, "no_op"},
                                    {entry_kind::configuration, "configuration"},
                                    {entry_kind::session, "session"},
                                    {entry_kind::version, "version"},
                                    {entry_kind::skip, "skip"}};

void put_part(std::uint64_t value, etf::writer& out) {
  out.unsigned_integer(value);
}
void put_part(std::uint32_t value, etf::writer& out) {
  out.unsigned_integer(value);
}
void put_part(bool value, etf::writer& out) {
  out.boolean(value);
}

template <class... Parts>
void put(std::string_view tag, etf::writer& out, Parts... parts) {
  out.tuple(1 + sizeof...(parts));
  out.atom(tag);
  (put_part(parts, out), ...);
}

struct body_encoder {
  etf::writer& out;

  void operator()(const vote_request& of) const {
    put("vote_request", out, of.last_index, of.last_term, of.pre, of.transfer);
  }
  void operator()(const vote_answer& of) const { put("vote_answer", out, of.pre, of.granted); }
  void operator()(const append_request& of) const {
    out.tuple(5);
    out.atom("append_request");
    out.unsigned_integer(of.previous);
    out.unsigned_integer(of.previous_term);
    out.unsigned_integer(of.commit);
    out.list(static_cast<std::uint32_t>(of.entries.size()));
    for (const entry& one : of.entries) encode(one, out);
    out.nil();
  }
  void operator()(const append_answer& of) const {
    put("append_answer", out, of.accepted, of.index, of.hint, of.hint_term);
  }
  void operator()(const heartbeat& of) const { put("heartbeat", out, of.commit, of.round); }
  void operator()(const heartbeat_answer& of) const {
    put("heartbeat_answer", out, of.round, of.received, of.stored, of.versions.oldest, of.versions.newest);
  }
  void operator()(const read_request& of) const { put("read_request", out, of.number); }
  void operator()(const read_answer& of) const { put("read_answer", out, of.number, of.index); }
  void operator()(const snapshot_chunk& of) const {
    out.tuple(4);
    out.atom("snapshot_chunk");
    encode(of.of, out);
    out.unsigned_integer(of.offset);
    out.binary(of.bytes.bytes());
  }
  void operator()(const snapshot_answer& of) const {
    put("snapshot_answer", out, of.index, of.digest, of.offset, of.accepted);
  }
  void operator()(const elect_now&) const {
    out.tuple(1);
    out.atom("elect_now");
  }
};

class reader {
 public:
  explicit reader(base::bytes_span from) : at_(from) {}

  bool failed() const { return !wrong_.text.empty(); }
  // Keeps the first failure.
  void fail(std::string_view what, errc code = errc::invalid) {
    if (failed()) return;
    wrong_.code = code;
    wrong_.text = std::string(what) + " at byte " + std::to_string(at_.offset());
  }

  void tuple(std::uint32_t arity, std::string_view what) {
    if (!failed() && !at_.read_tuple_of(arity))
      fail(std::string(what) + ": a tuple of " + std::to_string(arity) + " expected");
  }
  std::uint32_t any_tuple(std::string_view what) {
    std::uint32_t arity = 0;
    if (!failed() && !at_.read_tuple(arity)) fail(std::string(what) + ": a tuple expected");
    return arity;
  }
  std::uint64_t number(std::string_view name, std::uint64_t most = UINT64_MAX) {
    std::uint64_t value = 0;
    if (failed()) return 0;
    const etf::cursor before = at_;
    if (!at_.read_unsigned(value) || value > most) {
      at_ = before;
      fail(std::string(name) + ": an integer from 0 to " + std::to_string(most) + " expected");
    }
    return value;
  }
  bool flag(std::string_view name) {
    bool value = false;
    if (!failed() && !at_.read_bool(value)) fail(std::string(name) + ": true or false expected");
    return value;
  }
  std::string_view atom(std::string_view name) {
    std::string_view value;
    if (!failed() && !at_.read_atom(value)) fail(std::string(name) + ": an atom expected");
    return value;
  }
  base::bytes_span binary(std::string_view name, std::size_t most) {
    etf::bytes value;
    if (failed()) return {};
    const etf::cursor before = at_;
    if (!at_.read_binary(value)) {
      fail(std::string(name) + ": a binary expected");
    } else if (value.size() > most) {
      at_ = before;
      fail(std::string(name) + ": " + std::to_string(value.size()) + " bytes are more than " +
               std::to_string(most),
           errc::limit);
    }
    return failed() ? base::bytes_span{} : value;
  }
  identity id(std::string_view name) {
    const base::bytes_span bytes = binary(name, id_size);
    if (!failed() && bytes.size() != id_size) fail(std::string(name) + ": a binary of 16 bytes expected");
    if (failed()) return {};
    return {base::load_be64(bytes.data()), base::load_be64(bytes.data() + 8)};
  }
  // The head of a list whose elements take at least `smallest` bytes each.
  std::uint32_t list(std::string_view name, std::uint32_t most, std::size_t smallest) {
    std::uint32_t length = 0;
    if (failed()) return 0;
    const etf::cursor before = at_;
    if (!at_.read_list(length) || length > at_.rest().size() / smallest) {
      at_ = before;
      fail(std::string(name) + ": a list expected");
    } else if (length > most) {
      at_ = before;
      fail(std::string(name) + ": " + std::to_string(length) + " are more than " + std::to_string(most),
           errc::limit);
    }
    return failed() ? 0 : length;
  }
  void end_of_list(std::string_view name) {
    if (!failed() && !at_.read_nil()) fail(std::string(name) + ": the list's end expected");
  }
  void end() {
    if (!failed() && !at_.at_end()) fail("more bytes follow");
  }
  base::error error(std::string_view what) && { return std::move(wrong_).context(what); }

 private:
  etf::cursor at_;
  base::error wrong_;
};

entry read_entry(reader& from) {
  entry made;
  from.tuple(5, "an entry");
  made.term = from.number("an entry's term");
  const std::string_view kind = from.atom("an entry's kind");
  const auto* const known = std::find_if(std::begin(kind_names), std::end(kind_names),
                                         [&](const kind_name& one) { return one.name == kind; });
  if (known == std::end(kind_names))
    from.fail("an entry of a kind that is not known");
  else
    made.kind = known->kind;
  made.client = from.number("an entry's client");
  made.sequence = from.number("an entry's sequence number");
  made.body = payload(from.binary("an entry's body", largest_entry));
  return made;
}

machine_version read_version(reader& from, std::string_view name) {
  return static_cast<machine_version>(from.number(name, UINT32_MAX));
}

snapshot_meta read_snapshot(reader& from) {
  snapshot_meta made;
  from.tuple(6, "a snapshot");
  made.index = from.number("a snapshot's index");
  made.term = from.number("a snapshot's term");
  made.size = from.number("a snapshot's size");
  made.digest = from.number("a snapshot's digest");
  const base::bytes_span members = from.binary("a snapshot's members", configuration::max_encoded);
  if (!members.empty() && !made.members.decode(members)) from.fail("a snapshot's members make no sense");
  made.version = read_version(from, "a snapshot's version");
  return made;
}

append_request read_append_request(reader& from) {
  append_request made;
  made.previous = from.number("previous");
  made.previous_term = from.number("previous_term");
  made.commit = from.number("commit");
  const std::uint32_t count = from.list("entries", largest_batch, smallest_entry);
  made.entries.reserve(count);
  for (std::uint32_t i = 0; i < count && !from.failed(); ++i) made.entries.push_back(read_entry(from));
  if (count > 0) from.end_of_list("entries");
  return made;
}

// The order is right: the parts of a braced list are evaluated from left to right.
template <class Body>
Body read_body(reader& from);
template <>
vote_request read_body(reader& from) {
  return {from.number("last_index"), from.number("last_term"), from.flag("pre"), from.flag("transfer")};
}
template <>
vote_answer read_body(reader& from) {
  return {from.flag("pre"), from.flag("granted")};
}
template <>
append_request read_body(reader& from) {
  return read_append_request(from);
}
template <>
append_answer read_body(reader& from) {
  return {from.flag("accepted"), from.number("index"), from.number("hint"), from.number("hint_term")};
}
template <>
heartbeat read_body(reader& from) {
  return {from.number("commit"), from.number("round")};
}
template <>
heartbeat_answer read_body(reader& from) {
  return {from.number("round"),
          from.number("received"),
          from.number("stored"),
          {read_version(from, "oldest"), read_version(from, "newest")}};
}
template <>
read_request read_body(reader& from) {
  return {from.number("number")};
}
template <>
read_answer read_body(reader& from) {
  return {from.number("number"), from.number("index")};
}
template <>
snapshot_chunk read_body(reader& from) {
  snapshot_chunk made;
  made.of = read_snapshot(from);
  made.offset = from.number("offset");
  made.bytes = payload(from.binary("bytes", largest_chunk));
  made.length = static_cast<std::uint32_t>(made.bytes.size());
  return made;
}
template <>
snapshot_answer read_body(reader& from) {
  return {from.number("index"), from.number("digest"), from.number("offset"), from.flag("accepted")};
}
template <>
elect_now read_body(reader&) {
  return {};
}

struct body_reader {
  std::string_view tag;
  std::uint32_t arity;
  message_body (*read)(reader& from);
};
template <class Body>
constexpr body_reader reads(std::string_view tag, std::uint32_t arity) {
  return {tag, arity, [](reader& from) -> message_body { return read_body<Body>(from); }};
}
constexpr body_reader body_readers[] = {reads<vote_request>("vote_request", 5),
                                        reads<vote_answer>("vote_answer", 3),
                                        reads<append_request>("append_request", 5),
                                        reads<append_answer>("append_answer", 5),
                                        reads<heartbeat>("heartbeat", 3),
                                        reads<heartbeat_answer>("heartbeat_answer", 6),
                                        reads<read_request>("read_request", 2),
                                        reads<read_answer>("read_answer", 3),
                                        reads<snapshot_chunk>("snapshot_chunk", 4),
                                        reads<snapshot_answer>("snapshot_answer", 5),
                                        reads<elect_now>("elect_now", 1)};
static_assert(std::size(body_readers) == std::variant_size_v<message_body>);

message read_message(reader& from) {
  message made;
  from.tuple(6, "a message");
  if (from.atom("the message's tag") != "raft") from.fail("the atom raft expected");
  made.cluster = from.id("the cluster");
  made.from = from.id("the sender");
  made.to = from.id("the receiver");
  made.term = from.number("the term");
  const std::uint32_t arity = from.any_tuple("the message's body");
  const std::string_view tag = from.atom("the body's tag");
  const auto* const known = std::find_if(std::begin(body_readers), std::end(body_readers),
                                         [&](const body_reader& one) { return one.tag == tag; });
  if (known == std::end(body_readers))
    from.fail("a body of a kind that is not known");
  else if (arity != known->arity)
    from.fail(std::string(tag) + ": a tuple of " + std::to_string(known->arity) + " expected");
  else if (!from.failed())
    made.body = known->read(from);
  return made;
}

template <class Value>
base::result<Value> decode(base::bytes_span bytes, Value (*read)(reader&), std::string_view what) {
  reader from(bytes);
  Value made = read(from);
  from.end();
  if (from.failed()) return unexpected<base::error>(std::move(from).error(what));
  return made;
}

} // namespace

void put_id(const identity& id, etf::writer& out) {
  std::uint8_t bytes[id_size];
  base::store_be64(bytes, id.high);
  base::store_be64(bytes + 8, id.low);
  out.binary(etf::bytes(bytes));
}

bool read_id(etf::cursor& at, identity& id) {
  etf::bytes bytes;
  if (!at.read_binary(bytes) || bytes.size() != id_size) return false;
  id = {base::load_be64(bytes.data()), base::load_be64(bytes.data() + 8)};
  return bool{id};
}

void encode(const message& what, etf::writer& out) {
  out.tuple(6);
  out.atom("raft");
  put_id(what.cluster, out);
  put_id(what.from, out);
  put_id(what.to, out);
  out.unsigned_integer(what.term);
  std::visit(body_encoder{out}, what.body);
}

void encode(const entry& what, etf::writer& out) {
  out.tuple(5);
  out.unsigned_integer(what.term);
  out.atom(kind_names[static_cast<std::size_t>(what.kind)].name);
  out.unsigned_integer(what.client);
  out.unsigned_integer(what.sequence);
  out.binary(what.body.bytes());
}

void encode(const snapshot_meta& what, etf::writer& out) {
  out.tuple(6);
  out.unsigned_integer(what.index);
  out.unsigned_integer(what.term);
  out.unsigned_integer(what.size);
  out.unsigned_integer(what.digest);
  out.binary(what.members.members().empty() ? etf::bytes{} : what.members.encode().bytes());
  out.unsigned_integer(what.version);
}

void encode(const hard_state& what, etf::writer& out) {
  out.tuple(2);
  out.unsigned_integer(what.term);
  put_id(what.voted_for, out);
}

base::result<message> decode_message(base::bytes_span from) {
  return decode(from, read_message, "a raft message");
}

base::result<entry> decode_entry(base::bytes_span from) {
  return decode(from, read_entry, "a raft log entry");
}

base::result<snapshot_meta> decode_snapshot_meta(base::bytes_span from) {
  return decode(from, read_snapshot, "a raft snapshot");
}

base::result<hard_state> decode_hard_state(base::bytes_span from) {
  return decode<hard_state>(
      from,
      [](reader& of) -> hard_state {
        of.tuple(2, "a hard state");
        return {of.number("the term"), of.id("voted_for")};
      },
      "a raft hard state");
}

} // namespace coppice::consensus
