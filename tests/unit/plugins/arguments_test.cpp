// SPDX-License-Identifier: MIT
// Tests of coppice/detail/args.hpp and args_schema.hpp, an actor's arguments as a struct: which members may
// be left out, which values they have then, and the schema that the compiler makes of the struct.
#include <doctest/doctest.h>
#include <coppice/server.hpp>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

namespace etf = coppice::etf;

enum class kind { tea, rice = 4 };

struct bounds {
  std::uint16_t low = 1;
  std::optional<std::uint16_t> high;
};
struct branch {
  std::int8_t leaf = -1;
  std::vector<branch> below;
};
struct options {
  std::string path;
  std::int64_t count;
  std::int64_t zero = 0;
  std::chrono::seconds flush{10};
  coppice::byte_size most = {64};
  bool sync = false;
  double share = 0.25;
  kind what = kind::rice;
  std::vector<kind> also = {kind::tea};
  std::optional<std::int64_t> limit = 5;
  std::optional<kind> other;
  bounds rows;
};
// The compiler cannot construct this struct, because a std::map can only be made at run time.
struct priced {
  std::map<std::string, bounds> of;
  std::map<std::string, std::int64_t> first = {{"tea", 3}};
  bool sync = false;
  std::int32_t count;
};

enum class shade { dark, light };
struct point {
  static constexpr auto etf_form = etf::form::tuple;
  std::int32_t x = 1;
  std::int64_t y = 2;
};
struct marked {
  std::optional<std::chrono::milliseconds> wait;
  std::optional<coppice::byte_size> room;
  std::string_view sign = "\xff";
  std::string_view name = "\xc3\xbc";
  point at;
  shade tone;
};
struct titled {
  etf::charlist title;
};
struct unset {
  std::chrono::milliseconds wait;
  coppice::byte_size room;
  std::array<std::int32_t, 2> pair;
  std::array<std::int32_t, 2> other = {1, 2};
};

} // namespace

template <>
struct coppice::etf::codec<shade> {
  static constexpr std::string_view expected = "a shade";
  static void encode(writer& out, shade what) { out.integer(what == shade::light ? 100 : 0); }
  static bool decode(cursor& in, shade& what, mismatch& why) {
    std::int64_t percent = 0;
    if (!in.read_integer(percent)) return why.wanted(in, expected);
    return what = percent > 50 ? shade::light : shade::dark, true;
  }
};

namespace {

template <class T>
T taken(const value& args) {
  T into{};
  etf::cursor at(args.bytes());
  etf::mismatch why;
  const bool good = coppice::detail::read_args(at, into, why);
  INFO(std::string(why.take("args").text()));
  REQUIRE(good);
  CHECK(at.at_end());
  return into;
}
template <class T>
std::string refused(const value& args) {
  T into{};
  etf::cursor at(args.bytes());
  etf::mismatch why;
  CHECK_FALSE(coppice::detail::read_args(at, into, why));
  return std::string(why.take("args").text());
}
template <class T>
std::string_view schema() {
  return coppice::detail::schema_text<T>.data();
}

class reads_none : public coppice::server {
 public:
  void init() {}
  bool handle_call(const etf::constant<"any">&) { return true; }
};
class reads_a_list : public reads_none {
 public:
  void init(const std::vector<std::string>&) {}
};
class says_it : public reads_none {
 public:
  static constexpr std::string_view args_schema = R"({"type":"object"})";
  void init(const options&) {}
};
class reads_options : public reads_none {
 public:
  void init(const options&) {}
};

} // namespace

TEST_CASE("a member with an initialiser may be left out, and has its value then") {
  const auto got = taken<options>("#{path => <<\"/tmp\">>, count => 3}"_erl);
  CHECK(got.path == "/tmp");
  CHECK(got.count == 3);
  CHECK(got.zero == 0);
  CHECK(got.flush == std::chrono::seconds(10));
  CHECK(got.most.bytes == 64);
  CHECK_FALSE(got.sync);
  CHECK(got.share == 0.25);
  CHECK(got.what == kind::rice);
  CHECK(got.also == std::vector{kind::tea});
  CHECK(got.limit == 5);
  CHECK_FALSE(got.other);
  CHECK(got.rows.low == 1);
}

TEST_CASE("a member that is given has nothing of its initialiser") {
  const auto got = taken<options>(
      "#{path => <<>>, count => 3, flush => 2000, most => 7, sync => true, also => [rice, <<\"rice\">>], "
      "limit => undefined, what => <<\"tea\">>, other => <<\"rice\">>, rows => #{high => 9}}"_erl);
  CHECK(got.flush == std::chrono::seconds(2));
  CHECK(got.most.bytes == 7);
  CHECK(got.sync);
  CHECK(got.what == kind::tea);
  CHECK(got.also == std::vector{kind::rice, kind::rice});
  CHECK_FALSE(got.limit);
  CHECK(got.other == kind::rice);
  CHECK(got.rows.low == 1);
  CHECK(got.rows.high == 9);
}

TEST_CASE("a member without an initialiser is missed, a number too") {
  CHECK(refused<options>("#{count => 3}"_erl) == "args.path: expected text, got nothing");
  CHECK(refused<options>("#{path => <<>>}"_erl) == "args.count: expected integer, got nothing");
  CHECK(refused<branch>("#{leaf => 2}"_erl) == "args.below: expected list, got nothing");
  CHECK(refused<options>("#{path => <<>>, count => 3, rows => #{low => -1}}"_erl) ==
        "args.rows.low: expected integer from 0 to 65535, got integer -1");
  CHECK(refused<options>("#{path => <<>>, count => 3, what => <<\"coal\">>}"_erl) ==
        "args.what: expected tea or rice, got text coal");
}

