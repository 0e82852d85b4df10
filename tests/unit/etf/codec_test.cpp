// SPDX-License-Identifier: MIT
// C++ values and the terms that represent them: the encoding of each type, and the errors for terms that do
// not match.
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/codec.hpp>
#include <coppice/etf/seeded_map.hpp>
#include <coppice/etf/text.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

namespace shop {

struct put {
  std::string key;
  std::int64_t value;
  bool operator==(const put&) const = default;
};
struct get {
  std::string key;
  bool operator==(const get&) const = default;
};
struct point {
  static constexpr auto etf_form = etf::form::tuple;
  double x, y;
  bool operator==(const point&) const = default;
};
struct options {
  static constexpr auto etf_form = etf::form::map;
  std::optional<int> timeout;
  std::string name;
  bool operator==(const options&) const = default;
};
struct json {
  static constexpr auto etf_form = etf::form::text_map;
  int id;
  std::optional<std::string> note;
  bool operator==(const json&) const = default;
};
struct start {
  static constexpr auto etf_form = etf::form::proplist;
  bool link;
  std::optional<std::uint16_t> port;
  bool operator==(const start&) const = default;
};
struct gen_call {
  static constexpr std::string_view etf_tag = "$gen_call";
  std::pair<etf::pid, etf::reference> from;
  std::tuple<etf::atom, int> request;
  bool operator==(const gen_call&) const = default;
};
struct named {
  static constexpr std::array<std::string_view, 1> etf_names = {"$ancestors"};
  static constexpr auto etf_form = etf::form::map;
  int ancestors;
  bool operator==(const named&) const = default;
};
struct folder;
struct album;
using item = std::variant<folder, album>;
struct folder {
  static constexpr auto etf_form = etf::form::map;
  std::string name;
  std::vector<item> items;
};
struct album {
  static constexpr auto etf_form = etf::form::map;
  std::string name;
  std::vector<item> items;
  int year;
};
struct tree {
  std::string label;
  std::vector<tree> kids;
  bool operator==(const tree&) const = default;
};
struct chain {
  int value;
  std::unique_ptr<chain> next;
};
enum class colour { red, green = 5, blue };
struct foreign {
  int a;
  bool operator==(const foreign&) const = default;
};
struct celsius {
  double degrees;
  bool operator==(const celsius&) const = default;
};
struct outer {
  std::vector<put> items;
  std::variant<put, get, int> either;
  bool operator==(const outer&) const = default;
};

} // namespace shop

template <>
struct etf::shape<shop::foreign> {
  static constexpr etf::form how = etf::form::record;
  static constexpr std::string_view tag = "elsewhere";
  template <std::size_t>
  static constexpr std::string_view name() {
    return "count";
  }
};

template <>
struct etf::codec<shop::celsius> {
  static constexpr std::string_view expected = "a temperature";
  static void encode(etf::writer& out, const shop::celsius& value) {
    out.tuple(2);
    out.atom("celsius");
    out.floating(value.degrees);
  }
  static bool decode(etf::cursor& in, shop::celsius& value, etf::mismatch& why) {
    if (!in.read_tuple_of(2) || !in.read_atom_is("celsius")) return why.wanted(in, expected);
    return etf::read(in, value.degrees, why) || why.in_field("degrees");
  }
};

namespace {

// As etf::encode(), into room that is known to be enough.
template <class T>
buffer encoded_at_once(const T& value) {
  buffer room(etf::most_bytes(value) + 1, 0xEE);
  const std::uint8_t* const end = etf::write_bounded(room.data(), value);
  if (end == nullptr) return {};
  CHECK(room.back() == 0xEE); // no byte is written after the end
  room.resize(static_cast<std::size_t>(end - room.data()));
  return room;
}

template <class T>
void is_spelled(const T& value, std::string_view text) {
  const auto expected = etf::parse(text);
  REQUIRE_MESSAGE(expected, expected.error().text());
  const buffer encoded = etf::encode(value);
  CHECK(etf::print(encoded) == etf::print(*expected));
  CHECK(samples::to_hex(encoded) == samples::to_hex(*expected));
  CHECK(etf::is_canonical(encoded));
  if constexpr (etf::is_bounded<T>) CHECK(encoded_at_once(value) == encoded);
  const auto back = etf::decode<T>(encoded);
  REQUIRE_MESSAGE(back, back.error().text());
  CHECK((*back == value));
  T again{};
  CHECK(etf::decode_into(encoded, again));
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    const buffer prefix(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size));
    const auto refused = etf::decode<T>(prefix);
    CHECK_FALSE(refused);
  }
}

