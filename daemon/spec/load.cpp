// SPDX-License-Identifier: MIT
// The steps of a load: read the texts, build the trees, merge them, read the table, complete what the
// file leaves to the machine, check the whole. Each step adds what it finds wrong and the next one goes on
// with what there is.
#include "spec/load.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/file.hpp"
#include "base/open_files.hpp"
#include "base/socket_address.hpp"
#include "spec/check.hpp"
#include "spec/merge.hpp"
#include "spec/schema.hpp"
#include "spec/schema/default_files.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/secrecy.hpp"

namespace coppice::spec {
namespace {

class loading {
 public:
  explicit loading(const load_options& options) : options_(options), report_(texts_) {}

  void file(const std::string& path) {
    auto text = text_of(path);
    if (!text) {
      if (text.error().code == base::errc::limit)
        report_.file_error(path,
                           "the file is larger than " + std::to_string(tree_limits().bytes >> 20) + " MiB");
      else
        report_.file_error(path, "cannot be read: " + text.error().text);
      broken_ = true;
      return;
    }
    read_.push_back({path, *text});
    std::error_code ignored;
    auto folder = std::filesystem::absolute(path, ignored).parent_path();
    this->text(std::move(*text), path, folder.string());
  }

  void text(std::string content, const std::string& name, const std::string& folder) {
    auto index = texts_.add(name, folder, std::move(content));
    node* document = parse_yaml(texts_, index, nodes_, report_);
    if (!document) {
      broken_ = true;
      return;
    }
    // A file without any key is no configuration. It may be the file of a cookie, so its text is hidden.
    if (document->what == node::kind::scalar) {
      document->is_secret = true;
      report_.hide(document->at, {});
    }
    root_ = root_ ? merge(root_, document, nodes_, replaced_) : document;
  }

  outcome finish() {
    // If a text could not be read, its keys would be reported as missing.
    if (!broken_) read();
    outcome result;
    const bool failed = report_.failed();
    result.diagnostics = report_.take();
    result.texts = std::move(read_);
    if (!failed) result.spec = std::move(spec_);
    for (const replaced& one : replaced_) {
      result.overridden.push_back({one.path, where(one.by), where(one.under)});
    }
    return result;
  }

 private:
  base::result<std::string> text_of(const std::string& path) const {
    const auto given = std::ranges::find(options_.texts, path, &file_text::name);
    if (given != options_.texts.end()) return given->text;
    return options_.regular ? base::read_regular_file(path, tree_limits().bytes)
                            : base::read_file(path, tree_limits().bytes);
  }

  void read() {
    if (!root_) root_ = nodes_.make(node::kind::map, report::nowhere);
    std::error_code ignored;
    const auto here = std::filesystem::current_path(ignored).string();
    for (const auto& one : options_.set) set("--set " + one.path, one.path, one.value, here);
    if (!options_.name.empty()) set("--name", "node.name", "'" + options_.name + "'", here);
    reader from{&texts_, &report_, {}};
    configuration().read(from, *root_, spec_);
    for (std::uint32_t i = 0; i < texts_.size(); ++i) spec_.files.push_back(texts_.at(i).name);
    complete();
    check_whole(*root_, spec_, {options_.plugins, options_.machine_memory}, report_);
  }

  void set(const std::string& name, const std::string& path, const std::string& value,
           const std::string& folder) {
    auto index = texts_.add(name, folder, value);
    node* document = parse_yaml(texts_, index, nodes_, report_, {}, any_key(path, &resembles_secret));
    if (!document) return;
    if (node* changed = put(root_, path, document, nodes_, {index, 1, 1}, replaced_, report_))
      root_ = changed;
  }

  std::string where(const place& at) const {
    return at.file < texts_.size() ? texts_.at(at.file).name + ":" + std::to_string(at.line) : "the default";
  }

  // Fills in values that depend on the machine and on other keys.
  void complete() {
    const node* const plugins = root_->find("plugins");
    const std::string folder = installed_plugins(options_.program);
    if (!folder.empty() && !(plugins && plugins->is_map() && plugins->find("path")))
      spec_.plugins.path = {folder};
    auto& name = spec_.node.name;
    if (name.empty()) return;
    auto at = name.find('@');
    if (at == std::string::npos) {
      name += "@" + (options_.host.empty() ? short_host_name() : options_.host);
      at = name.find('@');
    }
    const std::string host = name.substr(at + 1);
    spec_.node.long_names = host.find_first_of(".:") != std::string::npos;
    const std::string address = host == "localhost" || host.starts_with("127.") ? "127.0.0.1"
                                : host == "::1"                                 ? "::1"
                                                                                : "0.0.0.0";
    if (spec_.epmd.address == "auto") spec_.epmd.address = address;
    for (auto& one : spec_.distribution.listen)
      if (one.address == "auto") one.address = address;
    if (auto& http = spec_.control.http; http) {
      if (http->address == "auto") http->address = address;
      const auto where_it_listens = base::socket_address::parse(http->address, http->port);
      if (where_it_listens && !where_it_listens->is_loopback() && !is_written({"control", "http", "rights"}))
        http->rights.clear();
    }
  }

  bool is_written(std::initializer_list<std::string_view> path) const {
    const node* at = root_;
    for (const std::string_view key : path) at = value_of(at, key);
    return at != nullptr;
  }

  static std::string short_host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    std::string whole(name.data());
    return whole.substr(0, whole.find('.'));
  }

  const load_options& options_;
  sources texts_;
  report report_;
  yaml_tree nodes_;
  node* root_ = nullptr;
  std::vector<replaced> replaced_;
  std::vector<file_text> read_;
  bool broken_ = false; // a text could not be read at all
  node_spec spec_;
};

} // namespace

outcome load(const std::vector<std::string>& paths, const load_options& options) {
  loading work(options);
  for (const auto& path : paths) work.file(path);
  return work.finish();
}

outcome load_text(std::string text, const std::string& file, const std::string& folder,
                  const load_options& options) {
  loading work(options);
  work.text(std::move(text), file, folder);
  return work.finish();
}

} // namespace coppice::spec