TEST_CASE("initialisers count where the compiler cannot make the struct, and texts are keys of its maps") {
  const auto got = taken<priced>("#{count => 1, of => #{tea => #{low => 4}, <<\"rice\">> => #{}}}"_erl);
  CHECK(got.of.at("tea").low == 4);
  CHECK(got.of.at("rice").low == 1);
  CHECK(got.first.at("tea") == 3);
  CHECK_FALSE(got.sync);
  CHECK(refused<priced>("#{of => #{}}"_erl) == "args.count: expected integer, got nothing");
  CHECK(refused<priced>("#{count => 1}"_erl) == "args.of: expected map, got nothing");
  CHECK(refused<priced>("#{count => 1, of => #{tea => 1}}"_erl).starts_with("args.of.value: expected "));
}

TEST_CASE("a struct that is a tuple may be left out if its members have initialisers") {
  const auto got = taken<marked>("#{tone => 80}"_erl);
  CHECK(got.tone == shade::light);
  CHECK(got.at.y == 2);
  CHECK_FALSE(got.wait);
  CHECK_FALSE(taken<marked>("#{tone => 80, wait => undefined}"_erl).wait);
  CHECK(refused<marked>("#{}"_erl) == "args.tone: expected a shade, got nothing");
}

TEST_CASE("arguments that are written are read again as they were") {
  options given{"/tmp", 3, 0, std::chrono::seconds(4), {8}, true, 1.5, kind::tea, {}, {}, kind::rice, {2, 3}};
  const value written = value::of(etf::encode(coppice::detail::args_to_write<options>{given}));
  CHECK(
      written ==
      "#{path => <<\"/tmp\">>, count => 3, zero => 0, flush => 4000, most => 8, sync => true, share => 1.5, what => tea, also => [], other => rice, rows => #{low => 2, high => 3}}"_erl);
  CHECK(taken<options>(written).rows.high == 3);
}

TEST_CASE("the schema has the members as keys, their types and ranges, and takes no other key") {
  CHECK(schema<branch>() ==
        R"({"type":"object","additionalProperties":false,"required":["below"],"properties":{)"
        R"("leaf":{"type":"integer","minimum":-128,"maximum":127,"default":-1},)"
        R"("below":{"type":"array","items":{}}}})");
  CHECK(schema<priced>() ==
        R"({"type":"object","additionalProperties":false,"required":[],"properties":{)"
        R"("of":{"type":"object","additionalProperties":{"type":"object","additionalProperties":false,)"
        R"("required":[],"properties":{"low":{"type":"integer","minimum":0,"maximum":65535,"default":1},)"
        R"("high":{"type":["integer","null"],"minimum":0,"maximum":65535}}}},)"
        R"("first":{"type":"object","additionalProperties":{"type":"integer"}},"sync":{"type":"boolean"},)"
        R"("count":{"type":"integer","minimum":-2147483648,"maximum":2147483647}}})");
}

TEST_CASE("the schema takes no more and no less than is read") {
  // Any value is valid for a type with a codec. A default that is not UTF-8 cannot be written in JSON.
  CHECK(schema<marked>() ==
        R"({"type":"object","additionalProperties":false,"required":["tone"],"properties":{)"
        R"("wait":{"type":["integer","null"],"format":"duration"},)"
        R"("room":{"type":["integer","null"],"format":"size","minimum":0},)"
        R"("sign":{"type":"string"},"name":{"type":"string","default":"ü"},"at":{},"tone":{}}})");
  CHECK(schema<titled>().find(R"("title":{"type":["string","array"]})") != std::string_view::npos);
}

TEST_CASE("durations, sizes and arrays without an initialiser are required") {
  CHECK(schema<unset>().starts_with(
      R"({"type":"object","additionalProperties":false,"required":["wait","room","pair"],"properties")"));
  CHECK(coppice::detail::absentable<unset>() == 8);
}

TEST_CASE(
    "the schema says which keys are required, and the defaults, of a struct that the compiler can make") {
  // clang 14 cannot construct a std::string of newer libstdc++ versions at compile time.
  if (!coppice::detail::is_computed<options>) return;
  CHECK(schema<options>() ==
        R"({"type":"object","additionalProperties":false,"required":["path","count"],"properties":{)"
        R"("path":{"type":"string"},"count":{"type":"integer"},"zero":{"type":"integer","default":0},)"
        R"("flush":{"type":"integer","format":"duration","default":"10000ms"},)"
        R"("most":{"type":"integer","format":"size","minimum":0,"default":64},)"
        R"("sync":{"type":"boolean","default":false},"share":{"type":"number","default":0.25},)"
        R"("what":{"enum":["tea","rice"],"default":"rice"},)"
        R"("also":{"type":"array","items":{"enum":["tea","rice"]},"default":["tea"]},)"
        R"("limit":{"type":["integer","null"],"default":5},"other":{"enum":["tea","rice",null]},)"
        R"("rows":{"type":"object","additionalProperties":false,"required":[],"properties":{)"
        R"("low":{"type":"integer","minimum":0,"maximum":65535,"default":1},)"
        R"("high":{"type":["integer","null"],"minimum":0,"maximum":65535}}}}})");
}

TEST_CASE("a schema is made where a struct is read and none was written") {
  CHECK(coppice::detail::schema<reads_none>() == nullptr);
  CHECK(coppice::detail::schema<reads_a_list>() == nullptr);
  CHECK(std::string_view(coppice::detail::schema<says_it>()) == says_it::args_schema);
  CHECK(std::string_view(coppice::detail::schema<reads_options>()) == schema<options>());
}