template <class T>
std::string refusal(std::string_view text) {
  const auto bytes = etf::parse(text);
  REQUIRE_MESSAGE(bytes, bytes.error().text());
  const auto value = etf::decode<T>(*bytes);
  return value ? "taken" : value.error().text();
}

} // namespace

namespace {
enum class hidden { first, second = 7 }; // compilers spell the name of an unnamed namespace in their own ways
} // namespace

TEST_CASE("an enumerator has its name in an unnamed namespace, too") {
  is_spelled(hidden::second, "second");
  CHECK(etf::encode(static_cast<hidden>(3)).empty());
}

TEST_CASE("scalars, texts and containers are spelled as Erlang has them") {
  using namespace std::string_literals;
  is_spelled(true, "true");
  is_spelled(255, "255");
  is_spelled(std::int8_t{-1}, "-1");
  is_spelled(UINT64_MAX, "18446744073709551615");
  is_spelled(INT64_MIN, "-9223372036854775808");
  is_spelled(1.5, "1.5");
  is_spelled("text"s, "<<\"text\">>");
  is_spelled(etf::charlist{"text"}, "\"text\"");
  is_spelled(etf::atom{"an atom"}, "'an atom'");
  is_spelled(etf::constant<"ok">{}, "ok");
  is_spelled(shop::colour::green, "green");
  is_spelled(std::vector<std::uint8_t>{1, 2}, "<<1,2>>");
  is_spelled(std::vector<int>{1, 2}, "[1,2]");
  is_spelled(std::vector<int>{1, 256}, "[1,256]");
  is_spelled(std::vector<int>{}, "[]");
  is_spelled(std::vector<std::vector<double>>{{1}, {}}, "[[1.0],[]]");
  is_spelled(std::deque<std::string>{"a"}, "[<<\"a\">>]");
  is_spelled(std::set<int>{300, 5}, "[5,300]");
  is_spelled(std::array<int, 3>{1, 2, 3}, "[1,2,3]");
  is_spelled(std::array<int, 2>{1, 300}, "[1,300]");
  is_spelled(std::map<std::string, int>{{"a", 1}, {"b", 2}}, "#{<<\"a\">> => 1,<<\"b\">> => 2}");
  is_spelled(std::unordered_map<int, bool>{{7, true}}, "#{7 => true}");
  is_spelled(etf::flat_map<int, int>{{{2, 1}, {1, 1}}}, "#{2 => 1,1 => 1}");
  is_spelled(std::pair{1, 2.0}, "{1,2.0}");
  is_spelled(std::tuple{1, "x"s, true}, "{1,<<\"x\">>,true}");
  is_spelled(std::optional<int>{}, "undefined");
  is_spelled(std::optional<int>{4}, "4");
  is_spelled(std::variant<int, std::string>{"s"}, "<<\"s\">>");
}

TEST_CASE("long integers in a list are whole whatever their size") {
  std::vector<std::int64_t> all;
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::int64_t delta : {-1, 0, 1}) {
      all.push_back(
          static_cast<std::int64_t>((std::uint64_t{1} << shift) + static_cast<std::uint64_t>(delta)));
      all.push_back(
          static_cast<std::int64_t>(0 - ((std::uint64_t{1} << shift) + static_cast<std::uint64_t>(delta))));
    }
  }
  for (int i = 0; i < 5000; ++i) all.push_back(i);
  const auto back = etf::decode<std::vector<std::int64_t>>(etf::encode(all));
  REQUIRE_MESSAGE(back, back.error().text());
  CHECK(*back == all);
  CHECK(etf::is_canonical(etf::encode(all)));
}

