// SPDX-License-Identifier: MIT
// Where TLS's certificates come from: files, which are read again when they have changed, or the node's
// automatic ones, renewed when due. Asked for each new connection; the connections there are go on with what
// they began with. Files that cannot be used leave the last good ones in force, with a line in the log. Any
// thread; reads files now and then.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/tls/tls_context.hpp"

namespace coppice::net {

// Of another name of a server's, see tls_settings::by_name. Paths.
struct tls_pair_files {
  std::string certificate;
  std::string key;
};

// Paths; empty where there is none.
struct tls_files {
  std::string certificate;
  std::string key;
  std::string authorities;
  bool verify_peer = false;
  bool allow_tls_1_2 = false;
  std::vector<std::string> protocols{}; // as tls_settings has them
  std::map<std::string, tls_pair_files> by_name{};
};

class tls_source {
 public:
  // errc::not_found, errc::invalid, …: a file is missing or cannot be used; named in the text.
  static base::result<std::shared_ptr<tls_source>> open(tls_files files);
  // Certificates of `folder` for `names`, see certificate_folder.hpp; peers are not verified. `protocols` as
  // tls_settings has them.
  static base::result<std::shared_ptr<tls_source>> automatic(std::string folder,
                                                             std::vector<std::string> names,
                                                             std::vector<std::string> protocols = {});

  // The files of its own certificates, those that are chosen by a client's SNI behind the first, and until
  // when each is valid, wall time; empty where it has none. Files that have changed are read here, and what
  // is made automatically is renewed when it is due.
  struct own_certificate {
    std::string file;
    base::nanos ends = 0; // of the one in force
    std::string unused;   // why changed files are not used; empty: they are
  };
  std::vector<own_certificate> own();

  // As the files are now. Null: not to be had, a server's for a source without a certificate.
  std::shared_ptr<const tls_context> server();
  std::shared_ptr<const tls_context> client();

 private:
  explicit tls_source(tls_files files) : files_(std::move(files)) {}
  base::status load();
  base::status load_files();
  base::status keep_usable(std::string& authorities) const;
  void refresh();
  std::string stamp() const;

  std::mutex lock_;
  tls_files files_;
  std::string folder_; // of automatic certificates
  std::vector<std::string> names_;
  base::nanos renew_at_ = 0;         // monotonic; for automatic ones
  std::string seen_;                 // the state of the files that are used, or that cannot be
  std::string told_;                 // why changed files are not used, as it was logged last
  std::vector<own_certificate> own_; // in force, without `unused`
  std::shared_ptr<const tls_context> server_;
  std::shared_ptr<const tls_context> client_;
};

} // namespace coppice::net
