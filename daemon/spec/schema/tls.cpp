// SPDX-License-Identifier: MIT
// See tls.hpp.
#include "spec/schema/tls.hpp"

#include <array>

#include "base/suggest.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

using version = tls_spec::version;

void check_files(reader& from, const node& at, tls_spec& spec) {
  if (spec.certificate.has_value() != spec.key.has_value()) {
    from.error(at, from.path + ": certificate and key belong together");
  }
  if (spec.verify && !spec.ca) {
    from.error(at, from.path + ": the key 'ca' is missing",
               "who may have signed the peers' certificates; or say verify: none");
  }
}

const table<tls_spec>& file_table() {
  using file = maybe<std::optional<std::string>, path>;
  static const auto rows =
      table<tls_spec>()
          .add<&tls_spec::certificate>("certificate", file(path()),
                                       "a PEM file: the certificate, then its chain")
          .add<&tls_spec::key>("key", file(path()), "a PEM file: the certificate's key, not encrypted")
          .add<&tls_spec::ca>("ca", file(path()),
                              "a PEM file: the authorities that may have signed the peers' certificates")
          .add<&tls_spec::verify>("verify", choice<bool>({{"peer", true}, {"none", false}}),
                                  "peer: a certificate of the authority is asked of every peer")
          .add<&tls_spec::least>("min_version",
                                 choice<version>({{"1.3", version::v1_3}, {"1.2", version::v1_2}}),
                                 "the oldest version of TLS that is spoken")
          .check(&check_files);
  return rows;
}

} // namespace

namespace {

const table<named_certificate>& named_table() {
  static const auto rows =
      table<named_certificate>()
          .add<&named_certificate::certificate>("certificate", path(),
                                                "a PEM file: the certificate, then its chain")
          .needed()
          .add<&named_certificate::key>("key", path(), "a PEM file: the certificate's key, not encrypted")
          .needed();
  return rows;
}

} // namespace

bool named_certificates::read(reader& from, const node& value, std::vector<named_certificate>& into) const {
  into.clear();
  if (!value.is_map()) {
    from.wrong_type(value, "a map");
    return false;
  }
  bool good = true;
  const std::size_t length = from.path.size();
  for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
    named_certificate& one = into.emplace_back();
    one.name = value.items[i]->text;
    if (one.name.empty() || one.name.size() > 253 || one.name.find_first_of("*/: ") != std::string::npos) {
      from.error(*value.items[i], from.path + ": expected a host's name, found '" + one.name + "'");
      good = false;
    }
    from.path += "." + one.name;
    good = named_table().read(from, *value.items[i + 1], one) && good;
    from.path.resize(length);
  }
  return good;
}

json named_certificates::print(const std::vector<named_certificate>& value) const {
  json all = json::object();
  for (const named_certificate& one : value) all[one.name] = named_table().print(one);
  return all;
}

json named_certificates::describe(json& definitions) const {
  return {{"type", "object"}, {"additionalProperties", named_table().describe(definitions)}};
}

bool tls::read(reader& from, const node& value, tls_spec& into) const {
  if (value.is_map()) {
    into = {};
    into.how = tls_spec::mode::files;
    if (of_ == role::public_listener) into.verify = value.find("ca") != nullptr;
    const bool good = file_table().read(from, value, into);
    if (of_ == role::connects || into.certificate) return good;
    from.error(value, from.path + ": a listener needs a certificate and a key");
    return false;
  }
  const std::string_view word = value.what == node::kind::scalar ? std::string_view(value.text) : "";
  static constexpr std::array<std::string_view, 2> words{"off", "on"};
  if (word != "on" && word != "off") {
    from.wrong_type(value, "off, on or a map", base::did_you_mean(word, words));
    return false;
  }
  into = {};
  into.how = word == "on" ? tls_spec::mode::on : tls_spec::mode::off;
  return true;
}

json tls::print(const tls_spec& value) const {
  if (value.how == tls_spec::mode::files) return file_table().print(value);
  return value.how == tls_spec::mode::on ? "on" : "off";
}

json tls::describe(json& definitions) const {
  json files = file_table().describe(definitions);
  if (of_ != role::connects) files["required"] = {"certificate", "key"};
  return {{"anyOf", json::array({{{"enum", {"off", "on"}}}, std::move(files)})}};
}

} // namespace coppice::spec
