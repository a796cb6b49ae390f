// Running a program from a test, dropped to the account PostgreSQL accepts when the test is root.
// Plain POSIX on purpose: the runtime room is under test itself.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <string>
#include <vector>

namespace pgkeel::test {

/// Who servers run as: `postgres` when we are root, otherwise ourselves.
struct ServerAccount {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};
[[nodiscard]] ServerAccount server_account();
/// Gives one path (not its contents) to that account; does nothing unless we are root.
void give_to_server(const std::filesystem::path& path);

/// Starts `argv` as that account, output appended to `output`. Started from the
/// main thread, the child gets SIGQUIT when the test dies, so that no server outlives it.
[[nodiscard]] pid_t start_child(const std::vector<std::string>& argv,
                                const std::filesystem::path& output);
/// Runs to the end; throws std::runtime_error with the output's path when the exit is not 0.
void run_child(const std::vector<std::string>& argv, const std::filesystem::path& output);

}  // namespace pgkeel::test
