# SPDX-License-Identifier: MIT
# `dh --with coppice`, or a build dependency on dh-sequence-coppice: dh_coppice after dh_install.
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

insert_after('dh_install', 'dh_coppice');

1;
