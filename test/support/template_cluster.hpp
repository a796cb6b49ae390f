// One initdb per machine and major version; every test copies it. Making it takes a second, copying
// it a few hundredths.
#pragma once

#include <filesystem>

namespace pgkeel::test {

/// Copies the template cluster to `data_dir` (which must not exist), making the template first when
/// it is missing. Safe against other test processes (flock). Throws std::runtime_error.
void copy_template_cluster(const std::filesystem::path& bin_dir, int major,
                           const std::filesystem::path& data_dir);

/// Copies the data directory of a stopped cluster.
void copy_cluster(const std::filesystem::path& from, const std::filesystem::path& to);
/// A cluster of its own, with a system identifier no other test has; slower than a copy.
void init_fresh_cluster(const std::filesystem::path& bin_dir,
                        const std::filesystem::path& data_dir);

}  // namespace pgkeel::test