TEST_CASE("aggregates take the form they ask for") {
  is_spelled(shop::put{"k", 1}, "{put,<<\"k\">>,1}");
  is_spelled(shop::point{1, 2}, "{1.0,2.0}");
  is_spelled(shop::options{5, "n"}, "#{timeout => 5,name => <<\"n\">>}");
  is_spelled(shop::options{{}, "n"}, "#{name => <<\"n\">>}");
  is_spelled(shop::json{1, "x"}, "#{<<\"id\">> => 1,<<\"note\">> => <<\"x\">>}");
  is_spelled(shop::start{true, 80}, "[{link,true},{port,80}]");
  is_spelled(shop::start{false, {}}, "[{link,false}]");
  is_spelled(shop::named{3}, "#{'$ancestors' => 3}");
  is_spelled(shop::tree{"a", {{"b", {}}, {"c", {}}}},
             "{tree,<<\"a\">>,[{tree,<<\"b\">>,[]},{tree,<<\"c\">>,[]}]}");
  is_spelled(shop::foreign{4}, "{elsewhere,4}");
  is_spelled(shop::celsius{20}, "{celsius,20.0}");
  is_spelled(std::vector<shop::celsius>{{1}, {2}}, "[{celsius,1.0},{celsius,2.0}]");
  is_spelled(shop::outer{{{"a", 1}}, shop::get{"k"}}, "{outer,[{put,<<\"a\">>,1}],{get,<<\"k\">>}}");
  const etf::pid pid{"a@b", 1, 2, 3};
  const etf::reference reference{std::string_view("a@b"), 3, 3, {1, 2, 3}};
  is_spelled(shop::gen_call{{pid, reference}, {etf::atom{"get"}, 42}},
             "{'$gen_call',{#Pid<a@b.3.1.2>,#Ref<a@b.3.1.2.3>},{get,42}}");
}

TEST_CASE("a list of our own keeps its links by pointer") {
  shop::chain first{1, std::make_unique<shop::chain>(shop::chain{2, nullptr})};
  const buffer encoded = etf::encode(first);
  CHECK(etf::print(encoded) == "{chain,1,{chain,2,undefined}}");
  const auto back = etf::decode<shop::chain>(encoded);
  REQUIRE(back);
  CHECK(back->next->value == 2);
}

TEST_CASE("reading is generous where Erlang people are") {
  CHECK(etf::decode<std::string>(etf::parse("\"list\"").value()).value() == "list");
  CHECK(etf::decode<double>(etf::parse("1").value()).value() == 1.0);
  CHECK(etf::decode<std::vector<int>>(etf::parse("\"ab\"").value()).value() == std::vector<int>{97, 98});
  CHECK(etf::decode<shop::start>(etf::parse("[link,{other,x},7,{port,80},{port,81}]").value()).value() ==
        shop::start{true, 80});
  CHECK(etf::decode<shop::options>(etf::parse("#{name => \"n\",extra => 1,\"x\" => y}").value()).value() ==
        shop::options{{}, "n"});
}

TEST_CASE("views borrow from the bytes") {
  const buffer encoded = etf::encode(std::string("borrowed"));
  const auto view = etf::decode<std::string_view>(encoded);
  REQUIRE(view);
  CHECK(static_cast<const void*>(view->data()) == encoded.data() + 5);
  const auto raw = etf::decode<std::pair<int, etf::any_term>>(etf::parse("{1,[a]}").value());
  CHECK(raw);
}

