// rooms: etf
// SPDX-License-Identifier: MIT
// Any bytes as a term from a stranger: every reader, check, conversion and printer of the library must
// return. A valid term must also survive every operation for valid terms.
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/codec.hpp>
#include <coppice/etf/inflate.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>

namespace etf = coppice::etf;

namespace {

struct person {
  etf::atom kind;
  std::string name;
  std::uint8_t age;
  std::vector<etf::atom> tags;
};
struct options {
  static constexpr auto etf_form = etf::form::map;
  std::optional<int> timeout;
  std::optional<std::vector<double>> levels;
};
struct settings {
  static constexpr auto etf_form = etf::form::proplist;
  std::optional<bool> a;
  std::optional<etf::pid> owner;
};
struct tree {
  static constexpr auto etf_form = etf::form::tuple;
  std::variant<std::int64_t, std::string, etf::atom> value;
  std::vector<tree> kids;
};
using everything =
    std::variant<person, options, settings, tree, std::map<std::string, std::int64_t>,
                 etf::flat_map<int, etf::any_term>, std::vector<std::int16_t>, std::vector<double>,
                 etf::reference, etf::port, std::pair<bool, etf::charlist>>;

void demand(bool truth) {
  if (!truth) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  etf::bytes in(data, size);
  if (!in.empty() && in[0] == etf::version_magic) in = in.subspan(1);
  etf::limits bounds;
  bounds.bytes = 1 << 20;
  bounds.depth = 500;
  std::vector<std::uint8_t> plain;
  if (etf::is_compressed(in)) {
    auto inflated = etf::inflate(in, bounds);
    if (!inflated) return 0;
    plain = std::move(*inflated);
    in = plain;
  }
  etf::cursor skipping(in);
  const bool skipped = skipping.skip();
  static_cast<void>(etf::decode<everything>(in));
  etf::compare(in, in);
  etf::phash2(in);
  etf::print_options how;
  how.pretty = size % 2 == 0;
  how.most = 4096;
  etf::print(in, how);

  const auto length = etf::validate(in, bounds);
  if (!length) return 0;
  demand(skipped && skipping.offset() == *length);
  const etf::bytes term = in.first(*length);
  etf::vector_writer out;
  const auto made = etf::canonicalise(term, out, bounds);
  demand(made || made.error().code == etf::errc::duplicate_key);
  demand(etf::has_unique_keys(term) == made.has_value());
  demand(made.has_value() || !etf::term::decode(term, bounds));
  demand(etf::is_canonical(out.view()));
  demand(etf::equal_exact(out.view(), out.view()));
  static_cast<void>(etf::term::decode(term, bounds));
  return 0;
}
