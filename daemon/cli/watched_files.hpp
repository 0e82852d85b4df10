// SPDX-License-Identifier: MIT
// Tells which files below a folder were changed. Folders that appear later are watched too, with the files
// that are in them by then. Changes are collected until nothing has changed for a tenth of a second, so that
// one save of an editor, or one `coppice add`, is told once. For the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/uv.hpp"

namespace coppice::cli {

// Whether a file or folder of this name is made by an editor for its own use: hidden, a backup, a swap file.
bool is_of_editor(std::string_view name);

// Paths are relative to the root.
using changed_paths = std::set<std::string>;

class watched_files {
 public:
  // `wanted`: whether a folder is watched; not asked about the root. `changed` gets files and, if a folder
  // has gone, the folder. errc::limit: the system allows no more watches.
  static base::result<std::unique_ptr<watched_files>> make(const base::uv::loop& on, std::string root,
                                                           std::function<bool(const std::string&)> wanted,
                                                           std::function<void(const changed_paths&)> changed);
  watched_files(const watched_files&) = delete;
  watched_files& operator=(const watched_files&) = delete;
  ~watched_files() = default;

 private:
  watched_files(const base::uv::loop& on, std::string root, std::function<bool(const std::string&)> wanted,
                std::function<void(const changed_paths&)> changed);
  std::string on_disk(const std::string& path) const;
  base::status add_folder(const std::string& path, bool tell);
  void forget_folder(const std::string& path);
  void read_events();
  void handle(int watch, unsigned mask, const std::string& name);
  void note(const std::string& path);

  std::string root_;
  std::function<bool(const std::string&)> wanted_;
  std::function<void(const changed_paths&)> changed_;
  base::unique_fd inotify_;
  std::map<int, std::string> folders_; // by watch descriptor; the root is ""
  changed_paths noted_;
  base::uv::poll events_;
  base::uv::timer settled_;
};

} // namespace coppice::cli
