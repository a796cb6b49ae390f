// Through the runtime's own child processes; PGKEEL_BINARY is set by CMake.
#include "integration/app/binary.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {

Binary::Binary() {
  // The server's account has to reach what stands in here.
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
}

void Binary::write(std::string_view name, std::string_view text) const {
  std::filesystem::create_directories((dir() / name).parent_path());
  std::ofstream(dir() / name) << text;
}

Result<runtime::ProcessOutput> Binary::execute(const std::vector<std::string>& args,
                                               const Environment& environment) const {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.environment = environment;
  spec.environment_removed = {"DATABASE_URL",  "POSTGRES_HOST",     "POSTGRES_PORT",
                              "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB",
                              "PGKEEL_CONFIG"};
  spec.working_dir = dir();
  runtime::Loop loop;
  return loop.run_until_complete(
      runtime::run_process(loop, std::move(spec), loop.after(kPatience)));
}

Ran Binary::run(const std::vector<std::string>& args, const Environment& environment) const {
  auto output = execute(args, environment);
  if (!output) {
    ADD_FAILURE() << output.error().message();
    return {};
  }
  if (output->exit.signal != 0) ADD_FAILURE() << output->exit.describe() << "\n" << output->err;
  return {output->exit.code, output->out, output->err};
}

bool Binary::is_killed(const std::vector<std::string>& args, const Environment& environment) const {
  const auto output = execute(args, environment);
  if (!output) ADD_FAILURE() << output.error().message();
  else if (output->exit.signal != SIGKILL)
    ADD_FAILURE() << output->exit.describe() << "\n" << output->out << output->err;
  return output && output->exit.signal == SIGKILL;
}

std::vector<std::string> Binary::listing() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir()))
    names.push_back(entry.path().lexically_relative(dir()).string());
  std::ranges::sort(names);
  return names;
}

}  // namespace pgkeel::test