TEST_CASE("a mismatch names the path, what was expected and what was met") {
  CHECK(refusal<shop::put>("{put,<<\"k\">>,<<\"v\">>}") == "put.value: expected integer, got binary");
  CHECK(refusal<shop::put>("{get,<<\"k\">>}") == "put: expected {put, …} of 3, got {get, …} of 2");
  CHECK(refusal<shop::put>("[]") == "put: expected {put, …} of 3, got []");
  CHECK(refusal<shop::outer>("{outer,[{put,<<\"a\">>,1},{put,b,2}],1}") ==
        "outer.items[1].key: expected text, got atom b");
  CHECK(refusal<shop::outer>("{outer,[],{put,<<\"a\">>,x}}") ==
        "outer.either.put.value: expected integer, got atom x");
  CHECK(refusal<shop::outer>("{outer,[],y}") ==
        "outer.either: expected {put, …} of 3 or {get, …} of 2 or integer, got atom y");
  CHECK(refusal<shop::options>("#{}") == "options.name: expected text, got nothing");
  CHECK(refusal<std::vector<std::uint8_t>>("\"x\"") == "expected binary, got list");
  CHECK(refusal<std::int8_t>("200") == "expected integer from -128 to 127, got integer 200");
  CHECK(refusal<std::vector<std::int8_t>>("[1,2,200]") != "taken");
  CHECK(refusal<shop::colour>("pink") == "expected red or green or blue, got atom pink");
  CHECK(refusal<shop::celsius>("{celsius,hot}") == "degrees: expected float, got atom hot");
  CHECK(refusal<std::vector<int>>("[300|x]") == "expected end of a proper list, got atom x");
  CHECK(refusal<std::map<int, int>>("#{a => 1}") == "key: expected integer, got atom a");
  CHECK(refusal<std::pair<int, int>>("{1,2,3}") == "expected tuple of 2, got tuple of 3");
  CHECK(refusal<std::tuple<int>>("{a,2}") == "expected tuple of 1, got {a, …} of 2");
  CHECK(refusal<std::array<int, 2>>("[1]") == "expected list of 2, got list of 1");
  CHECK(refusal<std::array<int, 2>>("[1,2,300]") == "expected list of 2, got list of 3");
  CHECK(refusal<std::array<int, 2>>("a") == "expected list of 2, got atom a");
}

TEST_CASE("a list of bytes is read like any other list of its elements, in either spelling") {
  const auto read = [](auto wanted, std::string_view text) {
    const auto got = etf::decode<decltype(wanted)>(etf::parse(text).value());
    REQUIRE_MESSAGE(got, got.error().text());
    CHECK(*got == wanted);
  };
  using either = std::variant<std::string, int>;
  read(std::vector<double>{1, 2, 255}, "[1,2,255]");
  read(std::vector<double>{1, 2, 256}, "[1,2,256]");
  read(std::set<float>{1, 2}, "[1,2]");
  read(std::deque<std::optional<int>>{1, 2}, "[1,2]");
  read(std::vector<either>{1, 2}, "[1,2]");
  read(std::vector<std::vector<double>>{{1}, {2, 3}}, "[[1],[2,3]]");
  read(std::array<double, 3>{1, 2, 3}, "[1,2,3]");
  read(std::array<std::optional<int>, 2>{1, 2}, "[1,2]");
  read(std::array<std::int8_t, 2>{1, 127}, "[1,127]");
  CHECK(refusal<std::array<std::int8_t, 2>>("[1,200]") ==
        "[1]: expected integer from -128 to 127, got integer 200");
  CHECK(refusal<std::array<double, 2>>("[1]") == "expected list of 2, got list of 1");
  CHECK(refusal<std::vector<std::string>>("[1]") == "[0]: expected text, got integer 1");
  CHECK(refusal<std::vector<bool>>("[1]") == "[0]: expected boolean, got integer 1");
  std::vector<etf::any_term> borrowed;
  {
    const buffer encoded = etf::parse("[7,8]").value();
    borrowed = etf::decode<std::vector<etf::any_term>>(encoded).value();
  } // the bytes of the list are destroyed here
  REQUIRE(borrowed.size() == 2);
  CHECK(etf::decode<int>(borrowed[1].encoded).value() == 8);
}

TEST_CASE("a duration is an integer of milliseconds, whatever its own unit") {
  using namespace std::chrono_literals;
  using small = std::chrono::duration<std::uint8_t>;
  CHECK(etf::encode(250ms) == etf::parse("250").value());
  CHECK(etf::encode(std::chrono::seconds(-5)) == etf::parse("-5000").value());
  CHECK(etf::encode(std::map<std::string, std::chrono::hours>{{"a", 2h}}) ==
        etf::parse("#{<<\"a\">> => 7200000}").value());
  CHECK(etf::decode<std::chrono::seconds>(etf::parse("5000").value()).value() == 5s);
  CHECK(etf::decode<std::chrono::milliseconds>(etf::parse("-1").value()).value() == -1ms);
  CHECK(etf::decode<std::optional<small>>(etf::parse("255000").value()).value() == small(255));
  CHECK(refusal<std::chrono::milliseconds>("a") == "expected milliseconds, got atom a");
  CHECK(refusal<std::chrono::seconds>("1500") ==
        "expected milliseconds that are a multiple of 1000, got integer 1500");
  CHECK(refusal<small>("256000") == "expected fewer milliseconds, got integer 256000");
  CHECK(etf::encode(std::chrono::hours::max()).empty());
  const std::vector<std::chrono::milliseconds> few{1ms, 255ms}, many{1ms, 256ms};
  CHECK(etf::decode<std::vector<std::chrono::milliseconds>>(etf::encode(few)).value() == few);
  CHECK(etf::decode<std::vector<std::chrono::milliseconds>>(etf::encode(many)).value() == many);
  CHECK(etf::decode<std::vector<std::chrono::milliseconds>>(hex("6b 0002 01 ff")).value() == few);
}

