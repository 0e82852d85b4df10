# SPDX-License-Identifier: MIT
# Makes the documentation as HTML, from the pages of the repository and the help of the programs.
# shellcheck shell=bash

help_doc() {
  cat <<EOT
usage: packaging/dev doc
Makes the documentation as HTML, with a search, under build/doc: open build/doc/index.html.

It has the pages of packaging/doc and the pages beside the code. The reference pages are made from the schema of the
configuration, the programs' --help, and the plugin API's C headers. A link to a place that does not exist is an error.
EOT
}

dev_doc() {
  (($# == 0)) || usage_error "doc: takes no arguments"
  need doc
  dev_build
  python3 packaging/doc/pages.py "$build/doc" "$build"/bin/{coppice,coppiced,coppice-epmd}
  say "the documentation is $build/doc/index.html"
}
