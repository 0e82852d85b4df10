// SPDX-License-Identifier: MIT
// Bytes of all kinds in the texts that the node makes of them: log lines, the journal's fields, replies at
// the control socket, findings about arguments. Nothing throws, JSON parses as JSON, and text for people is
// UTF-8 without control characters.
// rooms: spec api
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>
#include <coppice/etf/writer.hpp>
#include <nlohmann/json.hpp>

#include "api/protocol.hpp"
#include "base/bytes.hpp"
#include "base/json_text.hpp"
#include "base/log_sinks.hpp"
#include "base/printable_lines.hpp"
#include "spec/schema/args_schema.hpp"
#include "spec/schema/term.hpp"

namespace {

using namespace coppice;

void demand(bool truth) {
  if (!truth) std::abort();
}

const spec::args_schema& schema() {
  static const spec::args_schema compiled = spec::args_schema::compile(R"({"type":"object",
      "additionalProperties":false,"required":["n"],"properties":{"n":{"type":"integer","minimum":1},
      "mode":{"enum":["a","b"]},"list":{"type":"array","items":{"type":"number"},"maxItems":3},
      "text":{"type":"string","maxLength":3},"map":{"additionalProperties":{"type":"boolean"}}}})")
                                                .value();
  return compiled;
}

// Uses the text as a value and as a key of arguments, and as the whole of the arguments if it is a term.
void check_args(std::string_view text) {
  for (const char* const key : {"n", "mode", "list", "text", "map", "other"}) {
    etf::vector_writer out;
    out.map(2);
    out.atom(key);
    out.binary(text);
    out.list(1);
    out.binary(text);
    out.nil();
    out.binary(text);
    const auto term = out.take();
    demand(!schema().check(term));
    static_cast<void>(base::json_text(spec::term_to_json(term)));
  }
}

void check_term(etf::bytes term) {
  constexpr etf::limits bounds{400};
  if (!etf::validate(term, bounds)) return;
  if (const auto good = schema().check(term); !good)
    static_cast<void>(base::printable_lines(good.error().text));
  static_cast<void>(etf::print(term, {.pretty = true, .most = 10'000}));
  static_cast<void>(base::json_text(spec::term_to_json(term)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  const std::string kept(text);
  const std::string json = base::json_text(nlohmann::json{{"text", kept}, {kept, 1}});
  demand(!nlohmann::json::parse(json, nullptr, false).is_discarded());
  const base::log::record line{0, base::log::level::info, "fuzz", kept, {{"field", kept}}};
  demand(base::is_printable(base::printable(base::log::render_text("now", line).substr(0, 4096))));
  demand(!nlohmann::json::parse(base::log::render_json(line), nullptr, false).is_discarded());
  for (const std::string& entry : base::log::journal_entries(line, 6))
    demand(base::printable_lines(entry) == entry);
  demand(api::decode_reply(api::encode(api::reply(nlohmann::json{{"text", kept}}))).has_value());
  const api::failure why{base::errc::invalid, kept, kept, kept};
  demand(api::decode_reply(api::encode(api::reply(unexpect, why))).has_value());
  check_args(text);
  check_term({data, size});
  return 0;
}