TEST_CASE("a vector of bool is a list") {
  const std::vector<bool> both{true, false, true};
  CHECK(etf::encode(both) == etf::parse("[true,false,true]").value());
  CHECK(etf::decode<std::vector<bool>>(etf::encode(both)).value() == both);
  CHECK(refusal<std::vector<bool>>("[true,1]") == "[1]: expected boolean, got integer 1");
}

TEST_CASE("a key that comes twice is refused") {
  const buffer twice = hex("7400000002 6101 6101 6101 6102"),
               named = hex("7400000002 770269 64 6101 77026964 6102");
  CHECK(etf::decode<std::map<int, int>>(twice).error().code == etf::errc::duplicate_key);
  CHECK(etf::decode<std::unordered_map<int, int>>(twice).error().code == etf::errc::duplicate_key);
  CHECK(etf::decode<etf::flat_map<int, int>>(twice).error().code == etf::errc::duplicate_key);
  const buffer text_keys = hex("7400000002 6d000000026964 6101 6d000000026964 6102");
  CHECK(etf::decode<shop::json>(text_keys).error().code == etf::errc::duplicate_key);
}

namespace {
template <class Map>
etf::result<Map> decoded_multiples(int count, int of) {
  etf::vector_writer out;
  out.map(static_cast<std::uint32_t>(count));
  for (int i = 0; i < count; ++i) {
    out.integer(std::int64_t{i} * of);
    out.integer(i);
  }
  return etf::decode<Map>(out.view());
}
} // namespace

TEST_CASE("keys that crowd into one bucket of a hash map are refused, and a seeded map takes them") {
  using plain = std::unordered_map<std::int64_t, int>;
  plain grown;
  grown.reserve(3000);
  const int buckets = static_cast<int>(grown.bucket_count());
  const auto refused = decoded_multiples<plain>(3000, buckets);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text().find("more than 64 keys with one hash") != std::string::npos);
  CHECK(decoded_multiples<plain>(3000, 1));
  CHECK(decoded_multiples<plain>(60, buckets));
  using seeded = etf::seeded_map<std::int64_t, int>;
  const auto taken = decoded_multiples<seeded>(3000, buckets);
  REQUIRE(taken);
  CHECK(taken->at(std::int64_t{7} * buckets) == 7);
  CHECK(decoded_multiples<std::map<std::int64_t, int>>(3000, buckets));
}

TEST_CASE("keys that crowd only after a hash map has grown are refused too") {
  using plain = std::unordered_map<std::int64_t, int>;
  plain probe;
  probe.reserve(4096);
  const std::size_t first = probe.bucket_count();
  for (std::int64_t i = 0; probe.bucket_count() == first; ++i) probe[i] = 0;
  const int grown = static_cast<int>(probe.bucket_count());
  CHECK_FALSE(decoded_multiples<plain>(static_cast<int>(first) + 1000, grown));
}

TEST_CASE("sets are watched as maps are, and a multiset may have one key often") {
  std::unordered_set<int> probe;
  probe.reserve(3000);
  const int buckets = static_cast<int>(probe.bucket_count());
  etf::vector_writer crowded, same;
  crowded.list(3000);
  same.list(3000);
  for (int i = 0; i < 3000; ++i) {
    crowded.integer(std::int64_t{i} * buckets);
    same.integer(1000);
  }
  crowded.nil();
  same.nil();
  CHECK_FALSE(etf::decode<std::unordered_set<int>>(crowded.view()));
  CHECK(etf::decode<etf::seeded_set<int>>(crowded.view()));
  CHECK(etf::decode<std::unordered_set<int>>(same.view()));
  CHECK(etf::decode<std::unordered_multiset<int>>(same.view()));
}

