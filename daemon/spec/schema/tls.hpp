// SPDX-License-Identifier: MIT
// `tls: off | on | { certificate, key, ca, verify, min_version }`, for listeners and for connections that
// are made. Immutable; any thread.
#pragma once

#include "spec/schema/type.hpp"
#include "spec/schema/values.hpp"

namespace coppice::spec {

class tls final : public value_type<tls_spec> {
 public:
  // The use of the options. A listener needs a certificate. A public listener asks clients for certificates
  // only if `ca` names the authorities that may have signed them.
  enum class role { listener, public_listener, connects };
  explicit tls(role of) : of_(of) {}
  bool read(reader&, const node&, tls_spec& into) const override;
  json print(const tls_spec& value) const override;
  json describe(json& definitions) const override;

 private:
  const role of_;
};

// `sni: { NAME: { certificate, key } }`
class named_certificates final : public value_type<std::vector<named_certificate>> {
 public:
  bool read(reader&, const node&, std::vector<named_certificate>& into) const override;
  json print(const std::vector<named_certificate>& value) const override;
  json describe(json& definitions) const override;
};

} // namespace coppice::spec
