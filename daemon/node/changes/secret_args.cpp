// SPDX-License-Identifier: MIT
// Replaces markers in the args by the secrets' texts, and checks the result against the schema.
#include "node/changes/secret_args.hpp"

#include <coppice/etf/writer.hpp>
#include <utility>

namespace coppice::node {

base::result<args_with_secrets> read_secrets(const runtime::message& args, const base::secrets& of) {
  const etf::bytes from = args.bytes();
  etf::vector_writer out(from.size() + 256);
  base::secrets read;
  read.are_read = true;
  std::size_t done = 0;
  for (const base::secret& one : of.all) {
    const auto text = base::read_secret(one);
    if (!text) return unexpected(text.error());
    out.raw(from.subspan(done, one.offset - done));
    base::secret& put = read.all.emplace_back(one);
    put.offset = out.size();
    out.binary(*text);
    put.size = out.size() - put.offset;
    done = one.offset + one.size;
  }
  out.raw(from.subspan(done));
  return args_with_secrets{runtime::message::copy_of(out.take()),
                           std::make_shared<const base::secrets>(std::move(read))};
}

base::result<std::unique_ptr<runtime::behaviour>> secret_args::make(const runtime::actor_spec& spec) {
  if (spec.secrets == nullptr) return makes_.make(spec);
  auto read = read_secrets(spec.args, *spec.secrets);
  if (!read) return unexpected(std::move(read.error()));
  const auto good =
      schemas_.check(spec.actor, read->args, spec::args_schema::part::secrets, read->secrets.get());
  if (!good && good.error().code == base::errc::invalid) return unexpected(good.error());
  runtime::actor_spec known = spec;
  known.args = std::move(read->args);
  known.secrets = std::move(read->secrets);
  return makes_.make(known);
}

} // namespace coppice::node
