// See s3_server.hpp.
#include "support/s3_server.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNode = "/usr/bin/node";

fs::path s3rver_dir() {
  const char* chosen = std::getenv("TEST_S3_SERVER_DIR");
  return fs::absolute(chosen != nullptr ? chosen : "build/s3-server");
}

bool is_ready(const fs::path& output) {
  std::ifstream file(output);
  std::string line;
  while (std::getline(file, line))
    if (line == "ready") return true;
  return false;
}

}  // namespace

bool S3Server::is_available() {
  return fs::exists(kNode) && fs::exists(s3rver_dir() / "installed");
}

S3Server::S3Server() : port_(free_port()) {
  const auto output = dir_ / "output";
  fs::create_directory(dir_ / "data");
  for (const auto& path : {dir_.path(), dir_ / "data"}) give_to_server(path);
  // The words are read by a script: it may lie where the server's account cannot go.
  const auto script = dir_ / "s3_server.js";
  fs::copy_file("test/support/s3_server.js", script);
  fs::permissions(script, fs::perms(0644));
  pid_ = start_child({kNode, "--openssl-legacy-provider", script, s3rver_dir(), dir_ / "data",
                      std::to_string(port_), kBucket},
                     output);
  if (!wait_until([&output] { return is_ready(output); }))
    throw std::runtime_error("the S3 server does not start, see " + output.string());
}

S3Server::~S3Server() {
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

std::filesystem::path S3Server::bucket_path() const { return dir_ / "data" / kBucket; }

}  // namespace pgkeel::test
