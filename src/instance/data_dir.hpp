// What is on disk where a data directory should be. Missing, empty and half-copied are three
// different disasters with three different remedies, so they are told apart here, once.
// It guarantees: only reads (no file is created, no time but atime changes) and a bounded number of
// them. It refuses to follow data elsewhere; that is search.hpp.
#pragma once

#include <filesystem>

#include "instance/instance.hpp"

namespace pgkeel::instance {

/// Everything a start would depend on. `filesystem` and `space` are of the directory, or of its
/// nearest existing parent when it is gone, so that an unmounted volume shows as a changed
/// file system.
[[nodiscard]] DataDirFacts inspect_data_dir(const std::filesystem::path& path);

/// The control file alone; read again when its checksum does not hold, because a live server may be
/// writing it (see pg/control_file.hpp).
[[nodiscard]] Result<pg::ControlFile> read_control_file(const std::filesystem::path& data_dir);

/// PG_VERSION as a number; NotFound, Malformed.
[[nodiscard]] Result<int> read_major(const std::filesystem::path& data_dir);

/// The path itself if it exists, else the nearest ancestor that does.
[[nodiscard]] std::filesystem::path nearest_existing(const std::filesystem::path& path);

}  // namespace pgkeel::instance