TEST_CASE("a seeded map is spelled as a map, of keys of all kinds") {
  is_spelled(etf::seeded_map<std::string, int>{{"a", 1}}, "#{<<\"a\">> => 1}");
  is_spelled(etf::seeded_map<std::pair<int, bool>, int>{{{1, true}, 1}}, "#{{1,true} => 1}");
  CHECK(etf::seeded_hash<double>{}(0.0) == etf::seeded_hash<double>{}(-0.0));
  CHECK(etf::seeded_hash<int>{}(1) != etf::seeded_hash<int>{}(2));
  CHECK(etf::seeded_hash<etf::pid>{}({"a@b", 1, 2, 3}) != etf::seeded_hash<etf::pid>{}({"a@b", 1, 2, 4}));
}

TEST_CASE("alternatives that contain themselves are not tried without end") {
  etf::vector_writer out;
  constexpr int levels = 60;
  for (int i = 0; i < levels; ++i) {
    out.map(2);
    out.atom("name");
    out.binary(std::string_view());
    out.atom("items");
    out.list(1);
  }
  out.atom("wrong");
  for (int i = 0; i < levels; ++i) out.nil();
  etf::cursor in(out.view());
  etf::mismatch why;
  std::vector<shop::item> into(1);
  CHECK_FALSE(etf::read(in, into[0], why));
  CHECK(why.wasted() < (std::size_t{1} << 17) + 512 * out.view().size());
  const auto refused = etf::decode<shop::item>(out.view());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text().find("fewer attempts") != std::string::npos);
}

TEST_CASE("a recursive type does not follow a stranger down the stack") {
  etf::vector_writer out;
  for (int i = 0; i < 5000; ++i) {
    out.tuple(3);
    out.atom("tree");
    out.binary(std::string_view("x"));
    out.list(1);
  }
  out.nil();
  const auto refused = etf::decode<shop::tree>(out.view());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == etf::errc::too_deep);
}

TEST_CASE("counts that promise too much reserve nothing") {
  for (const std::string_view digits : {"6cffffffff6a", "74ffffffff6a", "6c7fffffff6101"}) {
    CHECK_FALSE(etf::decode<std::vector<std::string>>(hex(digits)));
    CHECK_FALSE(etf::decode<std::vector<std::int64_t>>(hex(digits)));
    CHECK_FALSE(etf::decode<std::vector<double>>(hex(digits)));
    CHECK_FALSE(etf::decode<etf::flat_map<int, int>>(hex(digits)));
    CHECK_FALSE(etf::decode<std::unordered_map<int, int>>(hex(digits)));
  }
}

TEST_CASE("what has no encoding gives none") {
  CHECK(etf::encode(std::numeric_limits<double>::quiet_NaN()).empty());
  CHECK(etf::encode(std::vector<double>{1, std::numeric_limits<double>::infinity()}).empty());
  CHECK(etf::encode(static_cast<shop::colour>(3)).empty());
  CHECK(etf::encode(etf::any_term{}).empty());
  CHECK(encoded_at_once(std::numeric_limits<double>::quiet_NaN()).empty());
  CHECK(encoded_at_once(std::pair(1, static_cast<shop::colour>(3))).empty());
  CHECK(encoded_at_once(etf::any_term{}).empty());
}

TEST_CASE("a constant is its term") {
  const etf::bytes term = etf::constant_term<etf::constant<"ok">>;
  CHECK(buffer(term.begin(), term.end()) == etf::encode(etf::constant<"ok">{}));
}

TEST_CASE("damaged bytes decode to a value or an error, never more") {
  std::mt19937_64 random(47);
  const shop::outer value{{{"a", 1}, {"b", 300}}, shop::put{"k", -1}};
  const buffer good = etf::encode(value);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    buffer bad = good;
    for (std::uint64_t n = random() % 3 + 1; n != 0; --n)
      bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    const auto back = etf::decode<shop::outer>(bad);
    if (back) continue;
    CHECK_FALSE(back.error().text().empty());
    ++refused;
  }
  CHECK(refused > 0);
}
