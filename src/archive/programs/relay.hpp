// One run of a program in an image (image_programs.hpp), as a process of this machine: what comes
// in goes to it, what it says and how it ends comes out. `pgkeel in-image` is this and nothing
// else.
// It guarantees: a success is the program's own exit code, told by its container after its last
// byte; a container that ended under it is an error, whatever was written. Ended in any way, it
// takes the program with it, and it ends with whoever started it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace pgkeel::archive {

/// Its exit code. `work_dir` is where an ImagePrograms works; a password is taken from PGPASSWORD.
/// WrongState when nothing works there, ChildFailed when the container ended.
[[nodiscard]] Result<int> relay_program(const std::filesystem::path& work_dir,
                                        const std::vector<std::string>& words);

}  // namespace pgkeel::archive
