// A store that is a directory: an object is a file of the same name, so that everything can be
// seen, copied and restored with plain tools. Files are 0600, directories 0700. Other things may
// lie in it: names that are no key, "incoming/" and "lost+found/" are left alone and never listed.
// It refuses to follow a symbolic link below its root.
#pragma once

#include <filesystem>
#include <memory>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {

/// `root` has to exist. NotFound, Permission.
[[nodiscard]] Result<std::unique_ptr<Store>> open_posix_store(const std::filesystem::path& root);

}  // namespace pgkeel::archive
