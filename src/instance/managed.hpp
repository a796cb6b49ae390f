// A server that was there before pgkeel: installed by packages, configured by its owner. pgkeel
// takes it as it finds it (configuration in /etc or in the data directory, options of its last run)
// and adds nothing of its own to it.
#pragma once

#include "instance/config.hpp"
#include "instance/local_instance.hpp"

namespace pgkeel::instance {

/// ConfigBadValue when neither data_dir nor a known unit says where the data is.
[[nodiscard]] Result<Layout> managed_layout(
    const InstanceConfig& config, const std::filesystem::path& debian_root = kDebianConfigRoot);

}  // namespace pgkeel::instance
